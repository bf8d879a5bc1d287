package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.JsonTree;
import io.gradus.model.Vae;
import io.gradus.model.VaeConfig;
import io.gradus.nn.Module;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import io.gradus.train.Objective;
import java.util.List;

/** A variational autoencoder of images, whose loss is the evidence lower bound turned round. */
record VaeNetwork(VaeConfig config) implements Network {

  static final String KIND = "vae";

  static VaeNetwork of(JsonTree settings) {
    return new VaeNetwork(
        new VaeConfig(
            Sizes.of(settings.whole("inputs")),
            Sizes.parse(settings.text("hidden")),
            Sizes.of(settings.whole("latent"))));
  }

  @Override
  public JsonTree settings() {
    return new JsonTree()
        .put("inputs", (long) config.inputs())
        .put("hidden", Sizes.text(config.hidden()))
        .put("latent", (long) config.latent());
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public String layers() {
    String hidden = Sizes.text(config.hidden());
    return config.inputs() + (hidden.isEmpty() ? "" : "-" + hidden) + "-" + config.latent();
  }

  @Override
  public int classes() {
    return 0;
  }

  @Override
  public Module make(Device device, Seed seed) {
    return new Vae(config, device, seed);
  }

  @Override
  public Objective<Batch> objective(Module model, double smoothing) {
    return new Bound((Vae) model, config.inputs());
  }

  private record Bound(Vae model, int inputs) implements Objective<Batch> {

    @Override
    public List<Tensor> tensors(Batch batch) {
      return List.of(batch.to(model.device()).inputs());
    }

    @Override
    public Outcome compute(List<Tensor> tensors) {
      Tensor x = tensors.get(0);
      return new Outcome(model.elbo(Shapes.reshape(x, x.dim(0), inputs)).loss(), null, null);
    }

    @Override
    public long weight(Batch batch) {
      return batch.size();
    }
  }
}
