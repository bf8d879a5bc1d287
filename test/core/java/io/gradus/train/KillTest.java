package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.ChildJvm;
import io.gradus.model.Mlp;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that trains and saves is killed at random moments, {@code gradus.test.kills} times. */
class KillTest {

  private static final int KILLS = Integer.getInteger("gradus.test.kills", 25);

  @TempDir private Path folder;

  @Test
  void killed_at_random_moments_a_training_loses_nothing() throws Exception {
    Random random = new Random(5);
    long saved = 0;
    int during = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      Process process = start(Long.MAX_VALUE, kill);
      try (BufferedReader out = process.inputReader()) {
        String line = out.readLine();
        assertTrue(line != null && line.startsWith("at "), line);
        // What was said to be saved is there, and is what a training goes on from.
        assertTrue(number(line) >= saved, line + " after " + saved);
        saved = number(line);
        // Every other time it gets as far as a checkpoint, however slow the machine is.
        if (kill % 2 == 1) {
          line = out.readLine();
          assertTrue(line != null && line.startsWith("saved "), line);
          saved = number(line);
        }
        TimeUnit.MICROSECONDS.sleep(random.nextInt(400_000));
        process.toHandle().destroyForcibly(); // which leaves what it wrote readable
        process.waitFor();
        while ((line = out.readLine()) != null) {
          if (line.matches("saved \\d+")) {
            saved = number(line);
          } else {
            assertTrue("saved ".startsWith(line) || line.startsWith("saved "), line);
          }
        }
      }
      during += leftovers() > 0 ? 1 : 0;
    }
    assertTrue(saved >= KILLS / 2);
    assertTrue(during > 0, "no kill met a checkpoint that was being written");

    long until = saved + 5;
    Process last = start(until, 1);
    String output = new String(last.getInputStream().readAllBytes());
    assertEquals(0, last.waitFor(), output);
    assertEquals(0, leftovers());
    Mlp model = TinyTask.model(1, 0.2);
    var arguments = KilledTraining.arguments(folder).saveStrategy(IntervalStrategy.NO).build();
    KilledTraining.trainer(model, arguments, until).train();
    assertTrue(output.contains("digest " + KilledTraining.digest(model)), output);
  }

  private Process start(long until, int number) throws IOException {
    return ChildJvm.start(
        KilledTraining.class,
        new String[] {"-XX:TieredStopAtLevel=1", "-Dgradus.threads=" + (1 + number % 2)},
        folder.toString(),
        Long.toString(until));
  }

  private static long number(String line) {
    return Long.parseLong(line.substring(line.indexOf(' ') + 1));
  }

  private long leftovers() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith(".")).count();
    }
  }
}
