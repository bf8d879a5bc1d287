package io.gradus.optim;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;

/** Steps with gradients that a test chooses. */
final class Step {

  private Step() {}

  /** One step in which the gradient of {@code p[i]} is {@code g[i]}, before {@code change}. */
  static void step(
      Optimizer optimizer, List<Tensor> p, List<float[]> g, UnaryOperator<Gradients> change) {
    try (Tape tape = Tape.record()) {
      optimizer.step(change.apply(gradients(tape, p, g)));
    }
  }

  static void step(Optimizer optimizer, List<Tensor> p, List<float[]> g) {
    step(optimizer, p, g, gradients -> gradients);
  }

  /** The gradients of {@code Σ p[i] · g[i]}, which are g. */
  static Gradients gradients(Tape tape, List<Tensor> p, List<float[]> g) {
    Tensor loss = Tensor.scalar(0);
    for (int i = 0; i < p.size(); i++) {
      Tensor weights = Tensor.of(g.get(i), p.get(i).shape());
      loss = Pointwise.add(loss, Reductions.sum(Pointwise.mul(p.get(i), weights)));
    }
    return tape.gradients(loss);
  }
}
