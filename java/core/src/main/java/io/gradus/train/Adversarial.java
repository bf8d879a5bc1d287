package io.gradus.train;

import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.function.BinaryOperator;

/**
 * Makes inputs that a model gets wrong, though no element differs from the true ones by more than
 * epsilon. To train on them makes models robust; to test on them shows how robust they are.
 *
 * <pre>{@code
 * Adversarial within = new Adversarial(8 / 255.0, 0, 1);
 * Tensor hard = within.pgd(model, Losses::crossEntropy, x, labels, 7, 2 / 255.0, seed);
 * }</pre>
 *
 * <p>To be asked before the tape of a training step opens, which would record the search as well.
 * The model is switched to evaluation meanwhile, so that the search neither moves running
 * statistics nor draws random numbers of training; its parameters get no gradient.
 *
 * @param epsilon how far each element may move, 0 or more
 * @param low the smallest value that an element may have, such as black
 * @param high the largest
 */
public record Adversarial(double epsilon, double low, double high) {

  /** Checks the bounds. */
  public Adversarial {
    if (!(epsilon >= 0 && epsilon < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("adversarial: epsilon must not be negative: " + epsilon);
    }
    if (!(low <= high)) {
      throw new IllegalArgumentException(
          "adversarial: the lower bound exceeds the upper: " + low + " and " + high);
    }
  }

  /**
   * The fast gradient sign method (Goodfellow et al. 2015): {@code x + epsilon sign(dloss/dx)},
   * held within the bounds.
   *
   * @param model from inputs to what the loss takes
   * @param loss of the model's output and the targets, a scalar
   * @param inputs of a floating type
   * @return of the inputs' shape and type
   */
  public Tensor fgsm(Module model, BinaryOperator<Tensor> loss, Tensor inputs, Tensor targets) {
    return evaluating(model, () -> move(model, loss, inputs, inputs, targets, epsilon));
  }

  /**
   * Projected gradient descent (Madry et al. 2018): from a random place in the ball, so many steps
   * of {@code stepSize sign(dloss/dx)}, each brought back into the ball and the bounds.
   *
   * @param steps 1 or more
   * @param seed of the place to start from; null to start from the inputs
   * @return of the inputs' shape and type
   */
  public Tensor pgd(
      Module model,
      BinaryOperator<Tensor> loss,
      Tensor inputs,
      Tensor targets,
      int steps,
      double stepSize,
      Seed seed) {
    if (steps < 1) {
      throw new IllegalArgumentException(
          "adversarial: the number of steps must be positive: " + steps);
    }
    return evaluating(
        model,
        () -> {
          Tensor moved = seed == null ? inputs : start(inputs, seed);
          for (int step = 0; step < steps; step++) {
            Tensor before = moved;
            moved = move(model, loss, before, inputs, targets, stepSize);
            if (before != inputs) {
              before.close();
            }
          }
          return moved;
        });
  }

  private interface Search {
    Tensor run();
  }

  private static Tensor evaluating(Module model, Search search) {
    boolean training = model.isTraining();
    model.eval();
    try {
      return search.run();
    } finally {
      if (training) {
        model.train();
      }
    }
  }

  private Tensor start(Tensor inputs, Seed seed) {
    try (Scope scope = Scope.open()) {
      Tensor noise = Random.uniform(inputs.shape(), seed, -epsilon, epsilon, inputs.device());
      Tensor moved = Pointwise.add(inputs, Pointwise.cast(noise, inputs.dtype()));
      return scope.keep(within(moved, inputs));
    }
  }

  /** One step up the loss from a place near the inputs. */
  private Tensor move(
      Module model,
      BinaryOperator<Tensor> loss,
      Tensor from,
      Tensor inputs,
      Tensor targets,
      double stepSize) {
    try (Scope scope = Scope.open();
        Tape tape = Tape.record()) {
      Tensor x = from.view(from.shape(), 0); // a tensor of its own, which wants a gradient
      Tensor dx = tape.gradients(loss.apply(model.forward(x), targets), x).get(x);
      Tensor moved = Pointwise.add(from, Pointwise.mul(Pointwise.sign(dx), stepSize));
      return scope.keep(tape.keep(within(moved, inputs)));
    }
  }

  /** No farther than epsilon from the inputs, and within the bounds. */
  private Tensor within(Tensor moved, Tensor inputs) {
    Tensor distance = Pointwise.clamp(Pointwise.sub(moved, inputs), -epsilon, epsilon);
    return Pointwise.clamp(Pointwise.add(inputs, distance), low, high);
  }
}
