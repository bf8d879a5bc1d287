package io.gradus.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.ChildJvm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the CUDA backend is opened with. */
class CudaLibraryTest {

  /** Writes the settings. */
  static final class SettingsProgram {
    public static void main(String[] args) {
      System.out.print(CudaLibrary.settings());
    }
  }

  private static List<String> settings(String... options) throws Exception {
    return ChildJvm.runBare(SettingsProgram.class, options).lines().toList();
  }

  @Test
  void libraries_come_in_the_order_in_which_they_are_looked_for(@TempDir Path home)
      throws Exception {
    Path packages = home.resolve(".local/lib/python3.12/site-packages/nvidia");
    Path blas = Files.createDirectories(packages.resolve("cublas/lib"));
    Files.createFile(blas.resolve("libcublasLt.so.13"));
    Path other = Files.createDirectories(packages.resolve("curand/lib"));
    Files.createFile(other.resolve("libcurand.so.10"));
    List<String> lines = settings("-Duser.home=" + home, "-Dgradus.cuda.path=/first:/second");
    assertEquals(
        List.of("libraries=/first", "libraries=/second", "libraries="), lines.subList(0, 3));
    assertTrue(lines.indexOf("libraries=" + blas) > 2, lines::toString);
    assertFalse(lines.contains("libraries=" + other), lines::toString);
  }

  @Test
  void choices_are_kept_in_a_folder_that_can_be_written(@TempDir Path folder) throws Exception {
    Path cache = folder.resolve("new/cache");
    assertTrue(settings("-Dgradus.cuda.cache=" + cache).contains("cache=" + cache));
    assertTrue(Files.isDirectory(cache));
    Path file = Files.createFile(folder.resolve("file"));
    List<String> lines = settings("-Dgradus.cuda.cache=" + file.resolve("cache"));
    assertTrue(lines.stream().noneMatch(line -> line.startsWith("cache=")), lines::toString);
  }

  @Test
  void switches_are_off_unless_they_are_set() throws Exception {
    assertTrue(settings().containsAll(List.of("blocking=false", "tf32=false")));
    assertTrue(
        settings("-Dgradus.cuda.blocking=true", "-Dgradus.tf32=true")
            .containsAll(List.of("blocking=true", "tf32=true")));
  }

  @Test
  void kernels_of_attention_are_chosen_by_name() throws Exception {
    assertTrue(settings().contains("attention=auto"));
    assertTrue(settings("-Dgradus.cuda.attention=hopper").contains("attention=hopper"));
  }
}
