package io.gradus.nn;

import io.gradus.tensor.Tensor;

/**
 * What recurrent layers give.
 *
 * @param y the last layer's state at each time, {@code (batch, time, directions · size)}
 * @param h the last state of each layer and direction, {@code (layers · directions, batch, size)}:
 *     those of the first layer first, forward before backward
 * @param c of an LSTM the last states of its cells, laid out as h; of other layers null
 */
public record RecurrentOutput(Tensor y, Tensor h, Tensor c) {}
