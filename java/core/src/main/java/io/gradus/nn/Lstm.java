package io.gradus.nn;

import io.gradus.op.Recurrent;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997), which keeps or forgets by gates: {@code
 * c = f ⊙ c₋₁ + i ⊙ g}, {@code h = o ⊙ tanh(c)}; see {@link Recurrent#lstm}. See {@link
 * RecurrentLayers} for shapes and parameters; it has four gates, i, f, g and o.
 */
public final class Lstm extends RecurrentLayers {

  /** One layer forward in time. */
  public Lstm(long in, long size, Device device, Seed seed) {
    this(in, size, RecurrentOptions.layers(1), device, seed);
  }

  /**
   * With so many layers and directions.
   *
   * @param in the size of the input at each time
   * @param size of the state
   */
  public Lstm(long in, long size, RecurrentOptions options, Device device, Seed seed) {
    super("lstm", 4, in, size, options, device, seed);
  }

  @Override
  public RecurrentOutput forward(Tensor x, Tensor lengths) {
    return run(x, null, null, lengths, true);
  }

  /**
   * Outputs, and the last states of units and cells.
   *
   * @param x {@code (batch, time, in)}
   * @param h0 the states before, {@code (layers · directions, batch, size)}, those of the first
   *     layer first, forward before backward; null for zeros
   * @param c0 the states of its cells before, as h0; null for zeros
   * @param lengths how many times of each sequence count, I32 {@code (batch)}: behind its end a
   *     sequence keeps its state and gives 0; null for all
   */
  public RecurrentOutput forward(Tensor x, Tensor h0, Tensor c0, Tensor lengths) {
    return run(x, h0, c0, lengths, true);
  }

  @Override
  Recurrent.States pass(
      Tensor x, Tensor h0, Tensor c0, Recurrent.Weights weights, Tensor lengths, boolean reverse) {
    return Recurrent.lstm(x, h0, c0, weights, lengths, reverse);
  }
}
