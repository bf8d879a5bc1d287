package io.gradus.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.ListResourceBundle;
import java.util.ResourceBundle;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;

/**
 * All options of a network that is trained: what it is made of, what it learns from, and how. To
 * add a network, extend this and name it in {@link #KINDS} and {@link #of}.
 */
abstract sealed class NetworkOptions permits ImageOptions, RnnOptions {

  /** The names of all networks. */
  static final List<String> KINDS =
      List.of(MlpNetwork.KIND, CnnNetwork.KIND, RnnNetwork.KIND, VaeNetwork.KIND, VitNetwork.KIND);

  @Mixin private TrainerOptions trainer = new TrainerOptions();

  /** The options of a network, none of them given yet. */
  static NetworkOptions of(String kind) {
    return switch (kind) {
      case MlpNetwork.KIND -> new MlpOptions();
      case CnnNetwork.KIND -> new CnnOptions();
      case RnnNetwork.KIND -> new RnnOptions();
      case VaeNetwork.KIND -> new VaeOptions();
      case VitNetwork.KIND -> new VitOptions();
      default -> throw new IllegalArgumentException("network: there is none of this kind: " + kind);
    };
  }

  TrainerOptions trainer() {
    return trainer;
  }

  abstract String kind();

  /** Where the data is; null for the digits. */
  abstract Path data();

  /** What holds for the digits. */
  abstract TrainerOptions.Defaults ofDigits();

  /** What holds with --data. */
  abstract TrainerOptions.Defaults ofData();

  /** Refuses what cannot be meant. */
  void check(CommandSpec spec) {
    trainer.check(spec);
  }

  /** Sets what was not given and does not depend on what the data is. */
  void complete() {
    trainer.complete(data() == null ? ofDigits() : ofData());
  }

  /** Reads the data. */
  abstract TaskData load() throws IOException;

  /**
   * Reads what a network that was trained is tested with.
   *
   * @param folder other data than that of the run; null for that
   */
  abstract TestData loadTest(RunFolder.Trained trained, Path folder) throws IOException;

  /** The network for such data; options that were not given, and depend on it, are set. */
  abstract Network network(TaskData data);

  /** Defaults for the help, in the place of {@code ${bundle:...}}. */
  ResourceBundle defaults() {
    return new ListResourceBundle() {
      @Override
      protected Object[][] getContents() {
        TrainerOptions.Defaults a = ofDigits();
        TrainerOptions.Defaults b = ofData();
        return new Object[][] {
          {"default.epochs", text(a.epochs(), b.epochs())},
          {"default.batch-size", text(a.batchSize(), b.batchSize())},
          {"default.learning-rate", text(a.learningRate(), b.learningRate())},
          {"default.weight-decay", text(a.weightDecay(), b.weightDecay())},
          {"default.output", kind()}
        };
      }
    };
  }

  private static String text(Object digits, Object data) {
    return digits.equals(data) ? digits.toString() : digits + " (with --data " + data + ")";
  }
}
