package io.gradus.cli;

import io.gradus.model.VaeConfig;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of a variational autoencoder. */
@Command(
    description = {
      "A variational autoencoder that learns to say images in a few numbers, and to make new ones"
          + " (Kingma and Welling 2014).",
      "Without --data it learns the handwritten digits that ship with Gradus: 1,437 images of 8x8"
          + " pixels to train, 360 to test."
    })
final class VaeOptions extends ImageOptions {

  @Option(
      names = "--hidden",
      split = ",",
      paramLabel = "N",
      description =
          "Sizes of the encoder's hidden layers; the decoder has them the other way round. Default:"
              + " 128, with --data 512.")
  private List<Integer> hidden;

  @Option(
      names = "--latent",
      paramLabel = "N",
      description = "Numbers that stand for an image. Default: 8, with --data 20.")
  private Integer latent;

  @Override
  String kind() {
    return VaeNetwork.KIND;
  }

  @Override
  TrainerOptions.Defaults ofDigits() {
    return new TrainerOptions.Defaults(40, 32, 0.003, 0);
  }

  @Override
  TrainerOptions.Defaults ofData() {
    return new TrainerOptions.Defaults(20, 128, 0.001, 0);
  }

  @Override
  void check(CommandSpec spec) {
    super.check(spec);
    Usage.checkSizes(spec, "--hidden", hidden);
    Usage.checkSize(spec, "--latent", latent);
    double smoothing = trainer().labelSmoothing();
    Usage.check(
        spec, smoothing == 0, "--label-smoothing", "a vae learns without labels", smoothing);
  }

  @Override
  void complete() {
    super.complete();
    hidden = hidden != null ? hidden : List.of(data() == null ? 128 : 512);
    latent = latent != null ? latent : (Integer) (data() == null ? 8 : 20);
  }

  /** Its pixels are probabilities. */
  @Override
  boolean normalizes() {
    return false;
  }

  @Override
  Network network(TaskData data) {
    int inputs = ((ImageFormat) data.format()).pixels();
    return new VaeNetwork(new VaeConfig(inputs, hidden, latent));
  }
}
