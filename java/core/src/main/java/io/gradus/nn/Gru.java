package io.gradus.nn;

import io.gradus.op.Recurrent;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Gated recurrent units (Cho et al. 2014): {@code h = (1 - z) ⊙ n + z ⊙ h₋₁}; see {@link
 * Recurrent#gru}. See {@link RecurrentLayers} for shapes and parameters; it has three gates, r, z
 * and n.
 */
public final class Gru extends RecurrentLayers {

  /** One layer forward in time. */
  public Gru(long in, long size, Device device, Seed seed) {
    this(in, size, RecurrentOptions.layers(1), device, seed);
  }

  /**
   * With so many layers and directions.
   *
   * @param in the size of the input at each time
   * @param size of the state
   */
  public Gru(long in, long size, RecurrentOptions options, Device device, Seed seed) {
    super("gru", 3, in, size, options, device, seed);
  }

  @Override
  public RecurrentOutput forward(Tensor x, Tensor lengths) {
    return run(x, null, null, lengths, false);
  }

  /**
   * Outputs, and the last states.
   *
   * @param x {@code (batch, time, in)}
   * @param h0 the states before, {@code (layers · directions, batch, size)}, those of the first
   *     layer first, forward before backward; null for zeros
   * @param lengths how many times of each sequence count, I32 {@code (batch)}: behind its end a
   *     sequence keeps its state and gives 0; null for all
   */
  public RecurrentOutput forward(Tensor x, Tensor h0, Tensor lengths) {
    return run(x, h0, null, lengths, false);
  }

  @Override
  Recurrent.States pass(
      Tensor x, Tensor h0, Tensor c0, Recurrent.Weights weights, Tensor lengths, boolean reverse) {
    return Recurrent.gru(x, h0, weights, lengths, reverse);
  }
}
