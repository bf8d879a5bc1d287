package io.gradus.optim;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.nn.Parameters;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * Newton's method without a Hessian (Nocedal and Wright 2006, algorithm 7.1): conjugate gradients
 * solve {@code (H + damping · I) d = -gradient} with products of the Hessian {@code H} and vectors,
 * which come from a tape around a tape (Pearlmutter 1994), and a line search goes along {@code d}
 * until the loss has fallen enough (Armijo 1966).
 *
 * <p>The loss must be made of ops that can be differentiated twice. Where the Hessian curves
 * downwards the step goes as far as it was known to curve upwards, at first along the gradient.
 */
public final class Newton extends ClosureOptimizer {

  private static final double ENOUGH_FALL = 1e-4;
  private static final int MOST_HALVINGS = 40;

  private final int conjugateGradients;
  private final double damping;
  private final double tolerance;

  private Newton(Parameters parameters, Builder settings) {
    super("newton", parameters, settings);
    this.conjugateGradients = settings.conjugateGradients;
    this.damping = settings.damping;
    this.tolerance = settings.tolerance;
  }

  /** Settings; at first up to 50 iterations of conjugate gradients and no damping. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void forget() {}

  /** {@inheritDoc} This one remembers nothing. */
  @Override
  public Map<String, Tensor> state() {
    return Map.of();
  }

  @Override
  Evaluation minimize(Supplier<Tensor> loss, double rate) {
    Evaluation before;
    Tensor gradient = vector();
    Tensor direction;
    try (Tape second = Tape.record()) {
      List<Tensor> tensors = tensors();
      Tensor value;
      Gradients gradients;
      try (Tape first = Tape.record()) {
        value = loss.get();
        gradients = first.gradients(value, tensors.toArray(Tensor[]::new));
      }
      Tensor vector = Tensor.zerosLike(gradient);
      Tensor slope = slope(gradients, vector);
      UnaryOperator<Tensor> hessian =
          x -> {
            vector.copyFrom(x);
            Tensor product = vector();
            gather(second.gradients(slope, tensors.toArray(Tensor[]::new)), product);
            Vectors.add(product, damping, x);
            return product;
          };
      // Ends the recording, and what only the gradients were for is not differentiated again.
      hessian.apply(vector).close();
      gather(gradients, gradient);
      before = new Evaluation(signed(value.item()), gradient);
      if (!before.isFinite() || Vectors.largest(gradient) == 0) {
        return before;
      }
      direction = second.keep(solve(hessian, gradient));
    }
    search(loss, rate, before.value(), Vectors.dot(gradient, direction), direction);
    return before;
  }

  /** The gradients' product with a vector, whose values may change before it is differentiated. */
  private Tensor slope(Gradients gradients, Tensor vector) {
    Tensor slope = null;
    long first = 0;
    for (Tensor tensor : tensors()) {
      Tensor part = vector.view(tensor.shape(), first);
      first += tensor.size();
      Tensor product = Reductions.sum(Pointwise.mul(gradients.get(tensor), part));
      slope = slope == null ? product : Pointwise.add(slope, product);
    }
    return slope;
  }

  /** About {@code -H⁻¹ gradient}: the nearer to the minimum, the more exactly. */
  @SuppressWarnings("try") // the scope only has to close
  private Tensor solve(UnaryOperator<Tensor> hessian, Tensor gradient) {
    Tensor solution = Tensor.zerosLike(gradient);
    Tensor residual = gradient.copy();
    Tensor direction = Pointwise.neg(gradient);
    double squares = Vectors.dot(residual, residual);
    double length = Math.sqrt(squares);
    double enough = Math.min(tolerance, Math.sqrt(length)) * length;
    for (int i = 0; i < conjugateGradients; i++) {
      try (Scope scope = Scope.open()) {
        Tensor product = hessian.apply(direction);
        double curvature = Vectors.dot(direction, product);
        if (!(curvature > 0)) {
          if (i == 0) {
            solution.copyFrom(direction);
          }
          break;
        }
        double step = squares / curvature;
        Vectors.add(solution, step, direction);
        Vectors.add(residual, step, product);
        double next = Vectors.dot(residual, residual);
        if (!(Math.sqrt(next) > enough)) {
          break;
        }
        Vectors.scale(direction, next / squares);
        Vectors.add(direction, -1, residual);
        squares = next;
      }
    }
    return solution;
  }

  /** Halves the step until the loss falls by a part of what its slope promises; else stays. */
  private void search(
      Supplier<Tensor> loss, double rate, double before, double slope, Tensor direction) {
    Tensor from = values().copy();
    boolean found = false;
    try {
      double t = rate;
      for (int i = 0; i < MOST_HALVINGS && !found; i++, t /= 2) {
        move(from, direction, t);
        found = value(loss) <= before + ENOUGH_FALL * t * slope;
      }
    } finally {
      if (!found) {
        values().copyFrom(from);
      }
    }
  }

  /** The settings of {@link Newton}. */
  public static final class Builder extends ClosureOptimizer.Builder<Builder> {

    private int conjugateGradients = 50;
    private double damping;
    private double tolerance = 0.5;

    private Builder() {
      super("newton");
    }

    /** How many products with the Hessian a step takes at most; 50 at first. */
    public Builder conjugateGradients(int most) {
      if (most < 1) {
        throw new IllegalArgumentException(
            "newton: conjugate gradients must have an iteration: " + most);
      }
      this.conjugateGradients = most;
      return this;
    }

    /** Added to the Hessian's diagonal: shortens steps where it is nearly singular; 0 at first. */
    public Builder damping(double damping) {
      this.damping = Hyperparameters.checkNotNegative("newton", "damping", damping);
      return this;
    }

    /**
     * How large the residual of the linear system may stay beside the gradient, 0.5 at first; near
     * the minimum it is the root of the gradient's length where that is smaller.
     */
    public Builder tolerance(double tolerance) {
      this.tolerance = Hyperparameters.checkNotNegative("newton", "tolerance", tolerance);
      return this;
    }

    @Override
    public Newton build(Parameters parameters) {
      return new Newton(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
