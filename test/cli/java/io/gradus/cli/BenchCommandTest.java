package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.op.Losses;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {

  @Test
  void every_workload_gives_one_line_of_json() {
    List<String> names = List.of("mlp_784_256_10_b32", "minilm_b16_s128", "mlp_784_256_10_b64");
    Cli run = Cli.run("bench", "--workload", String.join(",", names), "--seconds", "0.2", "--json");
    assertEquals("", run.err());
    assertEquals(0, run.code());
    List<Map<String, String>> lines = run.json();
    assertEquals(names, lines.stream().map(line -> line.get("workload")).toList());
    for (Map<String, String> line : lines) {
      assertEquals(
          "workload metric median p10 p90 device threads peak_rss_mb mfu",
          String.join(" ", line.keySet()));
      assertEquals("samples/s", line.get("metric"));
      double median = Double.parseDouble(line.get("median"));
      assertTrue(median > 0);
      assertTrue(Double.parseDouble(line.get("p10")) <= median);
      assertTrue(Double.parseDouble(line.get("p90")) >= median);
      assertEquals(Integer.toString(Device.cpu().threads()), line.get("threads"));
    }
  }

  @Test
  void steps_from_the_saved_start_come_to_the_loss_that_was_written(@TempDir Path folder)
      throws IOException {
    Path start = folder.resolve("start.safetensors");
    Cli run =
        Cli.run(
            "bench",
            "--workload=mlp_784_256_10_b32",
            "--steps=20",
            "--save=" + start,
            "--threads=" + Device.cpu().threads(),
            "--json");
    assertEquals("", run.err());
    assertEquals(0, run.code());
    Map<String, String> line = run.json().get(0);
    assertEquals("20", line.get("steps"));

    var model = new Mlp(MlpConfig.of(784, 256, 10), Device.cpu(), Seed.of(1));
    try (Scope scope = Scope.open();
        SafeTensors file = SafeTensors.read(start)) {
      for (var parameter : model.parameters().asMap().entrySet()) {
        parameter.getValue().copyFrom(file.tensor(parameter.getKey()));
      }
      Tensor x = scope.keep(file.tensor("inputs"));
      Tensor y = scope.keep(file.tensor("targets"));
      Optimizer sgd = Sgd.builder().learningRate(0.01).build(model.parameters());
      for (int i = 0; i < 20; i++) {
        try (Tape tape = Tape.record()) {
          sgd.step(tape.gradients(Losses.crossEntropy(model.forward(x), y)));
        }
      }
      double loss = Losses.crossEntropy(model.forward(x), y).item();
      assertEquals(loss, Double.parseDouble(line.get("loss")));
    }
  }

  @Test
  void without_dropout_steps_are_not_random() {
    String dropout = lossAfterOneStep("minilm_b16_s128_dropout");
    assertEquals(lossAfterOneStep("minilm_b16_s128"), dropout);
  }

  private static String lossAfterOneStep(String workload) {
    return Cli.run("bench", "--workload", workload, "--steps=1", "--json")
        .json()
        .get(0)
        .get("loss");
  }

  @Test
  void steps_that_mean_nothing_are_refused() {
    refuses(
        "--steps: takes one workload: mlp_784_256_10_b32,mlp_784_256_10_b64",
        "--workload=mlp_784_256_10_b32,mlp_784_256_10_b64",
        "--steps=1");
    refuses("--steps: takes one workload: all", "--workload=all", "--steps=1");
    refuses("--steps: must not be negative: -1", "--steps=-1");
    refuses("--save: needs --steps: start", "--save=start");
  }

  private static void refuses(String message, String... options) {
    Cli run = Cli.run(Stream.concat(Stream.of("bench"), Stream.of(options)).toArray(String[]::new));
    assertEquals(2, run.code());
    assertEquals("gradus: " + message + "; see gradus bench --help", run.err().strip());
  }

  @Test
  void people_get_a_table_of_what_they_named() {
    Cli run =
        Cli.run("bench", "--seconds", "0.1", "--workload", "mlp_784_256_10_b64,mlp_784_256_10_b32");
    assertEquals("", run.err());
    List<String> lines = run.lines();
    assertEquals(3, lines.size());
    assertTrue(lines.get(0).startsWith("workload"));
    assertTrue(lines.get(1).startsWith("mlp_784_256_10_b64 "));
    assertTrue(lines.get(2).startsWith("mlp_784_256_10_b32 "));
    assertEquals(1, lines.stream().mapToInt(String::length).distinct().count(), "aligned");
  }

  @Test
  void the_number_of_threads_cannot_change_within_a_process() {
    int threads = Device.cpu().threads();
    Cli same = Cli.run("info", "--threads", Integer.toString(threads));
    assertEquals(0, same.code(), same.err());
    Cli other = Cli.run("bench", "--threads", Integer.toString(threads + 1));
    assertEquals(1, other.code());
    assertEquals(
        "gradus: --threads: this process computes with "
            + threads
            + " already: "
            + (threads + 1)
            + "; start another process for another number",
        other.err().strip());
  }
}
