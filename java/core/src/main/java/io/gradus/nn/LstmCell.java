package io.gradus.nn;

import io.gradus.op.Recurrent;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * One step of an {@link Lstm} of one layer, for loops of one's own. Its parameters are {@code
 * weight_ih}, {@code weight_hh}, {@code bias_ih} and {@code bias_hh}, laid out as those of {@link
 * Lstm}.
 */
public final class LstmCell extends Module {

  /**
   * The states of units and cells.
   *
   * @param h of the units, {@code (batch, size)}
   * @param c of the cells, the same
   */
  public record State(Tensor h, Tensor c) {}

  private final long in;
  private final long size;
  private final Recurrent.Weights weights;

  /** From inputs of {@code in} and states of {@code size}. */
  public LstmCell(long in, long size, Device device, Seed seed) {
    RecurrentWeights.check("lstm", in, size);
    this.in = in;
    this.size = size;
    weights = RecurrentWeights.of(this, "", 4, in, size, true, device, seed);
  }

  /** The next state of the units, from states of zeros. */
  @Override
  public Tensor forward(Tensor x) {
    Tensor zeros = RecurrentWeights.zeros("lstm", x, size);
    return forward(x, zeros, zeros).h();
  }

  /**
   * The next states.
   *
   * @param x {@code (batch, in)}
   * @param h the state of the units, {@code (batch, size)}
   * @param c the state of the cells, the same
   */
  public State forward(Tensor x, Tensor h, Tensor c) {
    Tensor step = RecurrentWeights.step("lstm", x);
    Recurrent.States next = Recurrent.lstm(step, h, c, weights, null, false);
    return new State(next.h(), next.c());
  }

  @Override
  protected String settings() {
    return "in=" + in + ", size=" + size;
  }
}
