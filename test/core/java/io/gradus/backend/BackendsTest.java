package io.gradus.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.ChildJvm;
import io.gradus.tensor.Device;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BackendsTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void the_number_of_threads_can_be_chosen(int threads) throws Exception {
    String text = describe("-Dgradus.threads=" + threads);
    assertTrue(text.contains("threads " + threads), text);
  }

  @Test
  void any_level_that_was_built_and_the_processor_runs_can_be_chosen() throws Exception {
    for (int level = 2; level <= Backend.cpuLevel(); level++) {
      String library = Loader.getPlatform() + "/libgradus_cpu_v" + level + ".so";
      if (Backends.class.getResource(library) != null) {
        String text = describe("-Dgradus.cpu=v" + level);
        assertTrue(text.contains("cpu v" + level), text);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"own,standing by", "openblas,by OpenBLAS", "auto,the faster for each shape"})
  void what_multiplies_matrices_can_be_chosen(String engine, String description) throws Exception {
    String text = describe("-Dgradus.gemm=" + engine);
    assertTrue(text.contains(description), text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          gradus.threads=0    | gradus.threads: must lie in 1 to 1024: 0
          gradus.threads=2000 | gradus.threads: must lie in 1 to 1024: 2000
          gradus.threads=two  | gradus.threads: not a whole number: two
          gradus.memory=8GB   | gradus.memory: not a whole number: 8GB
          gradus.gemm=mkl     | gradus.gemm: there is no mkl: supported are own, openblas and auto
          gradus.cpu=v9       | gradus.cpu: there is no library v9 for %s: supported are v2, v3 and
          """)
  void a_wrong_setting_is_refused_each_time_in_the_same_words(String setting, String message)
      throws Exception {
    String[] lines = describe("-D" + setting).split(System.lineSeparator());
    assertEquals(2, lines.length);
    assertTrue(lines[0].startsWith(message.formatted(Loader.getPlatform())), lines[0]);
    assertEquals(lines[0], lines[1]);
  }

  private static String describe(String option) throws Exception {
    return ChildJvm.run(DescribeProgram.class, option);
  }

  /** Says what runs the ops, twice. */
  static final class DescribeProgram {
    public static void main(String[] args) {
      for (int i = 0; i < 2; i++) {
        try {
          Device cpu = Device.cpu();
          System.out.println(cpu.description() + " threads " + cpu.threads());
        } catch (RuntimeException e) {
          System.out.println(e.getMessage());
        }
      }
    }
  }
}
