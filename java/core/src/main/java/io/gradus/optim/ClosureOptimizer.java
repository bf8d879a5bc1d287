package io.gradus.optim;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.nn.Parameters;
import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Changes parameters so that a loss falls, and asks for that loss as often as it needs it: for
 * small models and data that fit into one batch, which these methods bring to their minimum in far
 * fewer steps than an {@link Optimizer} would take.
 *
 * <pre>{@code
 * Lbfgs lbfgs = Lbfgs.builder().build(model.parameters());
 * for (int i = 0; i < 20; i++) {
 *   double loss = lbfgs.step(() -> Losses.crossEntropy(model.forward(x), labels));
 * }
 * }</pre>
 *
 * <p>The loss must be the same function each time it is asked for, so without dropout and over the
 * same examples. It is computed under a tape of the optimizer's own; every value that the method
 * decides by is read from the device. Building one moves the parameters into a flat buffer; all are
 * F32 and on one device. Where some are frozen or unfrozen it begins anew.
 */
public abstract sealed class ClosureOptimizer implements Resumable permits Lbfgs, Newton {

  private final String name;
  private final Parameters parameters;
  private final Schedule schedule;
  private final double sign;
  private FlatParameters buffer;
  private long steps;
  private double gradientNorm = Double.NaN;

  ClosureOptimizer(String name, Parameters parameters, Builder<?> settings) {
    this.name = name;
    this.parameters = parameters;
    this.schedule = settings.schedule;
    this.sign = settings.maximize ? -1 : 1;
    arrange();
  }

  // A step

  /**
   * Changes every parameter that is not frozen. Where the loss or its gradient is not finite
   * nothing changes, and the step does not count.
   *
   * @param loss computes the loss, a scalar, with ops that can be recorded
   * @return the loss before the step
   * @throws IllegalArgumentException where it depends on no parameter of this optimizer
   * @throws IllegalStateException where a tape records on this thread, which would record the step
   */
  @SuppressWarnings("try") // the scope only has to close
  public final double step(Supplier<Tensor> loss) {
    if (Tape.isRecording()) {
      throw new IllegalStateException(
          name + ": a tape records on this thread; a step opens its own: close the other first");
    }
    if (arrange()) {
      forget();
    }
    try (Scope scope = Scope.open()) {
      Evaluation before = minimize(loss, learningRate());
      gradientNorm = Math.sqrt(Vectors.dot(before.gradient(), before.gradient()));
      steps += before.isFinite() ? 1 : 0;
      return sign * before.value();
    }
  }

  /**
   * Brings the loss down, in a scope of its own, unless the loss or its gradient is not finite.
   *
   * @return both before, of the sign in which the loss is to fall
   */
  abstract Evaluation minimize(Supplier<Tensor> loss, double rate);

  /** The parameters are others than before. */
  abstract void forget();

  // What the methods compute with

  /** The values of all parameters, which a step changes in place. */
  final Tensor values() {
    return buffer.values();
  }

  final List<Tensor> tensors() {
    return buffer.tensors();
  }

  /** A vector as long as the parameters together, not cleared. */
  final Tensor vector() {
    return Tensor.emptyLike(values());
  }

  /** The loss at the parameters' values, of the sign in which it is to fall. */
  @SuppressWarnings("try") // the scope only has to close
  final double value(Supplier<Tensor> loss) {
    try (Scope scope = Scope.open()) {
      return signed(loss.get().item());
    }
  }

  /** A loss, of the sign in which it is to fall. */
  final double signed(double loss) {
    return sign * loss;
  }

  /** A loss and its gradient. */
  record Evaluation(double value, Tensor gradient) {
    boolean isFinite() {
      return Double.isFinite(value) && Double.isFinite(Vectors.largest(gradient));
    }
  }

  final Evaluation evaluate(Supplier<Tensor> loss) {
    Tensor gradient = vector();
    try (Tape tape = Tape.record()) {
      Tensor value = loss.get();
      gather(tape.gradients(value), gradient);
      return new Evaluation(signed(value.item()), gradient);
    }
  }

  /** Copies gradients, of the sign in which the loss is to fall, to the indices of the values. */
  final void gather(Gradients gradients, Tensor into) {
    if (tensors().stream().noneMatch(gradients::contains)) {
      throw new IllegalArgumentException(
          name
              + ": the loss depends on no parameter of this optimizer: "
              + gradients
              + "; build it with the parameters of the model that is trained");
    }
    try (Tensor gathered = buffer.gather(gradients)) {
      into.copyFrom(gathered);
    }
    if (sign < 0) {
      Vectors.scale(into, sign);
    }
  }

  /** Sets the parameters to {@code start + t · direction}. */
  final void move(Tensor start, Tensor direction, double t) {
    Tensor p = values();
    p.backend().affine(p.typeCode(), direction.address(), p.address(), p.size(), t, -0.0);
    p.backend().add(p.typeCode(), start.address(), p.address(), p.address(), p.size(), null);
  }

  // Parameters

  /**
   * Lets frozen parameters out and trainable ones in.
   *
   * @return whether there were such
   */
  private boolean arrange() {
    Map<String, Tensor> trainable = new LinkedHashMap<>();
    parameters
        .asMap()
        .forEach(
            (parameter, tensor) -> {
              if (tensor.requiresGrad()) {
                trainable.put(parameter, tensor);
              }
            });
    if (buffer != null && buffer.isIntact() && buffer.names().size() == trainable.size()) {
      return false;
    }
    check(trainable);
    boolean same = buffer != null && buffer.names().equals(List.copyOf(trainable.keySet()));
    FlatParameters left = buffer == null ? null : buffer.withoutFrozen();
    buffer = FlatParameters.of(trainable, List.of(), new Optimizer.Settings(1, 0), 0);
    if (left != null) {
      left.close();
    }
    return !same;
  }

  private void check(Map<String, Tensor> trainable) {
    if (trainable.isEmpty()) {
      throw new IllegalArgumentException(
          name
              + ": nothing to train: "
              + parameters.names().size()
              + " parameters, none of which requires gradients; unfreeze some");
    }
    Tensor first = trainable.values().iterator().next();
    trainable.forEach(
        (parameter, tensor) -> {
          if (tensor.dtype() != DType.F32 || tensor.device() != first.device()) {
            throw new IllegalArgumentException(
                name
                    + ": parameters must be f32 and on one device: "
                    + parameter
                    + " is "
                    + tensor.describe()
                    + " on "
                    + tensor.device());
          }
        });
  }

  // What it is

  @Override
  public final double learningRate() {
    return Hyperparameters.checkRate(name, schedule.at(steps));
  }

  @Override
  public final Schedule schedule() {
    return schedule;
  }

  /** The norm of the gradient before the last step; NaN before the first. */
  public final double gradientNorm() {
    return gradientNorm;
  }

  @Override
  public final long steps() {
    return steps;
  }

  @Override
  public final Map<String, Long> updates() {
    Map<String, Long> updates = new LinkedHashMap<>();
    buffer.names().forEach(parameter -> updates.put(parameter, steps));
    return updates;
  }

  @Override
  public final void restore(long steps, Map<String, Long> updates) {
    if (arrange()) {
      forget();
    }
    if (!updates.keySet().equals(updates().keySet())
        || steps < 0
        || updates.values().stream().anyMatch(count -> count != steps)) {
      throw new IllegalArgumentException(
          name
              + ": the state is of other parameters or has wrong counts: "
              + updates.size()
              + " parameters there and "
              + updates().size()
              + " here, "
              + steps
              + " steps");
    }
    this.steps = steps;
  }

  /** A matrix or vector that outlives the step; zeros. */
  static Tensor lasting(DType type, Tensor beside, long... shape) {
    return Scope.outside(() -> Tensor.zeros(Shape.of(shape), type, beside.device()));
  }

  /** The settings that they have in common. */
  public abstract static sealed class Builder<B extends Builder<B>>
      permits Lbfgs.Builder, Newton.Builder {

    private final String name;
    private Schedule schedule = Schedule.constant(1);
    private boolean maximize;

    Builder(String name) {
      this.name = name;
    }

    abstract B self();

    /** The length of step that is tried first; 1 where none is set, which suits nearly always. */
    public final B learningRate(double rate) {
      return learningRate(Schedule.constant(Hyperparameters.checkRate(name, rate)));
    }

    /** A learning rate for each step. */
    public final B learningRate(Schedule schedule) {
      this.schedule = schedule;
      return self();
    }

    /** Lets the loss grow instead of fall. */
    public final B maximize() {
      this.maximize = true;
      return self();
    }

    /**
     * The optimizer of these parameters, which move into its buffer.
     *
     * @throws IllegalArgumentException where all are frozen, one is not F32, or devices differ
     */
    public abstract ClosureOptimizer build(Parameters parameters);
  }
}
