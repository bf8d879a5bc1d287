package io.gradus.op;

import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows (the last axis) brought to one scale, of F32, BF16 or F16; weight and bias are F32 or of the
 * rows' type. The {@code add…} forms add a branch to the residual stream on the way, which saves
 * reading the stream again.
 */
public final class Normalization {

  private Normalization() {}

  /** The residual stream after a branch was added to it, and its normalized rows. */
  public record Residual(Tensor sum, Tensor normalized) {}

  /**
   * {@code y = (x - mean) / √(variance + eps) · weight + bias} (Ba et al. 2016).
   *
   * @param x (…, n)
   * @param weight (n), or null for ones
   * @param bias (n), or null for zeros
   */
  public static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
    Rows rows = new Rows("layerNorm", x, weight, bias, eps);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .layerNorm(
            x.typeCode(),
            x.address(),
            rows.parameterType(),
            address(weight),
            address(bias),
            y.address(),
            rows.mean.address(),
            rows.rstd.address(),
            rows.count,
            rows.size,
            eps);
    return rows.recordLayerNorm(y, x);
  }

  /** {@code sum = residual + x}, and its {@link #layerNorm}. */
  public static Residual addLayerNorm(
      Tensor x, Tensor residual, Tensor weight, Tensor bias, double eps) {
    return addLayerNorm(x, residual, weight, bias, eps, 0, null);
  }

  /**
   * {@code sum = residual + dropout(x)}, and its {@link #layerNorm}.
   *
   * @param p as in {@link Random#dropout}, and with a seed the same elements are dropped
   * @param seed may be null where p is 0
   */
  public static Residual addLayerNorm(
      Tensor x, Tensor residual, Tensor weight, Tensor bias, double eps, double p, Seed seed) {
    if (Mixed.meet(x, residual)) {
      return addLayerNorm(Mixed.wide(x), Mixed.wide(residual), weight, bias, eps, p, seed);
    }
    Rows rows = new Rows("addLayerNorm", x, weight, bias, eps);
    checkBranch("addLayerNorm", x, residual, p, seed);
    Tensor sum = Tensor.emptyLike(x);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .addLayerNorm(
            x.typeCode(),
            x.address(),
            residual.address(),
            rows.parameterType(),
            address(weight),
            address(bias),
            sum.address(),
            y.address(),
            rows.mean.address(),
            rows.rstd.address(),
            rows.count,
            rows.size,
            eps,
            p == 0 ? 0 : seed.value(),
            p);
    recordSum(sum, x, residual, p, seed);
    return new Residual(sum, rows.recordLayerNorm(y, sum));
  }

  /**
   * {@code y = x / √(mean(x²) + eps) · weight} (Zhang and Sennrich 2019).
   *
   * @param x (…, n)
   * @param weight (n), or null for ones
   */
  public static Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
    Rows rows = new Rows("rmsNorm", x, weight, null, eps);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .rmsNorm(
            x.typeCode(),
            x.address(),
            rows.parameterType(),
            address(weight),
            y.address(),
            rows.rstd.address(),
            rows.count,
            rows.size,
            eps);
    return rows.recordRmsNorm(y, x);
  }

  /** {@code sum = residual + x}, and its {@link #rmsNorm}. */
  public static Residual addRmsNorm(Tensor x, Tensor residual, Tensor weight, double eps) {
    return addRmsNorm(x, residual, weight, eps, 0, null);
  }

  /** {@code sum = residual + dropout(x)}, and its {@link #rmsNorm}; p and seed as above. */
  public static Residual addRmsNorm(
      Tensor x, Tensor residual, Tensor weight, double eps, double p, Seed seed) {
    if (Mixed.meet(x, residual)) {
      return addRmsNorm(Mixed.wide(x), Mixed.wide(residual), weight, eps, p, seed);
    }
    Rows rows = new Rows("addRmsNorm", x, weight, null, eps);
    checkBranch("addRmsNorm", x, residual, p, seed);
    Tensor sum = Tensor.emptyLike(x);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .addRmsNorm(
            x.typeCode(),
            x.address(),
            residual.address(),
            rows.parameterType(),
            address(weight),
            sum.address(),
            y.address(),
            rows.rstd.address(),
            rows.count,
            rows.size,
            eps,
            p == 0 ? 0 : seed.value(),
            p);
    recordSum(sum, x, residual, p, seed);
    return new Residual(sum, rows.recordRmsNorm(y, sum));
  }

  private static void checkBranch(String op, Tensor x, Tensor residual, double p, Seed seed) {
    Checks.sameType(op, x, residual);
    Checks.sameShape(op, x, residual);
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException(op + ": the probability must lie in [0, 1]: " + p);
    }
    if (p > 0 && seed == null) {
      throw new IllegalArgumentException(op + ": dropout needs a seed");
    }
  }

  /** Recorded apart from the rows, so that the residual stream's own gradient passes through. */
  private static void recordSum(Tensor sum, Tensor x, Tensor residual, double p, Seed seed) {
    Tape.record(
        p == 0 ? "add" : "addDropout",
        sum,
        wrt(x, dy -> p == 0 ? dy : Random.dropout(dy, p, seed)),
        wrt(residual, dy -> dy));
  }

  private static long address(Tensor optional) {
    return optional == null ? 0 : optional.address();
  }

  /** One use of an op: its parameters, and what its gradient needs of the forward pass. */
  private static final class Rows {
    private final Tensor weight;
    private final Tensor bias;
    private final double eps;
    private final long count;
    private final long size;
    private final Tensor mean;
    private final Tensor rstd;

    Rows(String op, Tensor x, Tensor weight, Tensor bias, double eps) {
      Checks.floating(op, x);
      if (x.rank() < 1) {
        throw new IllegalArgumentException(op + ": needs an axis: " + x.shape());
      }
      Checks.parameter(op, "weight", weight, x);
      Checks.parameter(op, "bias", bias, x);
      if (weight != null && bias != null) {
        Checks.sameType(op, weight, bias);
      }
      if (!(eps >= 0)) {
        throw new IllegalArgumentException(op + ": eps must not be negative: " + eps);
      }
      this.weight = weight;
      this.bias = bias;
      this.eps = eps;
      this.count = x.shape().size(0, x.rank() - 1);
      this.size = x.dim(-1);
      this.mean = Tensor.empty(Shape.of(count), DType.F32, x.device());
      this.rstd = Tensor.empty(Shape.of(count), DType.F32, x.device());
    }

    int parameterType() {
      Tensor any = weight != null ? weight : bias;
      return any == null ? DType.F32.code() : any.typeCode();
    }

    Tensor recordLayerNorm(Tensor y, Tensor x) {
      return record("layerNorm", y, x, true);
    }

    Tensor recordRmsNorm(Tensor y, Tensor x) {
      return record("rmsNorm", y, x, false);
    }

    private Tensor record(String op, Tensor y, Tensor x, boolean centred) {
      OneSweep gradients =
          new OneSweep(
              x,
              (dy, dx, accumulate, d) -> gradient(x, dy, dx, accumulate, d[0], d[1], centred),
              weight,
              bias);
      List<Wrt> inputs = new ArrayList<>();
      inputs.add(gradients.wrtX(dy -> composedDx(x, dy, centred)));
      if (weight != null) {
        inputs.add(gradients.wrtParameter(0, dy -> composedDweight(x, dy, centred)));
      }
      if (bias != null) {
        inputs.add(gradients.wrtParameter(1, dy -> summed(dy, bias)));
      }
      return Tape.record(op, y, inputs.toArray(Wrt[]::new));
    }

    private void gradient(
        Tensor x,
        Tensor dy,
        Tensor dx,
        boolean accumulate,
        Tensor dweight,
        Tensor dbias,
        boolean centred) {
      if (centred) {
        x.backend()
            .layerNormGrad(
                x.typeCode(),
                dy.address(),
                x.address(),
                parameterType(),
                address(weight),
                mean.address(),
                rstd.address(),
                address(dx),
                accumulate,
                address(dweight),
                address(dbias),
                count,
                size);
      } else {
        x.backend()
            .rmsNormGrad(
                x.typeCode(),
                dy.address(),
                x.address(),
                parameterType(),
                address(weight),
                rstd.address(),
                address(dx),
                accumulate,
                address(dweight),
                count,
                size);
      }
    }

    // The same of ops that can be differentiated again

    /** {@code (g - mean(g) - n · mean(g · n)) / √(variance + eps)}, g = dy · weight. */
    private Tensor composedDx(Tensor x, Tensor dy, boolean centred) {
      Tensor centre = centred ? Pointwise.sub(x, Reductions.mean(x, true, -1)) : x;
      Tensor scale = scale(centre);
      Tensor n = Pointwise.mul(centre, scale);
      Tensor g = weight == null ? dy : Pointwise.mul(dy, Pointwise.cast(weight, x.dtype()));
      Tensor along = Pointwise.mul(n, Reductions.mean(Pointwise.mul(g, n), true, -1));
      Tensor rest = centred ? Pointwise.sub(g, Reductions.mean(g, true, -1)) : g;
      return Pointwise.mul(Pointwise.sub(rest, along), scale);
    }

    private Tensor composedDweight(Tensor x, Tensor dy, boolean centred) {
      Tensor centre = centred ? Pointwise.sub(x, Reductions.mean(x, true, -1)) : x;
      return summed(Pointwise.mul(dy, Pointwise.mul(centre, scale(centre))), weight);
    }

    private Tensor scale(Tensor centre) {
      Tensor variance = Reductions.mean(Pointwise.mul(centre, centre), true, -1);
      return Pointwise.pow(Pointwise.add(variance, eps), -0.5);
    }

    private static Tensor summed(Tensor d, Tensor parameter) {
      return Pointwise.cast(Broadcast.reduce(d, parameter.shape()), parameter.dtype());
    }
  }
}
