package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.tensor.Tensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Losses and their gradients beside those of PyTorch; golden/losses.py made the file. */
class GoldenLossesTest {

  private static final Map<String, Reduction> REDUCTIONS =
      Map.of(
          "mean", Reduction.MEAN,
          "sum", Reduction.SUM,
          "none", Reduction.NONE,
          "batchmean", Reduction.BATCH_MEAN);

  /** The operands of a case by name, and the reduction. */
  private interface Case {
    Tensor loss(Tensor x, Function<String, Tensor> operand, Reduction reduction);
  }

  private static final Map<String, Case> CASES = new LinkedHashMap<>();

  static {
    CASES.put("mse", (x, o, r) -> Losses.mse(x, o.apply("t"), r));
    CASES.put("mae", (x, o, r) -> Losses.mae(x, o.apply("t"), r));
    CASES.put("huber", (x, o, r) -> Losses.huber(x, o.apply("t"), 0.7, r));
    CASES.put("smoothL1", (x, o, r) -> Losses.smoothL1(x, o.apply("t"), 0.7, r));
    CASES.put("bce", (x, o, r) -> Losses.bce(x, o.apply("t"), r));
    CASES.put("bceWithLogits", (x, o, r) -> Losses.bceWithLogits(x, o.apply("t"), null, r));
    CASES.put("positive", (x, o, r) -> Losses.bceWithLogits(x, o.apply("t"), o.apply("w"), r));
    CASES.put("kl", (x, o, r) -> Losses.kl(x, o.apply("t"), false, r));
    CASES.put("klLog", (x, o, r) -> Losses.kl(x, o.apply("t"), true, r));
    for (String labelled : new String[] {"crossEntropy", "allIgnored"}) {
      CASES.put(labelled, (x, o, r) -> Losses.crossEntropy(x, o.apply("t"), options(r)));
    }
    CASES.put(
        "weighted",
        (x, o, r) -> Losses.crossEntropy(x, o.apply("t"), options(r).weights(o.apply("w"))));
    CASES.put(
        "smoothed", (x, o, r) -> Losses.crossEntropy(x, o.apply("t"), options(r).smoothing(0.2)));
    for (String both : new String[] {"smoothedWeighted", "probabilities"}) {
      CASES.put(
          both,
          (x, o, r) ->
              Losses.crossEntropy(
                  x, o.apply("t"), options(r).smoothing(0.2).weights(o.apply("w"))));
    }
    CASES.put("nll", (x, o, r) -> Losses.nll(x, o.apply("t"), options(r).weights(o.apply("w"))));
    CASES.put("multiMargin", (x, o, r) -> Losses.multiMargin(x, o.apply("t"), 1, 1, null, r));
    CASES.put("multiMargin2", (x, o, r) -> Losses.multiMargin(x, o.apply("t"), 2, 0.5, null, r));
    CASES.put(
        "multiMarginWeighted",
        (x, o, r) -> Losses.multiMargin(x, o.apply("t"), 2, 1.5, o.apply("w"), r));
    CASES.put("cosine", (x, o, r) -> Losses.cosineEmbedding(x, o.apply("b"), o.apply("t"), 0.1, r));
    CASES.put("triplet", (x, o, r) -> Losses.triplet(x, o.apply("p"), o.apply("n"), 0.8, r));
    CASES.put("ctc", (x, o, r) -> ctc(x, o, false, r));
    CASES.put("ctcZero", (x, o, r) -> ctc(x, o, true, r));
  }

  private static CrossEntropyOptions options(Reduction reduction) {
    return CrossEntropyOptions.of(reduction);
  }

  private static Tensor ctc(
      Tensor x, Function<String, Tensor> operand, boolean zeroInfinity, Reduction reduction) {
    return Losses.ctc(
        Softmax.logSoftmax(x),
        operand.apply("t"),
        operand.apply("i"),
        operand.apply("l"),
        0,
        zeroInfinity,
        reduction);
  }

  static Stream<String> cases() {
    return CASES.keySet().stream();
  }

  private static Map<String, Tensor> golden() throws Exception {
    var file = GoldenLossesTest.class.getResource("/golden/losses.safetensors").toURI();
    Map<String, Tensor> all = new HashMap<>();
    try (SafeTensors tensors = SafeTensors.read(Path.of(file))) {
      for (String name : tensors.names()) {
        all.put(name, tensors.tensor(name));
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void losses_and_gradients_are_those_of_pytorch(String name) throws Exception {
    Map<String, Tensor> golden = golden();
    int reductions = 0;
    for (var reduction : REDUCTIONS.entrySet()) {
      String prefix = name + "." + reduction.getKey();
      if (!golden.containsKey(prefix + ".y")) {
        continue;
      }
      try (Tape tape = Tape.record()) {
        Tensor x = golden.get(name + ".x");
        Tensor y =
            CASES.get(name).loss(x, key -> golden.get(name + "." + key), reduction.getValue());
        assertClose(prefix + ".y", golden.get(prefix + ".y"), y);
        Tensor dx = tape.vjp(y, golden.get(prefix + ".dy"), x).get(x);
        assertClose(prefix + ".dx", golden.get(prefix + ".dx"), dx);
      }
      reductions++;
    }
    assertTrue(reductions >= 3, "reductions of " + name + ": " + reductions);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mean", "sum", "none"})
  void logarithms_of_0_are_bounded(String reduction) throws Exception {
    Map<String, Tensor> golden = golden();
    Tensor y =
        Losses.bce(golden.get("bceEdge.x"), golden.get("bceEdge.t"), REDUCTIONS.get(reduction));
    assertClose(reduction, golden.get("bceEdge." + reduction + ".y"), y);
  }

  @Test
  void what_cannot_be_read_has_an_infinite_loss() throws Exception {
    Map<String, Tensor> golden = golden();
    Tensor y =
        ctc(golden.get("ctcZero.x"), key -> golden.get("ctcZero." + key), false, Reduction.NONE);
    assertClose("ctcInfinite.y", golden.get("ctcInfinite.y"), y);
    assertEquals(Float.POSITIVE_INFINITY, y.toFloats()[3]);
  }

  private static void assertClose(String what, Tensor want, Tensor got) {
    assertEquals(want.shape(), got.shape(), what);
    float[] expected = want.toFloats();
    float[] actual = got.toFloats();
    for (int i = 0; i < expected.length; i++) {
      if (Float.isInfinite(expected[i]) || Float.isNaN(expected[i])) {
        assertEquals(expected[i], actual[i], what + ", element " + i);
      } else {
        assertEquals(
            expected[i], actual[i], 3e-6f + 3e-6f * Math.abs(expected[i]), what + ", element " + i);
      }
    }
  }
}
