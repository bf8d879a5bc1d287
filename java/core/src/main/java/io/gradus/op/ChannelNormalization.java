package io.gradus.op;

import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Channels (the second axis) brought to one scale, of F32, BF16 or F16; weight and bias are F32 or
 * of the input's type. Statistics are taken around the mean, so that a large one costs no digits.
 */
public final class ChannelNormalization {

  private ChannelNormalization() {}

  /**
   * Statistics of all batches so far, which {@link #batchNorm} moves along.
   *
   * @param mean F32 (channels)
   * @param variance F32 (channels), the unbiased one
   * @param batches I64 scalar: how many batches there were
   */
  public record Running(Tensor mean, Tensor variance, Tensor batches) {

    /** Checks types and shapes. */
    public Running {
      Checks.type("batchNorm", mean, DType.F32);
      Checks.type("batchNorm", variance, DType.F32);
      Checks.type("batchNorm", batches, DType.I64);
      if (mean.rank() != 1 || !mean.shape().equals(variance.shape()) || batches.size() != 1) {
        throw new IllegalArgumentException(
            "batchNorm: running statistics must be (channels), (channels) and a scalar: "
                + mean.shape()
                + ", "
                + variance.shape()
                + " and "
                + batches.shape());
      }
    }
  }

  /**
   * {@code y = (x - mean) / √(variance + eps) · weight + bias} with the mean and the biased
   * variance of each channel over the batch (Ioffe and Szegedy 2015): batch normalization in
   * training.
   *
   * @param x (batch, channels, …)
   * @param weight (channels), or null for ones
   * @param bias (channels), or null for zeros
   * @throws IllegalArgumentException where shapes or types do not fit, or a channel has one value,
   *     of which nothing would be left
   */
  public static Tensor batchNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
    return batchNorm(x, weight, bias, null, 0, eps);
  }

  /**
   * The same, which moves running statistics towards those of the batch: {@code r += momentum ·
   * (new - r)}, of the unbiased variance. Replays of a graph move them too. A part of a {@link
   * Tape#checkpoint} that is computed again moves nothing: what it normalizes was counted the first
   * time.
   *
   * @param running what is moved, in place; null for nothing
   * @param momentum in [0, 1], or -1 for the average over all batches
   */
  public static Tensor batchNorm(
      Tensor x, Tensor weight, Tensor bias, Running running, double momentum, double eps) {
    BatchNorm norm = new BatchNorm("batchNorm", x, weight, bias, eps);
    norm.checkRunning(running, momentum);
    Running moved = Tape.isRepeating() ? null : running;
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .batchNorm(
            x.typeCode(),
            x.address(),
            norm.parameterType(),
            address(weight),
            address(bias),
            y.address(),
            norm.mean.address(),
            norm.rstd.address(),
            moved == null ? 0 : moved.mean.address(),
            moved == null ? 0 : moved.variance.address(),
            moved == null ? 0 : moved.batches.address(),
            norm.batch,
            norm.channels,
            norm.inner,
            moved == null ? 0 : momentum,
            eps);
    return norm.record(y);
  }

  /**
   * {@code y = (x - mean) / √(variance + eps) · weight + bias} with statistics that are given:
   * batch normalization in evaluation. No gradient flows into them.
   *
   * @param x (batch, channels, …)
   * @param weight (channels), or null for ones
   * @param bias (channels), or null for zeros
   * @param mean F32 (channels)
   * @param variance F32 (channels)
   */
  public static Tensor batchNormApply(
      Tensor x, Tensor weight, Tensor bias, Tensor mean, Tensor variance, double eps) {
    String op = "batchNormApply";
    checkInput(op, x, weight, bias, eps);
    checkStatistic(op, "mean", mean, x);
    checkStatistic(op, "variance", variance, x);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .batchNormApply(
            x.typeCode(),
            x.address(),
            parameterType(weight, bias),
            address(weight),
            address(bias),
            address(mean),
            variance.address(),
            y.address(),
            x.dim(0),
            x.dim(1),
            x.shape().size(2, x.rank()),
            eps);
    List<Wrt> inputs = new ArrayList<>();
    inputs.add(wrt(x, dy -> applied(dy, weight, variance, eps)));
    if (weight != null) {
      inputs.add(
          wrt(
              weight,
              dy -> {
                Tensor normalized = batchNormApply(x, null, null, mean, variance, eps);
                return summed(Pointwise.mul(dy, normalized), weight);
              }));
    }
    if (bias != null) {
      inputs.add(wrt(bias, dy -> summed(dy, bias)));
    }
    return Tape.record(op, y, inputs.toArray(Wrt[]::new));
  }

  /** {@code dy · weight / √(variance + eps)}, which is what is applied to a mean of zero. */
  private static Tensor applied(Tensor dy, Tensor weight, Tensor variance, double eps) {
    return batchNormApply(dy, weight, null, Tensor.zerosLike(variance), variance, eps);
  }

  /**
   * {@code y = (x - mean) / √(variance + eps) · weight + bias} with the mean and the variance of
   * each group of channels in each example (Wu and He 2018). With as many groups as channels it is
   * instance normalization (Ulyanov et al. 2016), with one group layer normalization of images.
   *
   * @param x (batch, channels, …)
   * @param groups divides the channels
   * @param weight (channels), or null for ones
   * @param bias (channels), or null for zeros
   */
  public static Tensor groupNorm(Tensor x, long groups, Tensor weight, Tensor bias, double eps) {
    GroupNorm norm = new GroupNorm("groupNorm", x, groups, weight, bias, eps);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .groupNorm(
            x.typeCode(),
            x.address(),
            norm.parameterType(),
            address(weight),
            address(bias),
            y.address(),
            norm.mean.address(),
            norm.rstd.address(),
            norm.batch,
            norm.channels,
            groups,
            norm.inner,
            eps);
    return norm.record(y);
  }

  private static long address(Tensor optional) {
    return optional == null ? 0 : optional.address();
  }

  private static int parameterType(Tensor weight, Tensor bias) {
    Tensor any = weight != null ? weight : bias;
    return any == null ? DType.F32.code() : any.typeCode();
  }

  private static void checkInput(String op, Tensor x, Tensor weight, Tensor bias, double eps) {
    Checks.floating(op, x);
    if (x.rank() < 2) {
      throw new IllegalArgumentException(
          op + ": the input must be (batch, channels, ...): " + x.shape());
    }
    checkParameter(op, "weight", weight, x);
    checkParameter(op, "bias", bias, x);
    if (weight != null && bias != null) {
      Checks.sameType(op, weight, bias);
    }
    if (!(eps >= 0)) {
      throw new IllegalArgumentException(op + ": eps must not be negative: " + eps);
    }
  }

  private static void checkParameter(String op, String name, Tensor parameter, Tensor x) {
    if (parameter == null) {
      return;
    }
    if (parameter.dtype() == DType.F32) {
      Checks.sameDevice(op, x, parameter);
    } else {
      Checks.sameType(op, x, parameter);
    }
    checkChannels(op, name, parameter, x);
  }

  private static void checkStatistic(String op, String name, Tensor statistic, Tensor x) {
    Checks.type(op, statistic, DType.F32);
    Checks.sameDevice(op, x, statistic);
    checkChannels(op, name, statistic, x);
  }

  private static void checkChannels(String op, String name, Tensor values, Tensor x) {
    if (values.rank() != 1 || values.dim(0) != x.dim(1)) {
      throw new IllegalArgumentException(
          op
              + ": the "
              + name
              + " must have a value for each channel, the input's second axis: "
              + x.shape()
              + " and "
              + values.shape());
    }
  }

  /** The gradient of a parameter: over all axes but that of channels. */
  private static Tensor summed(Tensor d, Tensor parameter) {
    Tensor split = Shapes.reshape(d, d.dim(0), d.dim(1), d.shape().size(2, d.rank()));
    return Pointwise.cast(Reductions.sum(split, 0, 2), parameter.dtype());
  }

  /** One use of an op: its parameters, and what its gradient needs of the forward pass. */
  private abstract static class Norm {
    final String op;
    final Tensor x;
    final Tensor weight;
    final Tensor bias;
    final double eps;
    final long batch;
    final long channels;
    final long inner;

    Norm(String op, Tensor x, Tensor weight, Tensor bias, double eps) {
      checkInput(op, x, weight, bias, eps);
      this.op = op;
      this.x = x;
      this.weight = weight;
      this.bias = bias;
      this.eps = eps;
      this.batch = x.dim(0);
      this.channels = x.dim(1);
      this.inner = x.shape().size(2, x.rank());
    }

    int parameterType() {
      return ChannelNormalization.parameterType(weight, bias);
    }

    Tensor record(Tensor y) {
      OneSweep gradients =
          new OneSweep(
              x, (dy, dx, accumulate, d) -> gradient(dy, dx, accumulate, d[0], d[1]), weight, bias);
      List<Wrt> inputs = new ArrayList<>();
      inputs.add(gradients.wrtX(this::composedDx));
      if (weight != null) {
        inputs.add(gradients.wrtParameter(0, this::composedDweight));
      }
      if (bias != null) {
        inputs.add(gradients.wrtParameter(1, dy -> summed(dy, bias)));
      }
      return Tape.record(op, y, inputs.toArray(Wrt[]::new));
    }

    abstract void gradient(Tensor dy, Tensor dx, boolean accumulate, Tensor dweight, Tensor dbias);

    // The same of ops that can be differentiated again

    /** With the elements that share statistics along {@link #axes()}. */
    abstract Tensor split(Tensor x);

    abstract int[] axes();

    private Tensor mean(Tensor x) {
      return Reductions.mean(x, true, axes());
    }

    /** {@code (g - mean(g) - n · mean(g · n)) / √(variance + eps)}, g = dy · weight. */
    private Tensor composedDx(Tensor dy) {
      Tensor split = split(x);
      Tensor centre = Pointwise.sub(split, mean(split));
      Tensor scale = scale(centre);
      Tensor n = Pointwise.mul(centre, scale);
      Tensor g = split(weight == null ? dy : weighted(dy));
      Tensor along = Pointwise.mul(n, mean(Pointwise.mul(g, n)));
      Tensor rest = Pointwise.sub(g, mean(g));
      return Shapes.reshape(Pointwise.mul(Pointwise.sub(rest, along), scale), x.shape());
    }

    private Tensor weighted(Tensor dy) {
      Tensor w = Shapes.reshape(Pointwise.cast(weight, x.dtype()), channels, 1);
      return Pointwise.mul(Shapes.reshape(dy, batch, channels, inner), w);
    }

    private Tensor composedDweight(Tensor dy) {
      Tensor split = split(x);
      Tensor centre = Pointwise.sub(split, mean(split));
      Tensor n = Shapes.reshape(Pointwise.mul(centre, scale(centre)), x.shape());
      return summed(Pointwise.mul(dy, n), weight);
    }

    private Tensor scale(Tensor centre) {
      return Pointwise.pow(Pointwise.add(mean(Pointwise.mul(centre, centre)), eps), -0.5);
    }
  }

  private static final class BatchNorm extends Norm {
    private final Tensor mean;
    private final Tensor rstd;

    BatchNorm(String op, Tensor x, Tensor weight, Tensor bias, double eps) {
      super(op, x, weight, bias, eps);
      if (batch * inner == 1) {
        throw new IllegalArgumentException(
            op
                + ": needs more than one value for each channel: "
                + x.shape()
                + "; take a larger batch, or switch the module to evaluation");
      }
      mean = Tensor.empty(Shape.of(channels), DType.F32, x.device());
      rstd = Tensor.empty(Shape.of(channels), DType.F32, x.device());
    }

    private void checkRunning(Running running, double momentum) {
      if (running == null) {
        return;
      }
      checkStatistic(op, "running mean", running.mean, x);
      Checks.sameDevice(op, x, running.variance);
      Checks.sameDevice(op, x, running.batches);
      if (!(momentum >= 0 && momentum <= 1 || momentum == -1)) {
        throw new IllegalArgumentException(
            op + ": the momentum must lie in [0, 1], or be -1 for an average: " + momentum);
      }
    }

    @Override
    void gradient(Tensor dy, Tensor dx, boolean accumulate, Tensor dweight, Tensor dbias) {
      x.backend()
          .batchNormGrad(
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
              batch,
              channels,
              inner);
    }

    @Override
    Tensor split(Tensor x) {
      return Shapes.reshape(x, batch, channels, inner);
    }

    @Override
    int[] axes() {
      return new int[] {0, 2};
    }
  }

  private static final class GroupNorm extends Norm {
    private final long groups;
    private final Tensor mean;
    private final Tensor rstd;

    GroupNorm(String op, Tensor x, long groups, Tensor weight, Tensor bias, double eps) {
      super(op, x, weight, bias, eps);
      if (groups < 1 || channels % groups != 0) {
        throw new IllegalArgumentException(
            op + ": groups must divide the channels: " + groups + " groups of " + x.shape());
      }
      this.groups = groups;
      mean = Tensor.empty(Shape.of(batch, groups), DType.F32, x.device());
      rstd = Tensor.empty(Shape.of(batch, groups), DType.F32, x.device());
    }

    @Override
    void gradient(Tensor dy, Tensor dx, boolean accumulate, Tensor dweight, Tensor dbias) {
      x.backend()
          .groupNormGrad(
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
              batch,
              channels,
              groups,
              inner);
    }

    @Override
    Tensor split(Tensor x) {
      return Shapes.reshape(x, batch, groups, channels / groups * inner);
    }

    @Override
    int[] axes() {
      return new int[] {2};
    }
  }
}
