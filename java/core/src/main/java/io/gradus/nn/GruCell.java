package io.gradus.nn;

import io.gradus.op.Recurrent;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * One step of a {@link Gru} of one layer, for loops of one's own. Its parameters are {@code
 * weight_ih}, {@code weight_hh}, {@code bias_ih} and {@code bias_hh}, laid out as those of {@link
 * Gru}.
 */
public final class GruCell extends Module {

  private final long in;
  private final long size;
  private final Recurrent.Weights weights;

  /** From inputs of {@code in} and states of {@code size}. */
  public GruCell(long in, long size, Device device, Seed seed) {
    RecurrentWeights.check("gru", in, size);
    this.in = in;
    this.size = size;
    weights = RecurrentWeights.of(this, "", 3, in, size, true, device, seed);
  }

  /** The next state, from a state of zeros. */
  @Override
  public Tensor forward(Tensor x) {
    return forward(x, RecurrentWeights.zeros("gru", x, size));
  }

  /**
   * The next state, {@code (batch, size)}.
   *
   * @param x {@code (batch, in)}
   * @param h the state before, {@code (batch, size)}
   */
  public Tensor forward(Tensor x, Tensor h) {
    Tensor step = RecurrentWeights.step("gru", x);
    return Recurrent.gru(step, h, weights, null, false).h();
  }

  @Override
  protected String settings() {
    return "in=" + in + ", size=" + size;
  }
}
