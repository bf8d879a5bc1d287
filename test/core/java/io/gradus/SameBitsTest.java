package io.gradus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The same seed gives the same result on any number of threads, to the last bit. */
class SameBitsTest {

  @Test
  void one_two_and_four_threads_give_the_same_bits() throws Exception {
    List<String> one = digests(1);
    assertTrue(one.size() > 30, one::toString);
    assertEquals(String.join("\n", one), String.join("\n", digests(2)));
    assertEquals(String.join("\n", one), String.join("\n", digests(4)));
  }

  private static List<String> digests(int threads) throws Exception {
    String output = ChildJvm.run(SameBitsProgram.class, "-Dgradus.threads=" + threads);
    assertTrue(output.contains("threads " + threads), output);
    return output.lines().filter(line -> line.contains(" = ")).collect(Collectors.toList());
  }
}
