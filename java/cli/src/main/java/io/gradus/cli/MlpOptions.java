package io.gradus.cli;

import io.gradus.model.MlpConfig;
import io.gradus.nn.Activation;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of a multilayer perceptron. */
@Command(
    description = {
      "A multilayer perceptron with ReLU that classifies images.",
      "Without --data it learns the handwritten digits that ship with Gradus: 1,437 images of 8x8"
          + " pixels to train, 360 to test."
    })
final class MlpOptions extends ImageOptions {

  @Option(
      names = "--hidden",
      split = ",",
      paramLabel = "N",
      description = "Sizes of the hidden layers. Default: 128, with --data 256.")
  private List<Integer> hidden;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      description = "Dropout behind each hidden layer. Default: 0.3, with --data 0.2.")
  private Double dropout;

  @Override
  String kind() {
    return MlpNetwork.KIND;
  }

  @Override
  TrainerOptions.Defaults ofDigits() {
    return new TrainerOptions.Defaults(40, 32, 0.003, 0.01);
  }

  @Override
  TrainerOptions.Defaults ofData() {
    return new TrainerOptions.Defaults(10, 64, 0.002, 0.01);
  }

  @Override
  void check(CommandSpec spec) {
    super.check(spec);
    Usage.checkSizes(spec, "--hidden", hidden);
    Usage.checkDropout(spec, dropout);
  }

  @Override
  void complete() {
    super.complete();
    hidden = hidden != null ? hidden : List.of(data() == null ? 128 : 256);
    if (dropout == null) {
      dropout = data() == null ? 0.3 : 0.2;
    }
  }

  @Override
  Network network(TaskData data) {
    List<Integer> sizes = new ArrayList<>();
    sizes.add(((ImageFormat) data.format()).pixels());
    sizes.addAll(hidden);
    sizes.add(data.classes().size());
    return new MlpNetwork(new MlpConfig(sizes, Activation.RELU, dropout));
  }
}
