package io.gradus.nn;

import io.gradus.op.Random;
import io.gradus.op.Recurrent;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Layers that go along a sequence with a state: from {@code (batch, time, in)} to {@code (batch,
 * time, directions · size)}.
 *
 * <p>Their parameters have PyTorch's names, for each layer {@code weight_ih_l0 (gates · size, in)},
 * {@code weight_hh_l0 (gates · size, size)}, {@code bias_ih_l0} and {@code bias_hh_l0 (gates ·
 * size)}, and with {@code _reverse} behind them those of the half that goes back in time. All begin
 * uniform within {@code ±1 / √size}.
 *
 * <p>Each layer and direction is one op: a product of the input for all times, then for each time a
 * product of the state and one fused kernel. Second derivatives are refused.
 */
public abstract sealed class RecurrentLayers extends Module permits Rnn, Lstm, Gru {

  private final String op;
  private final long in;
  private final long size;
  private final RecurrentOptions options;
  private final List<Recurrent.Weights> weights = new ArrayList<>();
  private final Draws draws;

  RecurrentLayers(
      String op,
      int gates,
      long in,
      long size,
      RecurrentOptions options,
      Device device,
      Seed seed) {
    RecurrentWeights.check(op, in, size);
    this.op = op;
    this.in = in;
    this.size = size;
    this.options = options;
    for (int layer = 0; layer < options.layers(); layer++) {
      long width = layer == 0 ? in : size * options.directions();
      for (int d = 0; d < options.directions(); d++) {
        String suffix = "_l" + layer + (d == 0 ? "" : "_reverse");
        Seed own = seed.split(weights.size());
        weights.add(
            RecurrentWeights.of(this, suffix, gates, width, size, options.bias(), device, own));
      }
    }
    draws = draws("dropout", seed.split(weights.size()));
  }

  /** One layer in one direction; c0 is null but for an LSTM. */
  abstract Recurrent.States pass(
      Tensor x, Tensor h0, Tensor c0, Recurrent.Weights weights, Tensor lengths, boolean reverse);

  /** The last layer's state at each time, from a state of zeros. */
  @Override
  public final Tensor forward(Tensor x) {
    return forward(x, null).y();
  }

  /**
   * Outputs and last states of sequences that may differ in length, from states of zeros.
   *
   * @param x {@code (batch, time, in)}
   * @param lengths how many times of each sequence count, I32 {@code (batch)}: behind its end a
   *     sequence keeps its state and gives 0; null for all
   */
  public abstract RecurrentOutput forward(Tensor x, Tensor lengths);

  /** The size of a state of one direction. */
  public final long size() {
    return size;
  }

  /** The size of what it gives at each time: those of both directions where it has them. */
  public final long outputSize() {
    return size * options.directions();
  }

  final RecurrentOutput run(Tensor x, Tensor h0, Tensor c0, Tensor lengths, boolean cells) {
    if (x.rank() != 3 || x.dim(2) != in) {
      throw new IllegalArgumentException(
          op + ": needs an input (batch, time, " + in + "): " + x.shape());
    }
    checkState("state", h0, x);
    checkState("state of cells", c0, x);
    List<Tensor> hs = new ArrayList<>();
    List<Tensor> cs = new ArrayList<>();
    Tensor steps = Shapes.transpose(x, 0, 1);
    for (int layer = 0; layer < options.layers(); layer++) {
      if (layer > 0 && options.dropout() > 0 && isTraining()) {
        steps = Random.dropout(steps, options.dropout(), draws.next());
      }
      Tensor[] ys = new Tensor[options.directions()];
      for (int d = 0; d < ys.length; d++) {
        int i = hs.size();
        Recurrent.States states =
            pass(
                steps,
                state(h0, i, steps),
                cells ? state(c0, i, steps) : null,
                weights.get(i),
                lengths,
                d == 1);
        ys[d] = states.y();
        hs.add(states.h());
        cs.add(states.c());
      }
      steps = ys.length == 1 ? ys[0] : Shapes.concat(-1, ys);
    }
    return new RecurrentOutput(
        Shapes.transpose(steps, 0, 1), stacked(hs), cells ? stacked(cs) : null);
  }

  private void checkState(String name, Tensor state, Tensor x) {
    Shape shape = Shape.of(weights.size(), x.dim(0), size);
    if (state != null && !state.shape().equals(shape)) {
      throw new IllegalArgumentException(
          op
              + ": the "
              + name
              + " must have the shape (layers · directions, batch, size) "
              + shape
              + ": "
              + state.shape());
    }
  }

  private Tensor state(Tensor states, int i, Tensor steps) {
    Shape shape = Shape.of(steps.dim(1), size);
    return states == null
        ? Tensor.zeros(shape, steps.dtype(), steps.device())
        : Shapes.reshape(Shapes.slice(states, i, i + 1), shape);
  }

  private static Tensor stacked(List<Tensor> states) {
    return Shapes.stack(0, states.toArray(Tensor[]::new));
  }

  @Override
  protected String settings() {
    return "in=" + in + ", size=" + size + ", " + options;
  }
}
