package io.gradus.nn;

import io.gradus.op.Recurrent;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * A plain recurrent network (Elman 1990): {@code h = tanh(W_ih x + b_ih + W_hh h₋₁ + b_hh)} at each
 * time, or relu in place of tanh. See {@link RecurrentLayers} for shapes and parameters; it has one
 * gate.
 */
public final class Rnn extends RecurrentLayers {

  private final boolean relu;

  /** One layer forward in time. */
  public Rnn(long in, long size, Device device, Seed seed) {
    this(in, size, Activation.TANH, RecurrentOptions.layers(1), device, seed);
  }

  /**
   * With so many layers and directions.
   *
   * @param in the size of the input at each time
   * @param size of the state
   * @param activation {@code TANH} or {@code RELU}
   */
  public Rnn(
      long in,
      long size,
      Activation activation,
      RecurrentOptions options,
      Device device,
      Seed seed) {
    super("rnn", 1, in, size, options, device, seed);
    relu = RecurrentWeights.isRelu(activation);
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
    return Recurrent.rnn(x, h0, weights, lengths, reverse, relu);
  }
}
