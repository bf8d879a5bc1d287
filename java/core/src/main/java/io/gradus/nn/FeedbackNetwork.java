package io.gradus.nn;

import io.gradus.autograd.Tape;
import io.gradus.op.Shapes;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * A network whose output is fed back to its input: {@code s_t = f(x_t, s_{t-d})}, where f is any
 * module that takes input and feedback side by side, and the delay d is 1 or more. Where f's output
 * is the network's this is Jordan's (1986); where f's output is a hidden state, from which a second
 * module g reads the output {@code y_t = g(s_t)}, it is Elman's (1990).
 *
 * <p>From {@code (batch, time, in)} to {@code (batch, time, out)}. The module f maps {@code (batch,
 * in + size)} to {@code (batch, size)}, g {@code (batch, size)} to {@code (batch, out)}; both see
 * one time at a time. What is fed back before the first output is 0, or what an earlier part of the
 * sequence left.
 *
 * <p>It is trained through time (Werbos 1990): the loop is unrolled, each time being one more use
 * of the same f, and with {@code J_t = ∂s_t / ∂s_{t-d}} the gradient of the loss is
 *
 * <pre>{@code
 * dL/ds_t = ∂L/∂s_t + J_{t+d}ᵀ dL/ds_{t+d}        dL/dθ = Σ_t (∂f/∂θ at t)ᵀ dL/ds_t
 * }</pre>
 *
 * <p>Far back, it is a product of many J, which costs memory for each time and vanishes or
 * explodes. With a truncation of k (Williams and Peng 1990) what is fed back is a constant to the
 * gradient after every k times, so that the first sum above ends there: outputs stay the same, and
 * the gradient is that of independent pieces of k times whose first feedback is given.
 */
public final class FeedbackNetwork extends Module {

  private final Module inner;
  private final Module readout; // null where the feedback is the output
  private final int size;
  private final int delay;
  private final int truncation;

  /**
   * Outputs, and what will be fed back next.
   *
   * @param y {@code (batch, time, out)}
   * @param feedback the last states, the oldest first, {@code (batch, delay, size)}
   */
  public record Output(Tensor y, Tensor feedback) {}

  /** A network whose output goes back to its input one time later, trained through all times. */
  public FeedbackNetwork(Module inner, int size) {
    this(inner, null, size, 1, 0);
  }

  /**
   * With a readout, a delay and truncation.
   *
   * @param inner f
   * @param readout g; null for none: the output is what is fed back
   * @param size of what is fed back
   * @param delay after how many times it comes back
   * @param truncation after how many times gradients end; 0 for never
   */
  public FeedbackNetwork(Module inner, Module readout, int size, int delay, int truncation) {
    if (size < 1 || delay < 1 || truncation < 0) {
      throw new IllegalArgumentException(
          "feedback: size and delay must be positive, truncation 0 or more: size "
              + size
              + ", delay "
              + delay
              + ", truncation "
              + truncation);
    }
    this.inner = child("inner", inner);
    this.readout = readout == null ? null : child("readout", readout);
    this.size = size;
    this.delay = delay;
    this.truncation = truncation;
  }

  @Override
  public Tensor forward(Tensor x) {
    return forward(x, null).y();
  }

  /**
   * Goes on with a sequence.
   *
   * @param feedback what an earlier part of the sequence left, {@code (batch, delay, size)}; {@link
   *     Tape#stopGradient} makes it a constant. Null for zeros
   */
  public Output forward(Tensor x, Tensor feedback) {
    if (x.rank() != 3) {
      throw new IllegalArgumentException(
          "feedback: needs an input (batch, time, in): " + x.shape());
    }
    long batch = x.dim(0);
    long times = x.dim(1);
    Deque<Tensor> line = delayLine(x, feedback);
    Tensor steps = Shapes.transpose(x, 0, 1);
    List<Tensor> ys = new ArrayList<>();
    for (long t = 0; t < times; t++) {
      Tensor input = Shapes.reshape(Shapes.slice(steps, t, t + 1), batch, x.dim(2));
      Tensor state = inner.call(Shapes.concat(-1, input, line.remove()));
      checkState(state, batch);
      ys.add(readout == null ? state : readout.call(state));
      line.add(state);
      if (truncation > 0 && (t + 1) % truncation == 0) {
        for (int i = 0; i < delay; i++) {
          line.add(Tape.stopGradient(line.remove()));
        }
      }
    }
    Tensor last = Shapes.stack(1, line.toArray(Tensor[]::new));
    return new Output(times == 0 ? empty(x) : Shapes.stack(1, ys.toArray(Tensor[]::new)), last);
  }

  private Deque<Tensor> delayLine(Tensor x, Tensor feedback) {
    Shape shape = Shape.of(x.dim(0), delay, size);
    if (feedback != null && !feedback.shape().equals(shape)) {
      throw new IllegalArgumentException(
          "feedback: what is fed back must have the shape (batch, delay, size) "
              + shape
              + ": "
              + feedback.shape());
    }
    Deque<Tensor> line = new ArrayDeque<>();
    Shape one = Shape.of(x.dim(0), size);
    for (int i = 0; i < delay; i++) {
      line.add(
          feedback == null
              ? Tensor.zeros(one, x.dtype(), x.device())
              : Shapes.reshape(Shapes.narrow(feedback, 1, i, 1), one));
    }
    return line;
  }

  private void checkState(Tensor state, long batch) {
    if (!state.shape().equals(Shape.of(batch, size))) {
      throw new IllegalArgumentException(
          "feedback: the inner module must give " + Shape.of(batch, size) + ": " + state.shape());
    }
  }

  /** Without a time, the size of the output follows from that of a state. */
  private Tensor empty(Tensor x) {
    Tensor none = Tensor.zeros(Shape.of(0, size), x.dtype(), x.device());
    long out = readout == null ? size : readout.forward(none).dim(1);
    return Tensor.zeros(Shape.of(x.dim(0), 0, out), x.dtype(), x.device());
  }

  @Override
  protected String settings() {
    return "size="
        + size
        + ", delay="
        + delay
        + (truncation > 0 ? ", truncation=" + truncation : "");
  }
}
