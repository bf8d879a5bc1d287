package io.gradus.model;

import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * A convolutional network that tells classes of small images apart: from {@code (batch, channels,
 * size, size)} to scores {@code (batch, classes)}.
 *
 * <pre>{@code
 * Cnn model = Cnn.of(CnnConfig.resNet(3, 32, 10, 3), Device.best(), Seed.of(42));
 * }</pre>
 */
public abstract sealed class Cnn extends Module permits LeNet, ResNet {

  private final CnnConfig config;

  Cnn(CnnConfig config, CnnConfig.Kind kind) {
    if (config.kind() != kind) {
      throw new IllegalArgumentException(
          "cnn: the configuration is of another network: " + config.kind() + "; use Cnn.of");
    }
    this.config = config;
  }

  /** The network of a configuration. Equal seeds give equal parameters. */
  public static Cnn of(CnnConfig config, Device device, Seed seed) {
    return switch (config.kind()) {
      case LENET -> new LeNet(config, device, seed);
      case RESNET -> new ResNet(config, device, seed);
    };
  }

  /**
   * The scores of each class.
   *
   * @throws IllegalArgumentException where the input is not of the configured size
   */
  @Override
  public final Tensor forward(Tensor x) {
    long size = config.size();
    if (x.rank() != 4 || x.dim(1) != config.channels() || x.dim(2) != size || x.dim(3) != size) {
      throw new IllegalArgumentException(
          "cnn: the input must be (batch, "
              + config.channels()
              + ", "
              + size
              + ", "
              + size
              + "): "
              + x.shape());
    }
    return scores(x);
  }

  abstract Tensor scores(Tensor x);

  /** What it is made of. */
  public final CnnConfig config() {
    return config;
  }
}
