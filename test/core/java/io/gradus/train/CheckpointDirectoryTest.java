package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointDirectoryTest {

  @TempDir private Path folder;

  private CheckpointDirectory directory() throws IOException {
    CheckpointDirectory directory = new CheckpointDirectory(folder.resolve("run"));
    directory.prepare();
    return directory;
  }

  private static void write(CheckpointDirectory directory, long step) throws IOException {
    directory.write(step, to -> Files.writeString(to.resolve("file"), "step " + step));
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("run"))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static List<String> newest(CheckpointDirectory directory) throws IOException {
    return directory.newestFirst().stream().map(p -> p.getFileName().toString()).toList();
  }

  @Test
  void the_newest_is_the_one_of_the_highest_step() throws IOException {
    assertEquals(List.of(), new CheckpointDirectory(folder.resolve("missing")).newestFirst());
    CheckpointDirectory directory = directory();
    for (long step : new long[] {9, 100, 20}) {
      write(directory, step);
    }
    Files.createDirectory(folder.resolve("run/checkpoint-x"));
    Files.createDirectory(folder.resolve("run/checkpoint-99999999999999999999"));
    Files.writeString(folder.resolve("run/checkpoint-500"), "a file");
    assertEquals(List.of("checkpoint-100", "checkpoint-20", "checkpoint-9"), newest(directory));
  }

  @Test
  void the_limit_spares_the_best_and_the_newest() throws IOException {
    CheckpointDirectory directory = directory();
    for (long step = 1; step <= 6; step++) {
      write(directory, step);
    }
    directory.prune(0, 6, 2);
    assertEquals(6, directory.newestFirst().size());
    directory.prune(3, 6, 2);
    assertEquals(List.of("checkpoint-6", "checkpoint-5", "checkpoint-2"), newest(directory));
    directory.prune(1, 6, 2);
    assertEquals(List.of("checkpoint-6", "checkpoint-2"), newest(directory));
    directory.prune(1, 6, -1);
    assertEquals(List.of("checkpoint-6"), newest(directory));
  }

  @Test
  void a_write_that_fails_leaves_what_was_there() throws IOException {
    CheckpointDirectory directory = directory();
    write(directory, 3);
    CheckpointDirectory.Content half =
        to -> {
          Files.writeString(to.resolve("file"), "half");
          throw new IOException("no space left on device");
        };
    for (long step : new long[] {3, 4}) {
      var e = assertThrows(IOException.class, () -> directory.write(step, half));
      assertTrue(e.getMessage().contains("no space left on device"), e.getMessage());
      assertEquals(List.of("checkpoint-3"), names());
    }
    assertEquals("step 3", Files.readString(directory.of(3).resolve("file")));
    write(directory, 3);
    directory.write(3, to -> Files.writeString(to.resolve("file"), "again"));
    assertEquals("again", Files.readString(directory.of(3).resolve("file")));
  }

  @Test
  void what_a_killed_process_left_is_removed_and_nothing_else() throws IOException {
    CheckpointDirectory directory = directory();
    write(directory, 3);
    Files.createDirectories(folder.resolve("run/.gradus-checkpoint-abc/deep"));
    Files.writeString(folder.resolve("run/.gradus-checkpoint-abc/deep/file"), "half");
    Files.writeString(folder.resolve("run/notes.txt"), "mine");
    directory.prepare();
    assertEquals(List.of("checkpoint-3", "notes.txt"), names());
  }

  /** A limit on the size of files stands for a disk without room: the writes fail as there. */
  @Test
  void a_full_disk_leaves_the_last_good_one_to_resume_from() throws Exception {
    String[] fine = {"-Dgradus.threads=1"};
    assertEquals(0, ChildJvm.start(LargeTraining.class, fine, folder.toString(), "2").waitFor());
    assertEquals(2, newest(new CheckpointDirectory(folder)).size());

    // Without PerfData the virtual machine itself writes no file.
    String[] options = {"-Dgradus.threads=1", "-XX:-UsePerfData"};
    List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -f 400; exec \"$@\"", "sh"));
    command.addAll(ChildJvm.command(LargeTraining.class, options, folder.toString(), "4"));
    Process full = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(full.getInputStream().readAllBytes());
    assertEquals(1, full.waitFor(), output);
    assertTrue(output.contains("at 2"), output);
    assertTrue(output.contains("checkpoint: writing failed"), output);
    assertFalse(Files.exists(folder.resolve("checkpoint-3")));

    Process free = ChildJvm.start(LargeTraining.class, fine, folder.toString(), "4");
    output = new String(free.getInputStream().readAllBytes());
    assertEquals(0, free.waitFor(), output);
    assertTrue(output.contains("at 2"), output);
    assertEquals(
        List.of("checkpoint-4", "checkpoint-3", "checkpoint-2", "checkpoint-1"),
        newest(new CheckpointDirectory(folder)));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(4, files.count());
    }
  }
}
