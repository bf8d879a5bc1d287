package io.gradus.autograd;

import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reverse-mode differentiation over a tape: one sweep forward to find what lies between the targets
 * and the loss, one sweep back along just that.
 */
final class Backward {

  /** A gradient on its way back; its own where no other tensor shares its memory. */
  private record Flow(Tensor value, boolean own) {}

  private final Tape tape;
  private final List<Node> nodes;
  private final Tensor loss;
  private final Tensor dloss;
  private final Map<Tensor, Flow> flows = new IdentityHashMap<>();
  private final Set<Tensor> onPath = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<Tensor> targets;
  private final FlatGradients flat;
  private final boolean recorded;

  /** Without targets (null), the inputs that require gradients. */
  Backward(Tape tape, List<Node> nodes, Tensor loss, Tensor dloss, List<Tensor> targets) {
    tape.checkOpen();
    tape.stop();
    this.tape = tape;
    this.nodes = nodes;
    this.loss = loss;
    this.dloss = dloss;
    this.recorded = Tape.isRecording();
    this.targets = targets != null ? targets.stream().distinct().toList() : leaves();
    this.flat = recorded ? null : new FlatGradients(this.targets);
  }

  /** The inputs that require gradients, each once, in the order of use. */
  private List<Tensor> leaves() {
    Set<Tensor> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Tensor> leaves = new ArrayList<>();
    for (Node node : nodes) {
      for (Wrt wrt : node.inputs()) {
        if (wrt.input().requiresGrad() && seen.add(wrt.input())) {
          leaves.add(wrt.input());
        }
      }
    }
    return leaves;
  }

  Gradients run() {
    boolean[] active = findPath();
    flows.put(loss, new Flow(dloss, false));
    Set<Tensor> kept = Collections.newSetFromMap(new IdentityHashMap<>());
    kept.addAll(targets);
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (active[i]) {
        Flow dy = kept.contains(node.y()) ? flows.get(node.y()) : flows.remove(node.y());
        if (dy != null) {
          pass(node, dy.value());
          if (!recorded && !kept.contains(node.y()) && dy.value() != dloss) {
            dy.value().close();
          }
        }
      }
    }
    return collect();
  }

  /** Marks the nodes through which the loss depends on a target. */
  private boolean[] findPath() {
    onPath.addAll(targets);
    boolean[] active = new boolean[nodes.size()];
    boolean lossRecorded = onPath.contains(loss);
    for (int i = 0; i < active.length; i++) {
      Node node = nodes.get(i);
      lossRecorded |= node.y() == loss;
      for (Wrt wrt : node.inputs()) {
        active[i] |= wrt.isDifferentiable() && onPath.contains(wrt.input());
      }
      if (active[i]) {
        onPath.add(node.y());
      }
    }
    if (!lossRecorded) {
      throw new IllegalArgumentException(
          "gradients: the loss was not computed while this tape recorded: "
              + loss.describe()
              + "; a tape records its own thread until gradients is first called");
    }
    return active;
  }

  /** Passes the gradient of a node's output on to its inputs. */
  private void pass(Node node, Tensor dy) {
    for (Wrt wrt : node.inputs()) {
      if (wrt.isDifferentiable() && onPath.contains(wrt.input())) {
        Tensor x = wrt.input();
        Flow before = flows.get(x);
        Tensor place = flat == null ? null : flat.place(x);
        if (place != null && wrt.into() != null && (before == null || before.value() == place)) {
          wrt.into().write(dy, place, before != null);
          flows.put(x, new Flow(place, true));
        } else {
          flows.put(x, add(before, checked(node, x, wrt.gradient().apply(dy)), dy));
        }
      }
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

  private Flow add(Flow before, Tensor dx, Tensor dy) {
    if (before == null) {
      // A function may hand dy on: then it needs a handle of its own, since dy's is closed.
      return new Flow(dx == dy && !recorded ? dy.view(dy.shape(), 0) : dx, false);
    }
    Tensor sum = before.own() && !recorded ? before.value() : Tensor.emptyLike(dx);
    Tensor old = before.value();
    sum.backend().add(sum.typeCode(), old.address(), dx.address(), sum.address(), sum.size(), null);
    Tape.record("add", sum, Wrt.wrt(old, d -> d), Wrt.wrt(dx, d -> d));
    if (!recorded) {
      if (dx != dy) {
        dx.close();
      }
      if (sum != old) {
        old.close();
      }
    }
    return new Flow(sum, true);
  }

  private Gradients collect() {
    Map<Tensor, Tensor> byTarget = new IdentityHashMap<>();
    for (Tensor target : targets) {
      Flow flow = flows.get(target);
      Tensor place = flat == null ? null : flat.place(target);
      Tensor gradient;
      if (place != null) {
        gradient = place;
        if (flow == null) {
          place.fill(0);
        } else if (flow.value() != place) {
          place.copyFrom(flow.value());
          if (flow.value() != dloss) {
            flow.value().close();
          }
        }
      } else {
        gradient = flow == null ? Tensor.zerosLike(target) : flow.value();
      }
      byTarget.put(target, gradient);
    }
    return new Gradients(targets, byTarget, flat == null ? List.of() : flat.finish());
  }
}
