package io.gradus.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.gradus.metric.ConfusionMatrix;
import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code gradus eval}: tests a network that was trained. */
@Command(
    name = "eval",
    description = {
      "Tests a network that gradus train has left in a folder: its loss, and of one that classifies"
          + " its accuracy, the precision, recall and F1 of each class, and which classes it takes"
          + " for which.",
      "Of a language model it tells the loss and the perplexity of each token of a text, and the"
          + " bits of a byte."
    })
final class EvalCommand implements Callable<Integer> {

  @Parameters(paramLabel = "DIR", description = "The folder of the run.")
  private Path path;

  @Option(
      names = "--data",
      paramLabel = "PATH",
      description =
          "Other data to test with, as gradus train takes it; all of it where it has no test part."
              + " For a language model a text, a folder of texts, or ids that gradus tokenizer"
              + " encode wrote. Default: the test part of the data of the run, or its held-out"
              + " text.")
  private Path data;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(names = "--json", description = "Write one JSON object. Default: a table.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    device.check();
    threads.apply();
    RunFolder folder = new RunFolder(path);
    GptFolder texts = new GptFolder(path);
    if (texts.isModel() && !Files.exists(folder.network())) {
      TextResult result = TextResult.of(texts, data, device.get());
      Output.standard().line(json ? result.json() : result.toString());
      return 0;
    }
    folder.checkRun("eval");
    NetworkOptions options = folder.command().options();
    options.complete();
    RunFolder.Trained trained = folder.trained();
    folder.checkSame(options, trained);
    Device there = device.get();
    Module model = folder.model("eval", trained.network(), there);
    TestData tested = options.loadTest(trained, data);
    TestResult result =
        TestResult.of(
            trained.network(),
            model,
            NetworkRun.inOrder(tested.examples(), options.trainer().batchSize(), there),
            trained.classes());
    Output out = Output.standard();
    if (json) {
      out.line(json(tested, trained, result));
    } else {
      out.line("%s: %,d examples, %s", tested.name(), result.count(), result.summary());
      if (result.confusion() != null) {
        out.line("");
        out.line(result.table());
      }
    }
    return 0;
  }

  private static String json(TestData tested, RunFolder.Trained trained, TestResult result) {
    Json json =
        result.addTo(
            new Json().put("network", trained.network().kind()).put("data", tested.name()));
    if (result.confusion() != null) {
      json.put("classes", to -> classes(to, result));
    }
    return json.toString();
  }

  private static void classes(JsonGenerator to, TestResult result) throws IOException {
    ConfusionMatrix confusion = result.confusion();
    to.writeStartArray();
    for (int label = 0; label < result.classes().size(); label++) {
      to.writeStartObject();
      to.writeStringField("class", result.classes().get(label));
      number(to, "precision", confusion.precision(label));
      number(to, "recall", confusion.recall(label));
      number(to, "f1", confusion.f1(label));
      to.writeEndObject();
    }
    to.writeEndArray();
  }

  /** JSON has no NaN. */
  private static void number(JsonGenerator to, String name, double value) throws IOException {
    to.writeFieldName(name);
    if (Double.isNaN(value)) {
      to.writeNull();
    } else {
      to.writeNumber(Math.rint(value * 1e6) / 1e6);
    }
  }
}
