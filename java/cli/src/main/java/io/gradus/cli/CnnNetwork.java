package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.JsonTree;
import io.gradus.model.Cnn;
import io.gradus.model.CnnConfig;
import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.train.Objective;
import java.util.Locale;

/** A convolutional network: LeNet or a residual network. */
record CnnNetwork(CnnConfig config) implements Network {

  static final String KIND = "cnn";

  static CnnNetwork of(JsonTree settings) {
    return new CnnNetwork(
        new CnnConfig(
            CnnConfig.Kind.valueOf(settings.text("architecture").toUpperCase(Locale.ROOT)),
            Sizes.of(settings.whole("channels")),
            Sizes.of(settings.whole("size")),
            Sizes.of(settings.whole("classes")),
            Sizes.of(settings.whole("width")),
            Sizes.of(settings.whole("blocks"))));
  }

  @Override
  public JsonTree settings() {
    return new JsonTree()
        .put("architecture", config.kind().name().toLowerCase(Locale.ROOT))
        .put("channels", (long) config.channels())
        .put("size", (long) config.size())
        .put("classes", (long) config.classes())
        .put("width", (long) config.width())
        .put("blocks", (long) config.blocks());
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public String layers() {
    return config.kind() == CnnConfig.Kind.LENET
        ? "LeNet of " + config.width() + " channels"
        : Text.format("ResNet-%d of %d channels", 6 * config.blocks() + 2, config.width());
  }

  @Override
  public int classes() {
    return config.classes();
  }

  @Override
  public Module make(Device device, Seed seed) {
    return Cnn.of(config, device, seed);
  }

  @Override
  public Objective<Batch> objective(Module model, double smoothing) {
    return new Classification(model, (x, lengths) -> model.forward(x), smoothing);
  }
}
