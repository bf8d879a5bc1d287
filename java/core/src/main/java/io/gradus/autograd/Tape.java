package io.gradus.autograd;

import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;

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
  private boolean recording = true;
  private boolean closed;

  private Tape(Scope scope) {
    this.scope = scope;
  }

  // Recording

  /** Opens a tape on this thread. */
  public static Tape record() {
    Tape tape = new Tape(isRecording() ? null : Scope.open());
    OPEN.get().add(new WeakReference<>(tape));
    return tape;
  }

  /**
   * Records an op: its output and, for each input, how the gradient flows back. Every op calls this
   * once, after its kernel; so can a user's own op. Without an open tape nothing is kept.
   *
   * @return the output
   */
  public static Tensor record(String op, Tensor y, Wrt... inputs) {
    ArrayList<WeakReference<Tape>> open = OPEN.get();
    Node node = null;
    for (int i = open.size() - 1; i >= 0; i--) {
      Tape tape = open.get(i).get();
      if (tape == null || !tape.recording) {
        open.remove(i);
      } else {
        if (node == null) {
          node = new Node(op, y, inputs);
        }
        tape.nodes.add(node);
      }
    }
    for (Wrt input : inputs) {
      // The kernel before this call used the input's raw address.
      Reference.reachabilityFence(input.input());
    }
    return y;
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
    return new Backward(this, nodes, loss, one(loss), null).run();
  }

  /** The gradients of a loss with respect to these tensors. Ends the recording. */
  public Gradients gradients(Tensor loss, Tensor... targets) {
    return new Backward(this, nodes, loss, one(loss), List.of(targets)).run();
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
    return new Backward(this, nodes, y, dy, targets.length == 0 ? null : List.of(targets)).run();
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

  void checkOpen() {
    if (closed) {
      throw new IllegalStateException("gradients: the tape is closed");
    }
  }

  // Looking at it

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
