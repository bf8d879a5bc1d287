package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ScheduleTest {

  @Test
  void constant_stays() {
    Schedule schedule = Schedule.constant(0.3);
    assertEquals(0.3, schedule.at(0));
    assertEquals(0.3, schedule.at(1_000_000));
  }

  @Test
  void warmup_cosine_rises_and_falls() {
    Schedule schedule = Schedule.warmupCosine(8, 3, 11);
    double[] rising = {2, 4, 6, 8};
    for (int step = 0; step < rising.length; step++) {
      assertEquals(rising[step], schedule.at(step), 1e-12);
    }
    assertEquals(4 * (1 + Math.sqrt(0.5)), schedule.at(5), 1e-12);
    assertEquals(4, schedule.at(7), 1e-12);
    assertEquals(4 * (1 - Math.sqrt(0.5)), schedule.at(9), 1e-12);
    assertEquals(0, schedule.at(11), 1e-12);
    assertEquals(0, schedule.at(12), 1e-12);
  }

  @Test
  void warmup_linear_rises_and_falls() {
    Schedule schedule = Schedule.warmupLinear(8, 1, 5);
    double[] expected = {4, 8, 6, 4, 2, 0, 0, 0};
    for (int step = 0; step < expected.length; step++) {
      assertEquals(expected[step], schedule.at(step), 1e-12);
    }
  }

  @Test
  void warmup_may_be_nothing_or_all() {
    assertEquals(8, Schedule.warmupCosine(8, 0, 4).at(0));
    assertEquals(4, Schedule.warmupLinear(8, 0, 4).at(2));
    assertEquals(2, Schedule.warmupCosine(8, 3, 3).at(0));
    assertEquals(6, Schedule.warmupCosine(8, 3, 3).at(2));
    assertEquals(0, Schedule.warmupCosine(8, 3, 3).at(3), 1e-12);
  }

  private static final Map<String, Schedule> LIKE_PYTORCH =
      Map.ofEntries(
          Map.entry("step", Schedule.step(0.3, 7, 0.5)),
          Map.entry("multiStep", Schedule.multiStep(0.3, 0.2, 3, 10, 10, 25)),
          Map.entry("exponential", Schedule.exponential(0.3, 0.93)),
          Map.entry("polynomial", Schedule.polynomial(0.3, 30, 1.7)),
          Map.entry("linear", Schedule.linear(0.3 * 0.25, 0.3 * 0.75, 12)),
          Map.entry("cosine", Schedule.cosine(0.3, 0.01, 15)),
          Map.entry("cosineRestarts", Schedule.cosineRestarts(0.3, 0.01, 9, 1)),
          Map.entry("cosineRestartsLonger", Schedule.cosineRestarts(0.3, 0.01, 5, 2)),
          Map.entry("oneCycle", Schedule.oneCycle(0.3, 40)),
          Map.entry("oneCycleAll", Schedule.oneCycle(0.3, 40, 0.45, 10, 50)),
          Map.entry("triangular", Schedule.triangular(0.1, 0.5, 6, 9)),
          Map.entry("triangular2", Schedule.triangular2(0.1, 0.5, 4, 4)),
          Map.entry("expRange", Schedule.expRange(0.1, 0.5, 4, 5, 0.97)),
          Map.entry("warmup", Schedule.warmup(5, Schedule.exponential(0.3, 0.9))),
          Map.entry(
              "sequential",
              Schedule.sequential(
                  List.of(
                      Schedule.step(0.3, 4, 0.5),
                      Schedule.exponential(0.3, 0.9),
                      Schedule.linear(0.15, 0.3, 6)),
                  11,
                  25)),
          Map.entry("times", Schedule.exponential(0.3, 0.9).times(Schedule.linear(0.5, 1, 4))),
          Map.entry("plateau", ReduceOnPlateau.of(Schedule.constant(0.3)).factor(0.5).patience(2)),
          Map.entry(
              "plateauAll",
              ReduceOnPlateau.of(Schedule.constant(0.3))
                  .higherIsBetter()
                  .factor(0.3)
                  .patience(1)
                  .absoluteThreshold(0.05)
                  .cooldown(2)
                  .least(0.02)));

  private static final double[] METRICS = {
    5, 4, 4.2, 4, 3.9999, 3, 3.5, 3.5, 3.5, 3.5, 2.9, 3, 3, 3, 3, 3, 3, 3, 3, 3
  };

  static List<String> lines() throws Exception {
    return Files.readAllLines(
        Path.of(ScheduleTest.class.getResource("/golden/schedules.tsv").toURI()));
  }

  @ParameterizedTest
  @MethodSource("lines")
  void rates_are_those_of_pytorch(String line) {
    String[] fields = line.split("\t");
    Schedule schedule = LIKE_PYTORCH.get(fields[0]);
    assertEquals(41, fields.length);
    for (int step = 0; step < 40; step++) {
      assertEquals(
          Double.parseDouble(fields[step + 1]), schedule.at(step), 1e-12, fields[0] + " " + step);
      if (schedule instanceof ReduceOnPlateau plateau) {
        plateau.observe(METRICS[step / 2]);
      }
    }
  }

  @Test
  void every_schedule_has_its_golden_rates() throws Exception {
    assertEquals(LIKE_PYTORCH.size(), lines().size());
  }

  @Test
  void cycles_end_where_they_should_and_stay_there() {
    assertEquals(0.3 / 25e4, Schedule.oneCycle(0.3, 40).at(1_000), 1e-15);
    assertEquals(0.3, Schedule.oneCycle(0.3, 1, 0, 25, 1e4).at(0) * 25e4, 1e-12);
    assertEquals(0.3, Schedule.oneCycle(0.3, 10, 0, 25, 1e4).at(0), 1e-12);
    assertEquals(0.5, Schedule.triangular(0.1, 0.5, 3, 0).at(2) + 0.4 / 3, 1e-12);
    assertEquals(0.1, Schedule.triangular(0.1, 0.5, 3, 0).at(3), 1e-12);
    assertEquals(0.15, Schedule.cosineRestarts(0.3, 0, 2, 1000).at(1002), 1e-12);
    assertEquals(0.3, Schedule.cosineRestarts(0.3, 0, 1, 1 << 30).at((1L << 30) + 1), 1e-12);
    assertTrue(Schedule.cosineRestarts(0.3, 0, 1, 1 << 30).at(Long.MAX_VALUE) >= 0);
  }

  @Test
  void a_restored_plateau_goes_on_where_it_was() {
    ReduceOnPlateau first = ReduceOnPlateau.of(s -> 0.5).patience(1);
    first.observe(3);
    first.observe(Double.NaN);
    ReduceOnPlateau second = ReduceOnPlateau.of(s -> 0.5).patience(1);
    second.restore(first.state());
    assertTrue(first.observe(4));
    assertTrue(second.observe(4));
    assertEquals(0.05, second.at(9), 1e-15);
    assertEquals(first.state(), second.state());
    assertThrows(
        IllegalArgumentException.class,
        () -> second.restore(new ReduceOnPlateau.State(0, 1, 0, 0)));
  }

  @Test
  void a_users_own_is_a_function() {
    Schedule halving = step -> 1.0 / (1L << (step / 10));
    assertEquals(0.25, halving.at(25));
  }

  @Test
  void nonsense_is_refused() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> Schedule.warmupCosine(0.1, 10, 5));
    assertEquals(
        "warmupCosine: needs 0 <= warmup <= total and a step in total: warmup 10, total 5",
        error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Schedule.warmupLinear(0.1, -1, 5));
    assertThrows(IllegalArgumentException.class, () -> Schedule.warmupLinear(0.1, 0, 0));
    error =
        assertThrows(IllegalArgumentException.class, () -> Schedule.warmupLinear(Double.NaN, 0, 5));
    assertEquals(
        "warmupLinear: learning rate must be finite and not negative: NaN", error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Schedule.constant(-1));
    refuses("step: every must be positive: 0", () -> Schedule.step(1, 0, 0.5));
    refuses(
        "multiStep: milestones must rise from 0 on: [3, 2]", () -> Schedule.multiStep(1, 1, 3, 2));
    refuses(
        "exponential: factor must be finite and not negative: -1.0",
        () -> Schedule.exponential(1, -1));
    refuses("cosine: total must be positive: 0", () -> Schedule.cosine(1, 0, 0));
    refuses("warmup: steps must not be negative: -1", () -> Schedule.warmup(-1, s -> 1));
    refuses(
        "sequential: needs a milestone between two schedules: 1 schedules, 1 milestones",
        () -> Schedule.sequential(List.of(s -> 1), 1));
    refuses(
        "triangular: needs a step up and none or more down: up 0, down 1",
        () -> Schedule.triangular(0, 1, 0, 1));
    refuses(
        "oneCycle: needs a step and a rising part in [0, 1]: total 5, rising 1.5",
        () -> Schedule.oneCycle(1, 5, 1.5, 25, 10));
    refuses(
        "oneCycle: divisors must be positive: 0.0 and 10.0",
        () -> Schedule.oneCycle(1, 5, 0.5, 0, 10));
    refuses("plateau: factor must lie in (0, 1): 1.0", () -> ReduceOnPlateau.of(s -> 1).factor(1));
    refuses(
        "plateau: patience must not be negative: -1",
        () -> ReduceOnPlateau.of(s -> 1).patience(-1));
  }

  private static void refuses(String message, Executable mistake) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, mistake).getMessage());
  }
}
