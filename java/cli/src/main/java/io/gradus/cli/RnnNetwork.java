package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.JsonTree;
import io.gradus.model.RnnClassifier;
import io.gradus.model.RnnClassifierConfig;
import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.train.Objective;
import java.util.Locale;

/** A recurrent network that reads tokens. */
record RnnNetwork(RnnClassifierConfig config) implements Network {

  static final String KIND = "rnn";

  static RnnNetwork of(JsonTree settings) {
    return new RnnNetwork(
        new RnnClassifierConfig(
            Sizes.of(settings.whole("vocabulary")),
            Sizes.of(settings.whole("width")),
            RnnClassifierConfig.Cell.valueOf(settings.text("cell").toUpperCase(Locale.ROOT)),
            Sizes.of(settings.whole("hidden")),
            Sizes.of(settings.whole("layers")),
            settings.flag("bidirectional"),
            RnnClassifierConfig.Pooling.valueOf(settings.text("pooling").toUpperCase(Locale.ROOT)),
            Sizes.of(settings.whole("classes")),
            settings.number("dropout")));
  }

  @Override
  public JsonTree settings() {
    return new JsonTree()
        .put("vocabulary", (long) config.vocabulary())
        .put("width", (long) config.width())
        .put("cell", config.cell().name().toLowerCase(Locale.ROOT))
        .put("hidden", (long) config.hidden())
        .put("layers", (long) config.layers())
        .put("bidirectional", config.bidirectional())
        .put("pooling", config.pooling().name().toLowerCase(Locale.ROOT))
        .put("classes", (long) config.classes())
        .put("dropout", config.dropout());
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public String layers() {
    return Text.format(
        "of %d %s%s, %d wide, on %,d tokens",
        config.layers(),
        config.bidirectional() ? "bidirectional " : "",
        config.cell(),
        config.hidden(),
        config.vocabulary());
  }

  @Override
  public int classes() {
    return config.classes();
  }

  @Override
  public Module make(Device device, Seed seed) {
    return new RnnClassifier(config, device, seed);
  }

  @Override
  public Objective<Batch> objective(Module model, double smoothing) {
    return new Classification(model, ((RnnClassifier) model)::forward, smoothing);
  }
}
