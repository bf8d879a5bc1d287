package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

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
          "workload metric median p10 p90 threads peak_rss_mb", String.join(" ", line.keySet()));
      assertEquals("samples/s", line.get("metric"));
      double median = Double.parseDouble(line.get("median"));
      assertTrue(median > 0);
      assertTrue(Double.parseDouble(line.get("p10")) <= median);
      assertTrue(Double.parseDouble(line.get("p90")) >= median);
      assertEquals(Integer.toString(Device.cpu().threads()), line.get("threads"));
    }
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
