package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.JsonTree;
import io.gradus.model.Vit;
import io.gradus.model.VitConfig;
import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.train.Objective;

/** A vision transformer. */
record VitNetwork(VitConfig config) implements Network {

  static final String KIND = "vit";

  static VitNetwork of(JsonTree settings) {
    return new VitNetwork(
        new VitConfig(
            Sizes.of(settings.whole("height")),
            Sizes.of(settings.whole("image_width")),
            Sizes.of(settings.whole("channels")),
            Sizes.of(settings.whole("patch")),
            Sizes.of(settings.whole("width")),
            Sizes.of(settings.whole("layers")),
            Sizes.of(settings.whole("heads")),
            Sizes.of(settings.whole("hidden")),
            Sizes.of(settings.whole("classes")),
            settings.number("norm_epsilon"),
            settings.number("dropout")));
  }

  @Override
  public JsonTree settings() {
    return new JsonTree()
        .put("height", (long) config.height())
        .put("image_width", (long) config.imageWidth())
        .put("channels", (long) config.channels())
        .put("patch", (long) config.patch())
        .put("width", (long) config.width())
        .put("layers", (long) config.layers())
        .put("heads", (long) config.heads())
        .put("hidden", (long) config.hidden())
        .put("classes", (long) config.classes())
        .put("norm_epsilon", config.normEpsilon())
        .put("dropout", config.dropout());
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public String layers() {
    return Text.format(
        "of %d layers, %d wide, on %d patches of %dx%d",
        config.layers(), config.width(), config.patches(), config.patch(), config.patch());
  }

  @Override
  public int classes() {
    return config.classes();
  }

  @Override
  public Module make(Device device, Seed seed) {
    return new Vit(config, device, seed);
  }

  @Override
  public Objective<Batch> objective(Module model, double smoothing) {
    return new Classification(model, (x, lengths) -> model.forward(x), smoothing);
  }
}
