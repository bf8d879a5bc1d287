package io.gradus.cli;

import io.gradus.model.CnnConfig;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of a convolutional network. */
@Command(
    description = {
      "A convolutional network that classifies images: a residual network (He et al. 2016) or"
          + " LeNet-5 (LeCun et al. 1998).",
      "Without --data it learns the handwritten digits that ship with Gradus: 1,437 images of 8x8"
          + " pixels to train, 360 to test."
    })
final class CnnOptions extends ImageOptions {

  /** Which network. */
  enum Architecture {
    resnet,
    lenet
  }

  @Option(
      names = "--architecture",
      paramLabel = "NAME",
      description =
          "One of ${COMPLETION-CANDIDATES}; lenet needs 12 x 12 pixels. Default: ${DEFAULT-VALUE}.")
  private Architecture architecture = Architecture.resnet;

  @Option(
      names = "--width",
      paramLabel = "N",
      description = "Channels of the first layer. Default: 16; 6 for lenet.")
  private Integer width;

  @Option(
      names = "--blocks",
      paramLabel = "N",
      description =
          "Residual blocks in each of three stages; N make a ResNet of 6 N + 2 layers. Default: 1,"
              + " with --data 3.")
  private Integer blocks;

  @Override
  String kind() {
    return CnnNetwork.KIND;
  }

  @Override
  TrainerOptions.Defaults ofDigits() {
    return new TrainerOptions.Defaults(10, 32, 0.003, 0.01);
  }

  @Override
  TrainerOptions.Defaults ofData() {
    return new TrainerOptions.Defaults(20, 64, 0.002, 0.05);
  }

  @Override
  void check(CommandSpec spec) {
    super.check(spec);
    Usage.checkSize(spec, "--width", width);
    Usage.checkSize(spec, "--blocks", blocks);
    Usage.check(
        spec,
        blocks == null || architecture == Architecture.resnet,
        "--blocks",
        "is for resnet alone",
        blocks);
  }

  @Override
  void complete() {
    super.complete();
    boolean residual = architecture == Architecture.resnet;
    width = width != null ? width : (Integer) (residual ? 16 : 6);
    if (blocks == null && residual) {
      blocks = data() == null ? 1 : 3;
    }
  }

  @Override
  Network network(TaskData data) {
    ImageFormat format = (ImageFormat) data.format();
    if (format.height() != format.width()) {
      throw new IllegalArgumentException(
          "cnn: images must be square: "
              + format.height()
              + "x"
              + format.width()
              + "; bring them to a size with --size");
    }
    return new CnnNetwork(
        new CnnConfig(
            CnnConfig.Kind.valueOf(architecture.name().toUpperCase(Locale.ROOT)),
            format.channels(),
            format.height(),
            data.classes().size(),
            width,
            blocks == null ? 0 : blocks));
  }
}
