package io.gradus.nn;

import io.gradus.op.Recurrent;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/** Makes the weights of recurrent layers and cells. */
final class RecurrentWeights {

  private RecurrentWeights() {}

  /** Parameters of a module, named as in PyTorch and, as there, uniform within ±1 / √size. */
  static Recurrent.Weights of(
      Module module,
      String suffix,
      int gates,
      long in,
      long size,
      boolean bias,
      Device device,
      Seed seed) {
    long width = gates * size;
    return new Recurrent.Weights(
        uniform(module, "weight_ih" + suffix, Shape.of(width, in), size, device, seed.split(0)),
        uniform(module, "weight_hh" + suffix, Shape.of(width, size), size, device, seed.split(1)),
        bias
            ? uniform(module, "bias_ih" + suffix, Shape.of(width), size, device, seed.split(2))
            : null,
        bias
            ? uniform(module, "bias_hh" + suffix, Shape.of(width), size, device, seed.split(3))
            : null);
  }

  private static Tensor uniform(
      Module module, String name, Shape shape, long size, Device device, Seed seed) {
    double bound = 1 / Math.sqrt(size);
    return module.parameter(name, () -> Init.uniform(shape, -bound, bound, seed, device));
  }

  /** A cell's input as a sequence of one time. */
  static Tensor step(String op, Tensor x) {
    checkInput(op, x);
    return Shapes.reshape(x, 1, x.dim(0), x.dim(1));
  }

  /** The state that a cell begins with. */
  static Tensor zeros(String op, Tensor x, long size) {
    checkInput(op, x);
    return Tensor.zeros(Shape.of(x.dim(0), size), x.dtype(), x.device());
  }

  private static void checkInput(String op, Tensor x) {
    if (x.rank() != 2) {
      throw new IllegalArgumentException(op + ": a cell needs an input (batch, in): " + x.shape());
    }
  }

  static boolean isRelu(Activation activation) {
    if (activation != Activation.TANH && activation != Activation.RELU) {
      throw new IllegalArgumentException("rnn: the activation must be TANH or RELU: " + activation);
    }
    return activation == Activation.RELU;
  }

  static void check(String op, long in, long size) {
    if (in < 1 || size < 1) {
      throw new IllegalArgumentException(
          op + ": sizes must be positive: " + in + " in, " + size + " of the state");
    }
  }
}
