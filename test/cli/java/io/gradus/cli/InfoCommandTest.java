package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InfoCommandTest {

  @Test
  void people_see_what_runs_and_what_is_absent() {
    Cli run = Cli.run("info");
    assertEquals("", run.err());
    assertEquals(0, run.code());
    for (String part :
        List.of(
            System.getProperty("java.version"),
            Device.cpu().description(),
            "cuda: absent: " + Device.whyNoCuda(),
            "looked for in: " + String.join(", ", Device.cudaFolders()))) {
      assertTrue(run.out().contains(part), part);
    }
  }

  @Test
  void programs_get_one_object() {
    List<Map<String, String>> lines = Cli.run("info", "--json").json();
    assertEquals(1, lines.size());
    Map<String, String> info = lines.get(0);
    assertEquals(Device.cpu().description(), info.get("kernels"));
    assertEquals(Integer.toString(Device.cpu().threads()), info.get("threads"));
    assertEquals("[\"cpu\"]", info.get("devices"));
    assertEquals(Device.whyNoCuda(), info.get("why_no_cuda"));
    assertTrue(Long.parseLong(info.get("memory_limit_bytes")) > 0);
  }
}
