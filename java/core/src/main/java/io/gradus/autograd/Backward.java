package io.gradus.autograd;

import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Reverse-mode differentiation over a tape: one sweep forward to find what lies between the targets
 * and the loss, one sweep back along just that.
 */
final class Backward {

  private final List<Node> nodes;
  private final FiniteCheck check; // null for none
  private final Tensor loss;
  private final Tensor dloss;

  /** The gradients on their way back, by what they belong to. */
  private final Map<Tensor, Tensor> flows = new IdentityHashMap<>();

  private final Set<Tensor> onPath = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Tensor> wanted = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<Tensor> targets;
  private final FlatGradients flat;
  private final boolean recorded;

  /**
   * Without targets (null), the inputs that require gradients.
   *
   * @param onto earlier gradients to add to, whose memory this takes; or null
   */
  Backward(Tape tape, Tensor loss, Tensor dloss, List<Tensor> targets, Gradients onto) {
    tape.checkOpen();
    tape.stop();
    this.nodes = tape.nodes();
    this.check = tape.check();
    this.loss = loss;
    this.dloss = dloss;
    this.recorded = Tape.isRecording();
    List<Tensor> named = targets != null ? targets : tape.leaves();
    this.targets = Stream.concat(earlier(onto), named.stream()).distinct().toList();
    wanted.addAll(this.targets);
    this.flat = recorded ? null : new FlatGradients(this.targets, onto);
    if (onto != null) {
      onto.targets().forEach(target -> flows.put(target, startingAt(target, onto)));
    }
  }

  private static Stream<Tensor> earlier(Gradients onto) {
    return onto == null ? Stream.empty() : onto.targets().stream();
  }

  private Tensor startingAt(Tensor target, Gradients onto) {
    Tensor before = onto.get(target);
    Tensor place = flat == null ? null : flat.place(target);
    if (place != null && !place.sharesMemoryWith(before)) {
      place.copyFrom(before);
    }
    return place != null ? place : before;
  }

  @SuppressWarnings("try") // it only has to close
  Gradients run() {
    boolean[] active = findPath(nodes);
    checkRecorded();
    add(loss, dloss);
    // A gradient has the type of what it belongs to, in mixed precision too.
    try (Autocast off = Autocast.to(DType.F32)) {
      sweep(nodes, active);
    }
    return collect();
  }

  /** Hands gradients from outputs to inputs, last node first. */
  private void sweep(List<Node> nodes, boolean[] active) {
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (active[i]) {
        boolean keep = wanted.contains(node.y());
        Tensor dy = keep ? flows.get(node.y()) : flows.remove(node.y());
        if (dy != null) {
          if (node.replay() != null) {
            replay(node, dy);
          } else {
            pass(node, dy);
          }
          if (!recorded && !keep && dy != dloss) {
            dy.close();
          }
        }
      }
    }
  }

  /** Marks the nodes through which the loss depends on a target. */
  private boolean[] findPath(List<Node> nodes) {
    onPath.addAll(targets);
    boolean[] active = new boolean[nodes.size()];
    for (int i = 0; i < active.length; i++) {
      Node node = nodes.get(i);
      for (Wrt wrt : node.inputs()) {
        active[i] |= wrt.isDifferentiable() && onPath.contains(wrt.input());
      }
      if (active[i]) {
        onPath.add(node.y());
      }
    }
    return active;
  }

  private void checkRecorded() {
    if (!wanted.contains(loss) && nodes.stream().noneMatch(node -> node.y() == loss)) {
      throw new IllegalArgumentException(
          "gradients: the loss was not computed while this tape recorded: "
              + loss.describe()
              + "; a tape records its own thread until gradients is first called");
    }
  }

  /** Passes the gradient of a node's output on to its inputs. */
  private void pass(Node node, Tensor dy) {
    for (Wrt wrt : node.inputs()) {
      if (wrt.isDifferentiable() && onPath.contains(wrt.input())) {
        Tensor x = wrt.input();
        Tensor before = flows.get(x);
        Tensor place = flat == null ? null : flat.place(x);
        if (wrt.into() != null && before == null && place != null) {
          wrt.into().write(dy, place, false);
          flows.put(x, place);
        } else if (wrt.into() != null && before != null && before != dy && isOwn(x, before)) {
          wrt.into().write(dy, before, true);
        } else {
          Tensor dx = checked(node, x, wrt.gradient().apply(dy));
          // A function may hand dy on: then it needs a handle of its own, since dy's is closed.
          add(x, dx == dy && !recorded ? dy.view(dy.shape(), 0) : dx);
        }
        if (check != null) {
          check.backward(node.op(), flows.get(x));
        }
      }
    }
  }

  /** Whether a gradient's memory is nobody else's, so that more may be added to it in place. */
  private boolean isOwn(Tensor x, Tensor gradient) {
    return !recorded && gradient != dloss && (flat.place(x) == gradient || !gradient.isShared());
  }

  /** Computes a part of the forward pass again, and the gradients along it. */
  private void replay(Node node, Tensor dy) {
    if (recorded) {
      throw new IllegalStateException(
          "checkpoint: it cannot be differentiated twice; open the outer tape before the part runs");
    }
    try (Tape again = Tape.recordAlone(true, check)) {
      Tensor y = node.replay().apply(node.inputs()[0].input());
      again.stop();
      boolean[] active = findPath(again.nodes());
      add(y, dy.view(dy.shape(), 0));
      sweep(again.nodes(), active);
      flows.values().forEach(again::keep);
    }
  }

  private static Tensor checked(Node node, Tensor x, Tensor dx) {
    if (!dx.shape().equals(x.shape()) || dx.dtype() != x.dtype()) {
      throw new IllegalArgumentException(
          node.op()
              + ": the gradient for an input "
              + x.describe()
              + " came back as "
              + dx.describe());
    }
    return dx;
  }

  /** Adds to the gradient of x; takes {@code dx} over. */
  private void add(Tensor x, Tensor dx) {
    Tensor before = flows.get(x);
    if (before == null) {
      flows.put(x, dx);
      return;
    }
    Tensor sum = isOwn(x, before) ? before : Tensor.emptyLike(dx);
    sum.backend()
        .add(sum.typeCode(), before.address(), dx.address(), sum.address(), sum.size(), null);
    Tape.record("add", sum, Wrt.wrt(before, d -> d), Wrt.wrt(dx, d -> d));
    flows.put(x, sum);
    if (!recorded) {
      if (dx != dloss) {
        dx.close();
      }
      if (sum != before && before != dloss) {
        before.close();
      }
    }
  }

  private Gradients collect() {
    Map<Tensor, Tensor> byTarget = new IdentityHashMap<>();
    for (Tensor target : targets) {
      Tensor flow = flows.get(target);
      Tensor place = flat == null ? null : flat.place(target);
      Tensor gradient;
      if (place != null) {
        gradient = place;
        if (flow == null) {
          place.fill(0);
        } else if (flow != place) {
          place.copyFrom(flow);
          if (flow != dloss) {
            flow.close();
          }
        }
      } else {
        gradient = flow == null ? Tensor.zerosLike(target) : flow;
      }
      byTarget.put(target, gradient);
    }
    return new Gradients(targets, byTarget, flat == null ? List.of() : flat.finish());
  }
}
