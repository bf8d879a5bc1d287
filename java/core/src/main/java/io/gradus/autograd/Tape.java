package io.gradus.autograd;

import io.gradus.tensor.DType;
import io.gradus.tensor.RepeatedDraws;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * The record of a computation, from which gradients follow, and the scope that frees its tensors.
 *
 * <pre>{@code
 * try (Tape tape = Tape.record()) {
 *   Tensor loss = Losses.crossEntropy(model.forward(x), labels);
 *   optimizer.step(tape.gradients(loss));
 * }
 * }</pre>
 *
 * <p>A tape records what its thread computes from {@link #record()} to the first call of a {@code
 * gradients} method, and owns the tensors made until it closes. Tapes are independent. A tape
 * opened while another one records is nested: the outer one records its gradients too, for second
 * derivatives, and owns its tensors.
 */
public final class Tape implements AutoCloseable {

  /**
   * The tapes open on this thread, outermost first. Weak, so that a forgotten tape can be freed.
   */
  private static final ThreadLocal<ArrayList<WeakReference<Tape>>> OPEN =
      ThreadLocal.withInitial(ArrayList::new);

  private final List<Node> nodes = new ArrayList<>();
  private final Scope scope;

  /** The tapes that pause until this one closes; null where it pauses none. */
  private final ArrayList<WeakReference<Tape>> paused;

  /** Whether it records a part of a forward pass that is computed again. */
  private final boolean repeats;

  private final FiniteCheck check; // null for none
  private boolean recording = true;
  private boolean closed;

  private Tape(
      Scope scope, ArrayList<WeakReference<Tape>> paused, boolean repeats, FiniteCheck check) {
    this.scope = scope;
    this.paused = paused;
    this.repeats = repeats;
    this.check = check;
  }

  // Recording

  /** Opens a tape on this thread. */
  public static Tape record() {
    return open(null);
  }

  /**
   * Opens a tape that looks for the origin of a NaN or an infinity, as PyTorch's {@code
   * detect_anomaly}: it reads every result and every gradient, which is slow, and throws a {@link
   * NonFiniteException} that names the first op, forward or backward, whose one is not finite.
   *
   * @param limit the largest norm that a gradient may have; infinity for none
   */
  public static Tape recordFinite(double limit) {
    return open(new FiniteCheck(limit));
  }

  private static Tape open(FiniteCheck check) {
    Tape tape = new Tape(isRecording() ? null : Scope.open(), null, false, check);
    OPEN.get().add(new WeakReference<>(tape));
    return tape;
  }

  /**
   * Opens a tape that records alone: the others of this thread pause until it closes.
   *
   * @param repeats whether it is for a part that is computed again
   * @param check looks at what it records; null for none
   */
  static Tape recordAlone(boolean repeats, FiniteCheck check) {
    Tape tape = new Tape(Scope.open(), OPEN.get(), repeats || isRepeating(), check);
    OPEN.set(new ArrayList<>(List.of(new WeakReference<>(tape))));
    return tape;
  }

  /**
   * Records an op: its output and, for each input, how the gradient flows back. Every op calls this
   * once, after its kernel; so can a user's own op. Without an open tape nothing is kept.
   *
   * @return the output
   */
  public static Tensor record(String op, Tensor y, Wrt... inputs) {
    return record(op, y, null, inputs);
  }

  private static Tensor record(String op, Tensor y, UnaryOperator<Tensor> replay, Wrt... inputs) {
    ArrayList<WeakReference<Tape>> open = OPEN.get();
    Node node = null;
    for (int i = open.size() - 1; i >= 0; i--) {
      Tape tape = open.get(i).get();
      if (tape == null || !tape.recording) {
        open.remove(i);
      } else {
        if (node == null) {
          node = new Node(op, y, inputs, replay);
        }
        tape.nodes.add(node);
        if (tape.check != null) {
          tape.check.forward(op, y);
        }
      }
    }
    for (Wrt input : inputs) {
      // The kernel before this call used the input's raw address.
      Reference.reachabilityFence(input.input());
    }
    return y;
  }

  /**
   * Computes a part of the forward pass without keeping what its gradient will need: the part is
   * run again when it is wanted. A step takes less memory and up to a third more time (Chen et al.
   * 2016).
   *
   * @param part must do the same each time; the random numbers of its dropout are drawn once; what
   *     it changes outside, it changes unless {@link #isRepeating}
   * @return {@code part} of x
   */
  public static Tensor checkpoint(Tensor x, UnaryOperator<Tensor> part) {
    List<Tape> recorders = recorders();
    if (recorders.size() != 1) {
      return part.apply(x); // nothing to save, or an outer tape wants gradients of gradients
    }
    RepeatedDraws draws = new RepeatedDraws();
    Tensor y;
    List<Wrt> inputs = new ArrayList<>();
    inputs.add(Wrt.wrt(x, dy -> dy));
    try (Tape tape = recordAlone(false, recorders.get(0).check)) {
      y = draws.first(() -> part.apply(x));
      for (Tensor outside : tape.outsideInputs()) {
        if (outside != x) {
          inputs.add(Wrt.wrt(outside, dy -> dy));
        }
      }
      tape.keep(y);
    }
    DType precision = Autocast.type();
    return record(
        "checkpoint",
        y,
        in -> draws.again(() -> as(precision, part, in)),
        inputs.toArray(Wrt[]::new));
  }

  @SuppressWarnings("try") // it only has to close
  private static Tensor as(DType precision, UnaryOperator<Tensor> part, Tensor x) {
    try (Autocast autocast = Autocast.to(precision)) {
      return part.apply(x);
    }
  }

  /** The inputs that require gradients, each once, in the order of use. */
  List<Tensor> leaves() {
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

  /** What was computed before, or is a parameter, and has an influence on what was recorded. */
  private Set<Tensor> outsideInputs() {
    Set<Tensor> computed = Collections.newSetFromMap(new IdentityHashMap<>());
    Set<Tensor> inputs = new LinkedHashSet<>();
    for (Node node : nodes) {
      for (Wrt wrt : node.inputs()) {
        if (wrt.isDifferentiable() && !computed.contains(wrt.input())) {
          inputs.add(wrt.input());
        }
      }
      computed.add(node.y());
    }
    return inputs;
  }

  /** The tapes on this thread that record. */
  private static List<Tape> recorders() {
    List<Tape> recorders = new ArrayList<>();
    for (WeakReference<Tape> open : OPEN.get()) {
      Tape tape = open.get();
      if (tape != null && tape.recording) {
        recorders.add(tape);
      }
    }
    return recorders;
  }

  /** Whether a tape on this thread records. */
  public static boolean isRecording() {
    ArrayList<WeakReference<Tape>> open = OPEN.get();
    for (int i = open.size() - 1; i >= 0; i--) {
      Tape tape = open.get(i).get();
      if (tape != null && tape.recording) {
        return true;
      }
      open.remove(i);
    }
    return false;
  }

  /**
   * Whether this thread computes a part of the forward pass again, for {@link #checkpoint}: what
   * the first time has left behind, such as running statistics, is not to be changed a second time.
   */
  public static boolean isRepeating() {
    for (WeakReference<Tape> open : OPEN.get()) {
      Tape tape = open.get();
      if (tape != null && tape.repeats) {
        return true;
      }
    }
    return false;
  }

  /** The same values as a constant: gradients end here. */
  public static Tensor stopGradient(Tensor x) {
    return x.view(x.shape(), 0);
  }

  // Gradients

  /**
   * The gradients of a loss with respect to every tensor that {@linkplain Tensor#requiresGrad()
   * requires} them, such as a model's parameters. Ends the recording.
   *
   * @throws IllegalArgumentException where the loss has more than one element or was not recorded
   *     here
   */
  public Gradients gradients(Tensor loss) {
    return new Backward(this, loss, one(loss), null, null).run();
  }

  /** The gradients of a loss with respect to these tensors. Ends the recording. */
  public Gradients gradients(Tensor loss, Tensor... targets) {
    return new Backward(this, loss, one(loss), List.of(targets), null).run();
  }

  /**
   * The gradients of a loss added to earlier ones, whose memory this takes: for a step over several
   * batches. Ends the recording.
   *
   * <pre>{@code
   * Gradients sum = null;
   * for (Batch part : parts) {
   *   try (Tape tape = Tape.record()) {
   *     sum = tape.keep(tape.accumulate(sum, loss(part)));
   *   }
   * }
   * optimizer.step(sum.scale(1.0 / parts.size()));
   * }</pre>
   *
   * @param sum what was accumulated so far, not to be used again; null for nothing
   * @throws IllegalStateException where {@code sum} was used before
   */
  public Gradients accumulate(Gradients sum, Tensor loss) {
    if (sum != null) {
      sum.use("accumulate");
    }
    return new Backward(this, loss, one(loss), null, sum).run();
  }

  private Tensor one(Tensor loss) {
    if (loss.size() != 1) {
      throw new IllegalArgumentException(
          "gradients: the loss must have one element: "
              + loss.describe()
              + "; take its sum or mean, or give its gradient to vjp");
    }
    recording = false;
    return Tensor.full(1, loss.shape(), loss.dtype(), loss.device());
  }

  /**
   * The vector-Jacobian product: the gradients with respect to the targets when the gradient with
   * respect to {@code y}, of any shape, is {@code dy}. Without targets, those of {@link
   * #gradients(Tensor)}. Ends the recording.
   */
  public Gradients vjp(Tensor y, Tensor dy, Tensor... targets) {
    if (!y.shape().equals(dy.shape())) {
      throw new IllegalArgumentException(
          "vjp: the gradient must have the shape of what it belongs to: "
              + y.describe()
              + " and "
              + dy.describe());
    }
    if (y.dtype() != dy.dtype()) {
      throw new IllegalArgumentException(
          "vjp: the gradient must have the type of what it belongs to: "
              + y.describe()
              + " and "
              + dy.describe());
    }
    return new Backward(this, y, dy, targets.length == 0 ? null : List.of(targets), null).run();
  }

  // Memory

  /**
   * Hands a tensor to the scope or tape around this one, or to the garbage collector where there is
   * none, so that it outlives the tape.
   */
  public Tensor keep(Tensor tensor) {
    return scope == null ? tensor : scope.keep(tensor);
  }

  /** Hands gradients out, as {@link #keep(Tensor)} does a tensor. */
  public Gradients keep(Gradients gradients) {
    gradients.tensors().forEach(this::keep);
    return gradients;
  }

  /** Frees the record and the tensors made under it. Closing twice is harmless. */
  @Override
  public void close() {
    if (paused != null && !closed) {
      OPEN.set(paused);
    }
    closed = true;
    stop();
    nodes.clear();
    if (scope != null) {
      scope.close();
    }
  }

  void stop() {
    recording = false;
  }

  List<Node> nodes() {
    return nodes;
  }

  FiniteCheck check() {
    return check;
  }

  void checkOpen() {
    if (closed) {
      throw new IllegalStateException("gradients: the tape is closed");
    }
  }

  // Looking at it

  /**
   * An op that was recorded.
   *
   * @param name of the op: {@code linear}
   * @param inputs in the order of its arguments, without those that it lacks
   */
  public record Op(String name, Tensor output, List<Tensor> inputs) {}

  /** What was recorded, in order. */
  public List<Op> ops() {
    return nodes.stream()
        .map(node -> new Op(node.op(), node.y(), Stream.of(node.inputs()).map(Wrt::input).toList()))
        .toList();
  }

  /** How many ops were recorded. */
  public int size() {
    return nodes.size();
  }

  /** The record as a table: op, output, inputs. */
  @Override
  public String toString() {
    return TapeText.table(nodes);
  }

  /** The record as a graph in the DOT language of Graphviz. */
  public String toDot() {
    return TapeText.dot(nodes);
  }
}
