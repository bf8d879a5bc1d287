package io.gradus.cli;

import io.gradus.model.VitConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of a vision transformer. */
@Command(
    description = {
      "A vision transformer that classifies images (Dosovitskiy et al. 2021).",
      "Without --data it learns the handwritten digits that ship with Gradus: 1,437 images of 8x8"
          + " pixels to train, 360 to test."
    })
final class VitOptions extends ImageOptions {

  @Option(
      names = "--patch",
      paramLabel = "N",
      description =
          "Patches of N x N pixels, which have to divide the images. Default: 2 for the digits, else"
              + " about an eighth of the size.")
  private Integer patch;

  @Option(
      names = "--width",
      paramLabel = "N",
      description = "The size of a patch's vector. Default: 64, with --data 192.")
  private Integer width;

  @Option(
      names = "--layers",
      paramLabel = "N",
      description = "How many. Default: 2, with --data 6.")
  private Integer layers;

  @Option(
      names = "--heads",
      paramLabel = "N",
      description = "Heads of attention, which divide the width. Default: 4, with --data 3.")
  private Integer heads;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      description = "Dropout behind embeddings and in each layer. Default: 0.1.")
  private Double dropout;

  @Override
  String kind() {
    return VitNetwork.KIND;
  }

  @Override
  TrainerOptions.Defaults ofDigits() {
    return new TrainerOptions.Defaults(20, 32, 0.002, 0.05);
  }

  @Override
  TrainerOptions.Defaults ofData() {
    return new TrainerOptions.Defaults(30, 64, 0.001, 0.05);
  }

  @Override
  void check(CommandSpec spec) {
    super.check(spec);
    Usage.checkSize(spec, "--patch", patch);
    Usage.checkSize(spec, "--width", width);
    Usage.checkSize(spec, "--layers", layers);
    Usage.checkSize(spec, "--heads", heads);
    Usage.checkDropout(spec, dropout);
  }

  @Override
  void complete() {
    super.complete();
    boolean digits = data() == null;
    width = width != null ? width : (Integer) (digits ? 64 : 192);
    layers = layers != null ? layers : (Integer) (digits ? 2 : 6);
    heads = heads != null ? heads : (Integer) (digits ? 4 : 3);
    dropout = dropout != null ? dropout : (Double) 0.1;
  }

  @Override
  Network network(TaskData data) {
    ImageFormat format = (ImageFormat) data.format();
    if (patch == null) {
      patch = data() == null && format.height() == 8 ? 2 : patch(format);
    }
    return new VitNetwork(
        new VitConfig(
            format.height(),
            format.width(),
            format.channels(),
            patch,
            width,
            layers,
            heads,
            4 * width,
            data.classes().size(),
            1e-12,
            dropout));
  }

  /** The largest divisor of both sides of which at least seven make the shorter one. */
  private static int patch(ImageFormat format) {
    int largest = Math.min(format.height(), format.width()) / 7;
    for (int side = largest; side > 1; side--) {
      if (format.height() % side == 0 && format.width() % side == 0) {
        return side;
      }
    }
    return 1;
  }
}
