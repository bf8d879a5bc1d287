package io.gradus.model;

import io.gradus.nn.AdaptiveAvgPool2d;
import io.gradus.nn.BatchNorm2d;
import io.gradus.nn.Conv2d;
import io.gradus.nn.Flatten;
import io.gradus.nn.Init;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.Sequential;
import io.gradus.op.Activations;
import io.gradus.op.ConvolutionOptions;
import io.gradus.op.Pointwise;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A residual network for small images (He et al. 2016, section 4.2): a convolution, three stages of
 * residual blocks, of which the second and the third halve the sides and double the channels, and a
 * linear layer on the mean of each channel. Where a block changes the shape, its shortcut is a
 * convolution of 1 x 1 with batch normalization.
 *
 * <p>Parts and parameters have torchvision's names: {@code conv1}, {@code bn1}, {@code
 * layer1.0.conv1}, {@code layer2.0.downsample.0}, {@code fc}. Convolutions begin normal with the
 * variance {@code 2 / (out · kernel size)}.
 */
public final class ResNet extends Cnn {

  private final Conv2d conv1;
  private final BatchNorm2d bn1;
  private final List<Sequential> stages;
  private final Module pool = new AdaptiveAvgPool2d(1, 1);
  private final Module flatten = new Flatten();
  private final Linear fc;

  /** Equal seeds give equal parameters. */
  public ResNet(CnnConfig config, Device device, Seed seed) {
    super(config, CnnConfig.Kind.RESNET);
    int width = config.width();
    conv1 = child("conv1", convolution(config.channels(), width, 3, 1, device, seed.split(0)));
    bn1 = child("bn1", new BatchNorm2d(width, device));
    List<Sequential> made = new ArrayList<>();
    for (int stage = 1; stage <= 3; stage++) {
      int in = stage == 1 ? width : width << (stage - 2);
      Seed own = seed.split(stage);
      Sequential blocks = stage(in, width << (stage - 1), config.blocks(), device, own);
      made.add(child("layer" + stage, blocks));
    }
    stages = List.copyOf(made);
    fc = child("fc", new Linear((long) width << 2, config.classes(), device, seed.split(4)));
  }

  private static Sequential stage(int in, int out, int count, Device device, Seed seed) {
    List<Module> blocks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int stride = i == 0 && in != out ? 2 : 1;
      blocks.add(new Block(i == 0 ? in : out, out, stride, device, seed.split(i)));
    }
    return new Sequential(blocks);
  }

  /** Without a bias, which the normalization behind it would take away. */
  private static Conv2d convolution(
      int in, int out, int kernel, int stride, Device device, Seed seed) {
    ConvolutionOptions options = ConvolutionOptions.stride(stride).padding(kernel / 2);
    Conv2d made = new Conv2d(in, out, kernel, options, false, device, seed);
    double deviation = Math.sqrt(2.0 / ((double) out * kernel * kernel));
    try (Tensor weight = Init.normal(made.weight().shape(), 0, deviation, seed, device)) {
      made.weight().copyFrom(weight);
    }
    return made;
  }

  @Override
  Tensor scores(Tensor x) {
    Tensor y = Activations.relu(bn1.call(conv1.call(x)));
    for (Sequential stage : stages) {
      y = stage.call(y);
    }
    return fc.call(flatten.call(pool.call(y)));
  }

  /** {@code relu(shortcut(x) + bn2(conv2(relu(bn1(conv1(x))))))}. */
  private static final class Block extends Module {

    private final Conv2d conv1;
    private final BatchNorm2d bn1;
    private final Conv2d conv2;
    private final BatchNorm2d bn2;
    private final Module downsample; // null where the input itself is added

    Block(int in, int out, int stride, Device device, Seed seed) {
      conv1 = child("conv1", convolution(in, out, 3, stride, device, seed.split(0)));
      bn1 = child("bn1", new BatchNorm2d(out, device));
      conv2 = child("conv2", convolution(out, out, 3, 1, device, seed.split(1)));
      bn2 = child("bn2", new BatchNorm2d(out, device));
      downsample =
          in == out
              ? null
              : child(
                  "downsample",
                  new Sequential(
                      convolution(in, out, 1, stride, device, seed.split(2)),
                      new BatchNorm2d(out, device)));
    }

    @Override
    public Tensor forward(Tensor x) {
      Tensor y = Activations.relu(bn1.call(conv1.call(x)));
      y = bn2.call(conv2.call(y));
      return Activations.relu(Pointwise.add(y, downsample == null ? x : downsample.call(x)));
    }
  }
}
