package io.gradus.optim;

import io.gradus.nn.Parameters;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Limited-memory BFGS (Liu and Nocedal 1989) with a line search for the strong Wolfe conditions, as
 * PyTorch's with {@code line_search_fn="strong_wolfe"}: the curvature of the loss comes from how
 * the gradient changed over the last steps.
 *
 * <p>A step has up to {@code maxIterations} directions. It remembers {@code 2 · history + 2}
 * numbers for each parameter.
 */
public final class Lbfgs extends ClosureOptimizer {

  private static final double LEAST_CURVATURE = 1e-10;

  private final int maxIterations;
  private final int maxEvaluations;
  private final double gradientTolerance;
  private final double changeTolerance;
  private final int history;

  // Rows of pairs are used in turns: changes of the gradient, and the steps that made them.
  private Tensor changes;
  private Tensor moves;
  private Tensor curvatures; // 1 over the product of both
  private Tensor previousGradient;
  private Tensor previousMove;

  /** How many directions were taken, and how many pairs were remembered; on the processor. */
  private Tensor counts;

  private long iterations;
  private long pairs;

  private Lbfgs(Parameters parameters, Builder settings) {
    super("lbfgs", parameters, settings);
    this.maxIterations = settings.maxIterations;
    this.maxEvaluations =
        settings.maxEvaluations > 0 ? settings.maxEvaluations : maxIterations * 5 / 4;
    this.gradientTolerance = settings.gradientTolerance;
    this.changeTolerance = settings.changeTolerance;
    this.history = settings.history;
    forget();
  }

  /**
   * Settings; at first 20 iterations and 25 evaluations a step, a history of 100, and tolerances of
   * 1e-7 and 1e-9.
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void forget() {
    long n = values().size();
    changes = lasting(DType.F32, values(), history, n);
    moves = lasting(DType.F32, values(), history, n);
    curvatures = lasting(DType.F32, values(), history);
    previousGradient = lasting(DType.F32, values(), n);
    previousMove = lasting(DType.F32, values(), n);
    counts = Scope.outside(() -> Tensor.zeros(Shape.of(2), DType.I64, Device.cpu()));
  }

  /**
   * {@inheritDoc} Here that is {@code old_dirs} and {@code old_stps} (history, n), {@code ro}
   * (history), {@code prev_flat_grad} and {@code prev_step} (n), over all n elements of the
   * parameters in their order, and {@code counts} (2), of directions and of pairs in the history.
   */
  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    state.put("old_dirs", changes);
    state.put("old_stps", moves);
    state.put("ro", curvatures);
    state.put("prev_flat_grad", previousGradient);
    state.put("prev_step", previousMove);
    state.put("counts", counts);
    return state;
  }

  @Override
  Evaluation minimize(Supplier<Tensor> loss, double rate) {
    iterations = counts.toLongs()[0];
    pairs = counts.toLongs()[1];
    Evaluation first = evaluate(loss);
    Evaluation here = first;
    int evaluations = 1;
    double largest = Vectors.largest(first.gradient());
    boolean done = !(largest > gradientTolerance) || !first.isFinite();
    for (int i = 1; !done; i++) {
      try (Scope scope = Scope.open()) {
        Evaluation before = here;
        Tensor direction = direction(here.gradient());
        double t =
            iterations == 1 ? Math.min(1, 1 / Vectors.absoluteSum(here.gradient())) * rate : rate;
        double slope = Vectors.dot(here.gradient(), direction);
        if (!(slope <= -changeTolerance)) {
          break;
        }
        double length = Vectors.largest(direction);
        Tensor from = values().copy();
        var start = new StrongWolfe.Point(0, here.value(), slope, here.gradient());
        StrongWolfe search =
            new StrongWolfe(
                step -> at(from, direction, step, loss), start, length, changeTolerance);
        StrongWolfe.Point best = search.search(t);
        evaluations += search.evaluations();
        if (best != start) {
          scope.keep(best.gradient());
        }
        here = new Evaluation(best.value(), best.gradient());
        move(from, direction, best.t());
        previousMove.copyFrom(Pointwise.mul(direction, best.t()));
        done =
            i == maxIterations
                || evaluations >= maxEvaluations
                || Vectors.largest(here.gradient()) <= gradientTolerance
                || length * best.t() <= changeTolerance
                || Math.abs(here.value() - before.value()) < changeTolerance;
      }
    }
    counts.copyFrom(Tensor.of(new long[] {iterations, pairs}));
    return first;
  }

  /** Remembers what the last move told, and where to go from here. */
  private Tensor direction(Tensor gradient) {
    iterations++;
    double scale = 1;
    if (iterations > 1) {
      Tensor change = Pointwise.sub(gradient, previousGradient);
      double curvature = Vectors.dot(change, previousMove);
      if (curvature > LEAST_CURVATURE) {
        pair(changes, pairs).copyFrom(change);
        pair(moves, pairs).copyFrom(previousMove);
        curvature(pairs).fill(1 / curvature);
        pairs++;
      }
      if (pairs > 0) {
        Tensor newest = pair(changes, pairs - 1);
        scale = Vectors.dot(newest, pair(moves, pairs - 1)) / Vectors.dot(newest, newest);
      }
    }
    previousGradient.copyFrom(gradient);
    previousMove.fill(0); // until there is one
    return product(Pointwise.neg(gradient), scale);
  }

  private Tensor curvature(long number) {
    return curvatures.view(Shape.of(), number % history);
  }

  private Tensor pair(Tensor all, long number) {
    long n = values().size();
    return all.view(Shape.of(n), number % history * n);
  }

  /**
   * The inverse of the Hessian, as the pairs show it, times q (Nocedal and Wright 2006, algorithm
   * 7.4). Its scalars stay on the device, as each that were read would wait for it.
   */
  private Tensor product(Tensor q, double scale) {
    long oldest = Math.max(0, pairs - history);
    List<Tensor> factors = new ArrayList<>();
    for (long i = pairs - 1; i >= oldest; i--) {
      Tensor factor = Pointwise.mul(Vectors.product(pair(moves, i), q), curvature(i));
      factors.add(factor);
      Vectors.add(q, Pointwise.neg(factor), pair(changes, i));
    }
    Vectors.scale(q, scale);
    for (long i = oldest; i < pairs; i++) {
      Tensor factor = Pointwise.mul(Vectors.product(pair(changes, i), q), curvature(i));
      Vectors.add(q, Pointwise.sub(factors.get((int) (pairs - 1 - i)), factor), pair(moves, i));
    }
    return q;
  }

  /** The loss at a point of a line; the parameters move there. */
  private StrongWolfe.Point at(Tensor from, Tensor direction, double t, Supplier<Tensor> loss) {
    move(from, direction, t);
    try {
      Evaluation at = evaluate(loss);
      double slope = Vectors.dot(at.gradient(), direction);
      return new StrongWolfe.Point(t, at.value(), slope, at.gradient());
    } catch (RuntimeException e) {
      values().copyFrom(from); // a step that fails leaves the parameters as they were
      throw e;
    }
  }

  /** The settings of {@link Lbfgs}. */
  public static final class Builder extends ClosureOptimizer.Builder<Builder> {

    private int maxIterations = 20;
    private int maxEvaluations;
    private double gradientTolerance = 1e-7;
    private double changeTolerance = 1e-9;
    private int history = 100;

    private Builder() {
      super("lbfgs");
    }

    /** How many directions a step takes at most; 20 at first. */
    public Builder maxIterations(int maxIterations) {
      this.maxIterations = checkPositive("max iterations", maxIterations);
      return this;
    }

    /** How often a step asks for the loss before it ends; 5/4 of the iterations at first. */
    public Builder maxEvaluations(int maxEvaluations) {
      this.maxEvaluations = checkPositive("max evaluations", maxEvaluations);
      return this;
    }

    /**
     * A step ends where no element of the gradient is larger than the first, 1e-7, or neither the
     * loss nor a parameter changed by more than the second, 1e-9.
     */
    public Builder tolerances(double gradient, double change) {
      this.gradientTolerance =
          Hyperparameters.checkNotNegative("lbfgs", "gradient tolerance", gradient);
      this.changeTolerance = Hyperparameters.checkNotNegative("lbfgs", "change tolerance", change);
      return this;
    }

    /** How many steps' curvature is remembered; 100 at first. */
    public Builder history(int history) {
      this.history = checkPositive("history", history);
      return this;
    }

    private static int checkPositive(String what, int value) {
      if (value < 1) {
        throw new IllegalArgumentException("lbfgs: " + what + " must be positive: " + value);
      }
      return value;
    }

    @Override
    public Lbfgs build(Parameters parameters) {
      return new Lbfgs(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
