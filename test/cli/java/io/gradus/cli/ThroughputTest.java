package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ThroughputTest {

  @Test
  void percentiles_lie_between_the_nearest_ranks() {
    Throughput rate = Throughput.of(50, 10, 40, 20, 30);
    assertEquals(30, rate.median());
    assertEquals(14, rate.p10(), 1e-9);
    assertEquals(46, rate.p90(), 1e-9);
  }

  @Test
  void one_window_is_enough() {
    assertEquals(new Throughput(7, 7, 7), Throughput.of(7));
  }

  @Test
  void every_step_counts_all_its_samples() {
    AtomicInteger steps = new AtomicInteger();
    Throughput one =
        Throughput.measure(
            new Workload(1, "steps/s", steps::incrementAndGet, null, Device.cpu()), 0, 0.01);
    assertTrue(one.median() > 0);
    assertTrue(steps.get() >= 4, "one to warm up and three windows");
    assertTrue(one.p10() <= one.median() && one.median() <= one.p90());
  }
}
