package io.gradus.nn;

import io.gradus.op.Recurrent;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * One step of an {@link Rnn} of one layer, for loops of one's own. Its parameters are {@code
 * weight_ih}, {@code weight_hh}, {@code bias_ih} and {@code bias_hh}, laid out as those of {@link
 * Rnn}.
 */
public final class RnnCell extends Module {

  private final long in;
  private final long size;
  private final boolean relu;
  private final Recurrent.Weights weights;

  /** With tanh, from inputs of {@code in} and states of {@code size}. */
  public RnnCell(long in, long size, Device device, Seed seed) {
    this(in, size, Activation.TANH, device, seed);
  }

  /** With {@code TANH} or {@code RELU}. */
  public RnnCell(long in, long size, Activation activation, Device device, Seed seed) {
    RecurrentWeights.check("rnn", in, size);
    this.in = in;
    this.size = size;
    relu = RecurrentWeights.isRelu(activation);
    weights = RecurrentWeights.of(this, "", 1, in, size, true, device, seed);
  }

  /** The next state, from a state of zeros. */
  @Override
  public Tensor forward(Tensor x) {
    return forward(x, RecurrentWeights.zeros("rnn", x, size));
  }

  /**
   * The next state, {@code (batch, size)}.
   *
   * @param x {@code (batch, in)}
   * @param h the state before, {@code (batch, size)}
   */
  public Tensor forward(Tensor x, Tensor h) {
    Tensor step = RecurrentWeights.step("rnn", x);
    return Recurrent.rnn(step, h, weights, null, false, relu).h();
  }

  @Override
  protected String settings() {
    return "in=" + in + ", size=" + size;
  }
}
