package io.gradus.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.ChildJvm;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a machine without a GPU says of it. */
class DeviceTest {

  /** Says what became of each way to ask for a GPU. */
  static final class AskProgram {
    public static void main(String[] args) {
      try {
        System.out.println(Device.cuda(Integer.getInteger("index", 0)).description());
      } catch (RuntimeException e) {
        System.out.println(e.getMessage());
      }
      try {
        System.out.println(Device.best() + ": " + Device.whyNoCuda());
      } catch (RuntimeException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  private static String[] ask(String... options) throws Exception {
    return ChildJvm.run(AskProgram.class, options).split(System.lineSeparator());
  }

  @Test
  void without_its_jar_the_message_names_it() throws Exception {
    String why =
        "its library is not on the class or module path; add io.gradus:gradus with the classifier"
            + " linux-x86_64-cuda";
    String[] lines = ChildJvm.runBare(AskProgram.class).split(System.lineSeparator());
    assertEquals("device: cuda:0 is not available: " + why + ", or use Device.cpu()", lines[0]);
    assertEquals("cpu: " + why, lines[1]);
  }

  @Test
  void a_library_that_is_missing_is_named() throws Exception {
    String why = "gradus.cuda.library names no file: /nowhere/libgradus_cuda.so";
    String[] lines = ask("-Dgradus.cuda.library=/nowhere/libgradus_cuda.so");
    assertEquals("device: cuda:0 is not available: " + why + ", or use Device.cpu()", lines[0]);
    assertEquals("cpu: " + why, lines[1]);
  }

  @Test
  void a_library_that_cannot_be_loaded_is_named_with_the_system_s_reason(@TempDir Path folder)
      throws Exception {
    Path library = Files.writeString(folder.resolve("libgradus_cuda.so"), "no library");
    String[] lines = ask("-Dgradus.cuda.library=" + library);
    String start = "device: cuda:0 is not available: cannot load " + library + ": ";
    assertTrue(lines[0].startsWith(start), lines[0]);
    assertTrue(lines[1].startsWith("cpu: cannot load "), lines[1]);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gradus.tf32=yes|gradus.tf32: must be true or false: yes",
        "gradus.cuda.blocking=1|gradus.cuda.blocking: must be true or false: 1",
        "gradus.cuda.attention=fast|gradus.cuda.attention: must be auto, hopper or mma: fast",
        "gradus.cuda.memory=8GB|gradus.cuda.memory: not a whole number: 8GB"
      })
  void a_wrong_setting_is_refused_and_does_not_count_as_no_gpu(
      String settingAndMessage, @TempDir Path folder) throws Exception {
    String[] parts = settingAndMessage.split("\\|");
    Path library = Files.writeString(folder.resolve("libgradus_cuda.so"), "no library");
    String[] lines = ask("-Dgradus.cuda.library=" + library, "-D" + parts[0]);
    assertEquals(parts[1], lines[0]);
    assertEquals(parts[1], lines[1]);
  }
}
