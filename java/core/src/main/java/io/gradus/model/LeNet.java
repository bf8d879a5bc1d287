package io.gradus.model;

import io.gradus.nn.Conv2d;
import io.gradus.nn.Flatten;
import io.gradus.nn.Linear;
import io.gradus.nn.MaxPool2d;
import io.gradus.nn.Module;
import io.gradus.op.Activations;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * LeNet-5 (LeCun et al. 1998) as it is taught today, with ReLU and the largest of each 2 x 2
 * window: two convolutions of 5 x 5, then linear layers to 120, 84 and the classes. The second
 * convolution has 8/3 of the first one's channels. Images below 32 x 32 are padded by 2.
 *
 * <p>Its parts are {@code conv1}, {@code conv2}, {@code fc1}, {@code fc2} and {@code fc3}.
 */
public final class LeNet extends Cnn {

  private static final int KERNEL = 5;

  private final Conv2d conv1;
  private final Conv2d conv2;
  private final Linear fc1;
  private final Linear fc2;
  private final Linear fc3;
  private final Module pool = new MaxPool2d(2);
  private final Module flatten = new Flatten();

  /** Equal seeds give equal parameters. */
  public LeNet(CnnConfig config, Device device, Seed seed) {
    super(config, CnnConfig.Kind.LENET);
    int padding = config.size() < 32 ? 2 : 0;
    int more = config.width() * 8 / 3;
    int side = pooled(pooled(config.size() + 2 * padding));
    conv1 =
        child(
            "conv1",
            new Conv2d(
                config.channels(),
                config.width(),
                KERNEL,
                ConvolutionOptions.defaults().padding(padding),
                true,
                device,
                seed.split(0)));
    conv2 = child("conv2", new Conv2d(config.width(), more, KERNEL, device, seed.split(1)));
    fc1 = child("fc1", new Linear((long) more * side * side, 120, device, seed.split(2)));
    fc2 = child("fc2", new Linear(120, 84, device, seed.split(3)));
    fc3 = child("fc3", new Linear(84, config.classes(), device, seed.split(4)));
  }

  /** What a convolution and a pooling leave of a side. */
  private static int pooled(int side) {
    return (side - KERNEL + 1) / 2;
  }

  @Override
  Tensor scores(Tensor x) {
    Tensor y = pool.call(Activations.relu(conv1.call(x)));
    y = pool.call(Activations.relu(conv2.call(y)));
    y = Activations.relu(fc1.call(flatten.call(y)));
    return fc3.call(Activations.relu(fc2.call(y)));
  }
}
