package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.JsonTree;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.nn.Activation;
import io.gradus.nn.Module;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.train.Objective;

/** A multilayer perceptron that sees all pixels of an image in a row. */
record MlpNetwork(MlpConfig config) implements Network {

  static final String KIND = "mlp";

  static MlpNetwork of(JsonTree settings) {
    return new MlpNetwork(
        new MlpConfig(
            Sizes.parse(settings.text("sizes")), Activation.RELU, settings.number("dropout")));
  }

  @Override
  public JsonTree settings() {
    return new JsonTree().put("sizes", Sizes.text(config.sizes())).put("dropout", config.dropout());
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public String layers() {
    return Sizes.text(config.sizes());
  }

  @Override
  public int classes() {
    return config.sizes().get(config.sizes().size() - 1);
  }

  @Override
  public Module make(Device device, Seed seed) {
    return new Mlp(config, device, seed);
  }

  @Override
  public Objective<Batch> objective(Module model, double smoothing) {
    return new Classification(
        model,
        (x, lengths) -> model.forward(Shapes.reshape(x, x.dim(0), config.sizes().get(0))),
        smoothing);
  }
}
