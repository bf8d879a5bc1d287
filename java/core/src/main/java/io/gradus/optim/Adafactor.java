package io.gradus.optim;

import io.gradus.nn.Parameters;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * Adafactor (Shazeer and Stern 2018), as in PyTorch: for a matrix it remembers one number for each
 * row and each column instead of one for each element, and its steps have the size of the
 * parameters. {@code t} counts steps from 1; means are over the elements of one parameter:
 *
 * <pre>{@code
 * β = 1 - t^beta2Decay
 * r = β · r + (1 - β) · means of gradient² over columns      c likewise over rows
 * v = r c' / max(mean(r), epsilon1)
 * u = gradient / √max(v, epsilon1²)
 * a = max(epsilon2, √mean(p²)) · min(rate, 1 / √t)
 * p = p - rate · weightDecay · p
 * p = p - a · u / max(1, √mean(u²) / clipThreshold)
 * }</pre>
 *
 * <p>A parameter with more than two axes counts as a batch of matrices, its last two axes. One with
 * fewer, a bias, has a {@code v} for each element: the average of its {@code gradient²}.
 */
public final class Adafactor extends Optimizer {

  private static final List<Slot> SLOTS =
      List.of(
          new Slot("row_var", 0, Adafactor::ofRows),
          new Slot("col_var", 0, Adafactor::ofColumns),
          new Slot("variance", 0, shape -> isMatrix(shape) ? null : shape));

  private final double beta2Decay;
  private final double epsilon1;
  private final double epsilon2;
  private final double clipThreshold;

  private Adafactor(Parameters parameters, Builder settings) {
    super("adafactor", parameters, settings, SLOTS);
    this.beta2Decay = settings.beta2Decay;
    this.epsilon1 = settings.epsilon1;
    this.epsilon2 = settings.epsilon2;
    this.clipThreshold = settings.clipThreshold;
  }

  /** Settings; at first a rate of 0.01, a beta2 decay of -0.8 and no weight decay. */
  public static Builder builder() {
    return new Builder();
  }

  /** With one column. */
  private static Shape ofRows(Shape shape) {
    return isMatrix(shape) ? shape.with(shape.rank() - 1, 1) : null;
  }

  /** With one row. */
  private static Shape ofColumns(Shape shape) {
    return isMatrix(shape) ? shape.with(shape.rank() - 2, 1) : null;
  }

  private static boolean isMatrix(Shape shape) {
    return shape.rank() >= 2;
  }

  /** One call for each parameter, whose size decides on its step. */
  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    List<Tensor> tensors = p.tensors();
    for (int i = 0; i < tensors.size(); i++) {
      Tensor tensor = tensors.get(i);
      if (tensor.size() > 0) {
        update(p, tensor, gradients + p.first(i) * DType.F32.bytes(), scale, factor, rate);
      }
    }
  }

  private void update(
      FlatParameters p, Tensor tensor, long gradients, double scale, long factor, double rate) {
    boolean matrix = isMatrix(tensor.shape());
    long cols = matrix ? tensor.dim(tensor.rank() - 1) : tensor.size();
    long rows = matrix ? tensor.dim(tensor.rank() - 2) : 1;
    tensor
        .backend()
        .adafactor(
            tensor.address(),
            gradients,
            p.state(matrix ? 0 : 2).addressOf(tensor),
            matrix ? p.state(1).addressOf(tensor) : 0,
            tensor.size() / (rows * cols),
            rows,
            cols,
            rate,
            beta2Decay,
            epsilon1,
            epsilon2,
            clipThreshold,
            p.settings().weightDecay(),
            p.steps() + 1,
            scale,
            factor);
  }

  /** The settings of {@link Adafactor}. */
  public static final class Builder extends Optimizer.Builder<Builder> {

    private double beta2Decay = -0.8;
    private double epsilon1 = 0x1p-23;
    private double epsilon2 = 1e-3;
    private double clipThreshold = 1;

    private Builder() {
      super("adafactor", 1e-2, 0);
    }

    /** How fast the averages of squares come to keep more of the past; -0.8 at first, below 0. */
    public Builder beta2Decay(double beta2Decay) {
      if (!(beta2Decay < 0 && beta2Decay > Double.NEGATIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "adafactor: beta2 decay must be finite and negative: " + beta2Decay);
      }
      this.beta2Decay = beta2Decay;
      return this;
    }

    /**
     * The least that gradients count as, 2⁻²³ at first, and the least size of parameters, 0.001 at
     * first.
     */
    public Builder epsilons(double epsilon1, double epsilon2) {
      this.epsilon1 = Hyperparameters.checkNotNegative("adafactor", "epsilon1", epsilon1);
      this.epsilon2 = Hyperparameters.checkNotNegative("adafactor", "epsilon2", epsilon2);
      return this;
    }

    /** How large the updates of a parameter may be, in the root mean square; 1 at first. */
    public Builder clipThreshold(double clipThreshold) {
      if (!(clipThreshold > 0)) {
        throw new IllegalArgumentException(
            "adafactor: clip threshold must be positive: " + clipThreshold);
      }
      this.clipThreshold = clipThreshold;
      return this;
    }

    @Override
    public Adafactor build(Parameters parameters) {
      return new Adafactor(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
