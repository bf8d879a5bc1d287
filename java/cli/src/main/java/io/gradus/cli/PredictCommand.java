package io.gradus.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.gradus.data.Batch;
import io.gradus.image.ImageFile;
import io.gradus.model.Vae;
import io.gradus.nn.Module;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import io.gradus.train.Objective;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradus predict}: asks a network that was trained. */
@Command(
    name = "predict",
    description = {
      "Tells the classes of pictures or texts by a network that gradus train has left in a folder.",
      "Of a variational autoencoder it writes what comes back of each picture, beside it, as"
          + " NAME.reconstruction.png."
    })
final class PredictCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "DIR", description = "The folder of the run.")
  private Path path;

  @Parameters(
      index = "1..*",
      paramLabel = "INPUT",
      description =
          "Pictures of any size and format that Java reads, or texts. Without any, each line of"
              + " standard input is a text, or names a picture.")
  private List<String> inputs = List.of();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "How many classes to tell of each. Default: ${DEFAULT-VALUE}.")
  private int top = 1;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(names = "--json", description = "Write a JSON object for each. Default: a line for each.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    Usage.check(spec, top >= 1, "--top", "must be 1 or more", top);
    device.check();
    threads.apply();
    RunFolder folder = new RunFolder(path);
    folder.checkRun("predict");
    RunFolder.Trained trained = folder.trained();
    Module model = folder.model("predict", trained.network(), device.get());
    List<String> asked =
        inputs.isEmpty()
            ? StandardInput.text("predict").lines().filter(line -> !line.isBlank()).toList()
            : inputs;
    Output out = Output.standard();
    for (String input : asked) {
      if (model instanceof Vae vae) {
        reconstruct(out, vae, (ImageFormat) trained.format(), Path.of(input));
      } else {
        classify(out, model, trained, input);
      }
    }
    return 0;
  }

  private void reconstruct(Output out, Vae vae, ImageFormat format, Path picture)
      throws IOException {
    String name = picture.getFileName().toString();
    int dot = name.lastIndexOf('.');
    Path file =
        picture.resolveSibling((dot > 0 ? name.substring(0, dot) : name) + ".reconstruction.png");
    try (Tensor image = format.input(ImageFile.read(picture))) {
      VaePictures.reconstruction(file, vae, format, image);
    }
    if (json) {
      out.line(new Json().put("input", picture.toString()).put("file", file.toString()).toString());
    } else {
      out.line("saved %s (%s)", file, Text.bytes(Files.size(file)));
    }
  }

  private void classify(Output out, Module model, RunFolder.Trained trained, String input)
      throws IOException {
    double[] shares = shares(model, trained, input);
    List<Integer> best =
        IntStream.range(0, shares.length)
            .boxed()
            .sorted((a, b) -> Double.compare(shares[b], shares[a]))
            .limit(top)
            .toList();
    if (json) {
      out.line(
          new Json()
              .put("input", input)
              .put("class", trained.classes().get(best.get(0)))
              .put("probability", shares[best.get(0)], 6)
              .put("top", to -> top(to, best, shares, trained.classes()))
              .toString());
      return;
    }
    StringBuilder line = new StringBuilder(shown(input));
    for (int label : best) {
      line.append(
          Text.format("  %s %s", trained.classes().get(label), Text.percent(shares[label])));
    }
    out.line(line.toString());
  }

  private static void top(
      JsonGenerator to, List<Integer> best, double[] shares, List<String> classes)
      throws IOException {
    to.writeStartArray();
    for (int label : best) {
      to.writeStartObject();
      to.writeStringField("class", classes.get(label));
      to.writeNumberField("probability", Math.rint(shares[label] * 1e6) / 1e6);
      to.writeEndObject();
    }
    to.writeEndArray();
  }

  /** A long text does not fill the screen. */
  private static String shown(String input) {
    String line = input.replaceAll("\\s+", " ");
    return line.length() <= 60 ? line : line.substring(0, 57) + "...";
  }

  /** The probability of each class. */
  @SuppressWarnings("try") // the scope only has to close
  private static double[] shares(Module model, RunFolder.Trained trained, String input)
      throws IOException {
    try (Scope scope = Scope.open()) {
      Tensor x;
      Tensor lengths = null;
      if (trained.format() instanceof ImageFormat format) {
        x = format.input(ImageFile.read(Path.of(input)));
      } else {
        int[] tokens = ((TextFormat) trained.format()).tokens(trained.tokenizer(), input);
        x = Tensor.of(tokens, 1, tokens.length);
        lengths = Tensor.of(new int[] {tokens.length});
      }
      Objective<Batch> objective = trained.network().objective(model, 0);
      Batch batch = new Batch(x, Tensor.of(new long[] {0}), lengths);
      Tensor scores = objective.compute(objective.tensors(batch)).predictions();
      double[] shares = softmax(scores.toFloats());
      if (shares.length != trained.classes().size()) {
        throw new IOException(
            "predict: the network tells "
                + shares.length
                + " classes and network.json names "
                + trained.classes().size());
      }
      return shares;
    }
  }

  private static double[] softmax(float... scores) {
    double most = Double.NEGATIVE_INFINITY;
    for (float score : scores) {
      most = Math.max(most, score);
    }
    double[] shares = new double[scores.length];
    double sum = 0;
    for (int i = 0; i < shares.length; i++) {
      shares[i] = Math.exp(scores[i] - most);
      sum += shares[i];
    }
    for (int i = 0; i < shares.length; i++) {
      shares[i] /= sum;
    }
    return shares;
  }
}
