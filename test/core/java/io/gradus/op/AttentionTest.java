package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Attention against its composition of ops, with all scores in memory: values and gradients, with
 * every option by itself and all together.
 */
class AttentionTest {

  private static final int[] TIMES = {1, 2, 63, 64, 65, 257};
  private static final Seed SEED = Seed.of(11);
  private static final double HIDDEN = Double.NEGATIVE_INFINITY;

  private Scope scope;

  @BeforeEach
  void openScope() {
    scope = Scope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  /** What options add to the score of query i and key j. */
  private interface Bias {
    double at(int b, int h, int i, int j);
  }

  /** One attention and what it should be. */
  private static final class Case {
    int batch = 2;
    int tq;
    int tk;
    int heads = 2;
    int kvHeads = 2;
    int d = 16;
    DType type = DType.F32;
    AttentionOptions options = AttentionOptions.full();
    Bias bias = (b, h, i, j) -> 0;
    double p = 0;
    double scale = 0;

    Case(int t) {
      tq = t;
      tk = t;
    }

    Case with(AttentionOptions options, Bias bias) {
      this.options = options;
      this.bias = bias;
      return this;
    }

    Tensor numbers(int seed, int time, int heads) {
      Tensor x = Random.normal(Shape.of(batch, time, heads, d), Seed.of(seed), 0, 1, Device.cpu());
      return Pointwise.cast(x, type);
    }

    /** Scores, softmax, dropout and product, as tensors of their own. */
    Tensor composed(Tensor q, Tensor k, Tensor v) {
      float[] biases = new float[batch * heads * tq * tk];
      int at = 0;
      for (int b = 0; b < batch; b++) {
        for (int h = 0; h < heads; h++) {
          for (int i = 0; i < tq; i++) {
            for (int j = 0; j < tk; j++) {
              biases[at++] = (float) bias.at(b, h, i, j);
            }
          }
        }
      }
      Tensor scores =
          Pointwise.mul(
              LinearAlgebra.matmulNT(heads(q, heads), heads(k, heads)),
              scale == 0 ? 1 / Math.sqrt(d) : scale);
      Tensor weights =
          Softmax.softmax(Pointwise.add(scores, Tensor.of(biases, batch, heads, tq, tk)));
      Tensor y = LinearAlgebra.matmul(Random.dropout(weights, p, SEED), heads(v, heads));
      return Shapes.permute(y, 0, 2, 1, 3);
    }

    /** (batch, time, few, d) as (batch, heads, time, d), each head as often as it serves. */
    private Tensor heads(Tensor x, int heads) {
      long few = x.dim(2);
      Tensor turned = Shapes.permute(x, 0, 2, 1, 3);
      Tensor apart = Shapes.reshape(turned, batch, few, 1, x.dim(1), d);
      Tensor often = Shapes.expand(apart, Shape.of(batch, few, heads / few, x.dim(1), d));
      return Shapes.reshape(often, batch, heads, x.dim(1), d);
    }

    void check() {
      Tensor[] x = {numbers(1, tq, heads), numbers(2, tk, kvHeads), numbers(3, tk, kvHeads)};
      Tensor dy = numbers(4, tq, heads);
      Tensor[] wide = Arrays.stream(x).map(Case::widened).toArray(Tensor[]::new);
      float[][] got;
      float[][] want;
      try (Tape tape = Tape.record()) {
        got = all(tape, Attention.attention(x[0], x[1], x[2], options), dy, x);
      }
      try (Tape tape = Tape.record()) {
        want = all(tape, composed(wide[0], wide[1], wide[2]), widened(dy), wide);
      }
      double tolerance = type == DType.F32 ? 2e-5 : 4 * Bits.unitRoundoff(type);
      for (int k = 0; k < got.length; k++) {
        close(List.of("y", "dq", "dk", "dv").get(k), want[k], got[k], tolerance);
      }
    }

    private static Tensor widened(Tensor x) {
      return Pointwise.cast(x, DType.F32);
    }

    /** The value and the gradients. */
    private static float[][] all(Tape tape, Tensor y, Tensor dy, Tensor[] x) {
      float[] value = widened(y).toFloats();
      Gradients gradients = tape.vjp(y, dy, x);
      return new float[][] {
        value,
        widened(gradients.get(x[0])).toFloats(),
        widened(gradients.get(x[1])).toFloats(),
        widened(gradients.get(x[2])).toFloats()
      };
    }

    private static void close(String what, float[] want, float[] got, double tolerance) {
      double largest = 1;
      for (float w : want) {
        largest = Math.max(largest, Math.abs(w));
      }
      assertEquals(want.length, got.length);
      for (int i = 0; i < want.length; i++) {
        int at = i;
        assertTrue(
            Math.abs(want[i] - got[i]) <= tolerance * largest,
            () -> what + "[" + at + "]: expected " + want[at] + ", got " + got[at]);
      }
    }
  }

  private static DynamicTest test(String name, int t, Consumer<Case> change) {
    return dynamicTest(
        name + ", time " + t,
        () -> {
          try (Scope own = Scope.open()) {
            assertTrue(own != null);
            Case c = new Case(t);
            change.accept(c);
            c.check();
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> every_option_agrees_with_the_composition_of_ops() {
    return IntStream.of(TIMES).boxed().flatMap(AttentionTest::optionsAt);
  }

  private static Stream<DynamicTest> optionsAt(int t) {
    return Stream.of(
        test("full", t, c -> {}),
        test("scale", t, c -> c.with(AttentionOptions.full().scale(c.scale = 0.7), c.bias)),
        test(
            "causal",
            t,
            c -> c.with(AttentionOptions.causal(), (b, h, i, j) -> j <= i ? 0 : HIDDEN)),
        test(
            "causal window",
            t,
            c ->
                c.with(
                    AttentionOptions.causal().window(7),
                    (b, h, i, j) -> j <= i && i - j < 7 ? 0 : HIDDEN)),
        test(
            "window",
            t,
            c ->
                c.with(
                    AttentionOptions.full().window(33),
                    (b, h, i, j) -> Math.abs(i - j) < 33 ? 0 : HIDDEN)),
        test(
            "lengths",
            t,
            c ->
                c.with(
                    AttentionOptions.full().lengths(Tensor.of(new int[] {t / 2, t})),
                    (b, h, i, j) -> b == 1 || j < t / 2 ? 0 : HIDDEN)),
        test(
            "documents",
            t,
            c ->
                c.with(
                    AttentionOptions.causal().documents(documents(t)),
                    (b, h, i, j) -> j <= i && document(b, i) == document(b, j) ? 0 : HIDDEN)),
        test("mask", t, AttentionTest::masked),
        test(
            "slopes",
            t,
            c ->
                c.with(
                    AttentionOptions.causal().alibi(Tensor.of(new float[] {0.5f, 0.125f})),
                    (b, h, i, j) -> j <= i ? (h == 0 ? 0.5 : 0.125) * (j - i) : HIDDEN)),
        test("dropout", t, c -> c.with(AttentionOptions.full().dropout(c.p = 0.4, SEED), c.bias)),
        test(
            "everything dropped",
            t,
            c -> c.with(AttentionOptions.full().dropout(c.p = 1, SEED), c.bias)),
        test("all together", t, AttentionTest::everything));
  }

  private static int document(int b, int i) {
    return (i + 5 * b) / 11;
  }

  private static Tensor documents(int t) {
    int[] ids = new int[2 * t];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = document(i / t, i % t);
    }
    return Tensor.of(ids, 2, t);
  }

  private static void masked(Case c) {
    Tensor mask = Random.normal(Shape.of(c.batch, 1, c.tq, c.tk), Seed.of(5), 0, 1, Device.cpu());
    float[] values = mask.toFloats();
    for (int i = 0; i < values.length; i += 3) {
      values[i] = Float.NEGATIVE_INFINITY;
    }
    c.with(
        AttentionOptions.full().mask(Tensor.of(values, c.batch, 1, c.tq, c.tk)),
        (b, h, i, j) -> values[(b * c.tq + i) * c.tk + j]);
  }

  private static void everything(Case c) {
    int t = c.tq;
    c.heads = 4;
    c.p = 0.1;
    c.scale = 0.2;
    Tensor mask = Random.normal(Shape.of(4, 1, t), Seed.of(6), 0, 1, Device.cpu());
    float[] values = mask.toFloats();
    float[] slopes = {0.5f, 0.25f, 0.125f, 0};
    c.with(
        AttentionOptions.causal()
            .window(20)
            .lengths(Tensor.of(new int[] {t, t / 3}))
            .documents(documents(t))
            .mask(mask)
            .alibi(Tensor.of(slopes))
            .dropout(0.1, SEED)
            .scale(0.2),
        (b, h, i, j) ->
            j <= i && i - j < 20 && (b == 0 || j < t / 3) && document(b, i) == document(b, j)
                ? values[h * t + j] + slopes[h] * (j - i)
                : HIDDEN);
  }

  @TestFactory
  Stream<DynamicTest> every_head_size_and_type_agrees() {
    return Stream.of(1, 7, 64, 80, 256)
        .flatMap(
            d ->
                Stream.of(DType.F32, DType.BF16, DType.F16)
                    .map(
                        type ->
                            test(
                                "head size " + d + " " + type,
                                65,
                                c -> {
                                  c.d = d;
                                  c.type = type;
                                  c.with(
                                      AttentionOptions.causal(),
                                      (b, h, i, j) -> j <= i ? 0 : HIDDEN);
                                })));
  }

  @TestFactory
  Stream<DynamicTest> heads_may_share_keys_and_keys_may_outnumber_queries() {
    return IntStream.of(TIMES)
        .boxed()
        .flatMap(
            t ->
                Stream.of(
                    test("six heads to two", t, c -> grouped(c, 6, 2)),
                    test("three heads to one", t, c -> grouped(c, 3, 1)),
                    test(
                        "a cache",
                        t,
                        c -> {
                          c.tk = t + 100;
                          int length = t + 37;
                          c.with(
                              AttentionOptions.causal()
                                  .lengths(Tensor.of(new int[] {length, c.tk})),
                              (b, h, i, j) -> j <= i + (b == 0 ? 37 : 100) ? 0 : HIDDEN);
                        }),
                    test(
                        "fewer keys",
                        t,
                        c -> {
                          c.tk = t / 2 + 1;
                          c.with(
                              AttentionOptions.causal(),
                              (b, h, i, j) -> j <= i + c.tk - c.tq ? 0 : HIDDEN);
                        })));
  }

  private static void grouped(Case c, int heads, int kvHeads) {
    c.heads = heads;
    c.kvHeads = kvHeads;
    c.with(AttentionOptions.causal(), (b, h, i, j) -> j <= i ? 0 : HIDDEN);
  }

  @Test
  void packed_and_separate_operands_give_the_same_bits() {
    for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
      int b = 2;
      int t = 70;
      int d = 20;
      Case c = new Case(t);
      c.type = type;
      c.d = d;
      Tensor[] x = {c.numbers(1, t, 4), c.numbers(2, t, 2), c.numbers(3, t, 2)};
      Tensor[] rows = new Tensor[3];
      for (int i = 0; i < 3; i++) {
        rows[i] = Shapes.reshape(x[i], b, t, -1);
      }
      Tensor qkv = Shapes.concat(2, rows);
      Tensor dy = c.numbers(4, t, 4);
      AttentionOptions options = AttentionOptions.causal().dropout(0.2, SEED);
      float[] value;
      Tensor gradient;
      try (Tape tape = Tape.record()) {
        Tensor y = Attention.attention(qkv, 4, 2, options);
        value = y.toFloats();
        gradient = tape.keep(tape.vjp(y, Shapes.reshape(dy, b, t, 4 * d), qkv).get(qkv));
      }
      try (Tape tape = Tape.record()) {
        Tensor y = Attention.attention(x[0], x[1], x[2], options);
        assertArrayEquals(y.toFloats(), value);
        Gradients gradients = tape.vjp(y, dy, x);
        for (int i = 0; i < 3; i++) {
          rows[i] = Shapes.reshape(gradients.get(x[i]), b, t, -1);
        }
        assertArrayEquals(Shapes.concat(2, rows).toFloats(), gradient.toFloats());
      }
    }
  }

  @Test
  void packed_and_separate_keys_and_values_give_the_same_bits() {
    for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
      Case c = new Case(70);
      c.type = type;
      Tensor[] x = {c.numbers(1, 3, 4), c.numbers(2, 70, 2), c.numbers(3, 70, 2)};
      Tensor q = Shapes.reshape(x[0], c.batch, 3, -1);
      Tensor kv = keysAndValues(x[1], x[2]);
      Tensor dy = c.numbers(4, 3, 4);
      Tensor lengths = Tensor.of(new int[] {70, 41});
      AttentionOptions options = AttentionOptions.full().lengths(lengths).dropout(0.2, SEED);
      Tensor want;
      Tensor dq;
      Tensor dkv;
      try (Tape tape = Tape.record()) {
        want = tape.keep(Attention.attention(x[0], x[1], x[2], options));
        Gradients gradients = tape.keep(tape.vjp(want, dy, x));
        dq = gradients.get(x[0]);
        dkv = keysAndValues(gradients.get(x[1]), gradients.get(x[2]));
        tape.keep(dkv);
      }
      try (Tape tape = Tape.record()) {
        Tensor y = Attention.attention(q, kv, 4, 2, options);
        assertArrayEquals(want.toFloats(), y.toFloats());
        Gradients gradients = tape.vjp(y, Shapes.reshape(dy, y.shape()), q, kv);
        assertArrayEquals(dq.toFloats(), gradients.get(q).toFloats());
        assertArrayEquals(dkv.toFloats(), gradients.get(kv).toFloats());
      }
    }
  }

  private static Tensor keysAndValues(Tensor k, Tensor v) {
    Tensor[] rows = {
      Shapes.reshape(k, k.dim(0), k.dim(1), -1), Shapes.reshape(v, v.dim(0), v.dim(1), -1)
    };
    return Shapes.concat(2, rows);
  }

  @Test
  void one_gradient_of_three_may_be_asked_for() {
    Case c = new Case(5);
    Tensor[] x = {c.numbers(1, 5, 2), c.numbers(2, 5, 2), c.numbers(3, 5, 2)};
    Tensor dy = c.numbers(4, 5, 2);
    float[][] together = new float[3][];
    try (Tape tape = Tape.record()) {
      Gradients all =
          tape.vjp(Attention.attention(x[0], x[1], x[2], AttentionOptions.full()), dy, x);
      for (int i = 0; i < 3; i++) {
        together[i] = all.get(x[i]).toFloats();
      }
    }
    for (int i = 0; i < 3; i++) {
      try (Tape tape = Tape.record()) {
        Tensor y = Attention.attention(x[0], x[1], x[2], AttentionOptions.full());
        assertArrayEquals(together[i], tape.vjp(y, dy, x[i]).get(x[i]).toFloats());
      }
    }
  }

  @Test
  void one_tensor_may_be_queries_keys_and_values() {
    Case c = new Case(9);
    Tensor x = c.numbers(1, 9, 2);
    Tensor dy = c.numbers(2, 9, 2);
    float[] got;
    try (Tape tape = Tape.record()) {
      Tensor y = Attention.attention(x, x, x, AttentionOptions.full());
      got = tape.vjp(y, dy, x).get(x).toFloats();
    }
    try (Tape tape = Tape.record()) {
      Case.close("dx", tape.vjp(c.composed(x, x, x), dy, x).get(x).toFloats(), got, 2e-5);
    }
  }

  @Test
  void a_query_that_sees_no_key_gives_zero_and_has_no_gradient() {
    Tensor q = Tensor.full(2, Shape.of(1, 3, 1, 4), DType.F32, Device.cpu());
    Tensor mask = Tensor.full(HIDDEN, Shape.of(3, 3), DType.F32, Device.cpu());
    for (AttentionOptions options :
        List.of(
            AttentionOptions.full().lengths(Tensor.of(new int[] {0})),
            AttentionOptions.full().mask(mask))) {
      try (Tape tape = Tape.record()) {
        Tensor k = Pointwise.mul(q, 1);
        Tensor v = Pointwise.mul(q, 2);
        Tensor y = Attention.attention(q, k, v, options);
        assertArrayEquals(new float[12], y.toFloats());
        Gradients gradients = tape.vjp(y, q, q, k, v);
        for (Tensor x : List.of(q, k, v)) {
          assertArrayEquals(new float[12], gradients.get(x).toFloats());
        }
      }
    }
  }

  @Test
  void nan_reaches_the_queries_that_see_it_and_no_others() {
    Tensor q = Tensor.ones(1, 3, 1, 2);
    Tensor k = Tensor.ones(1, 3, 1, 2);
    k.view(Shape.of(), 2).fill(Double.NaN); // key 1
    float[] y = Attention.attention(q, k, q, AttentionOptions.causal()).toFloats();
    for (int i = 0; i < y.length; i++) {
      assertEquals(i >= 2, Float.isNaN(y[i]), "element " + i);
    }
  }

  @Test
  void an_empty_batch_or_time_is_no_mistake() {
    for (long[] shape : new long[][] {{0, 3, 2, 4}, {2, 0, 2, 4}}) {
      Tensor x = Tensor.zeros(shape);
      try (Tape tape = Tape.record()) {
        Tensor y = Attention.attention(x, x, x, AttentionOptions.causal());
        assertEquals(x.shape(), y.shape());
        assertEquals(x.shape(), tape.vjp(y, x, x).get(x).shape());
      }
    }
  }

  // Mistakes

  private static void refused(String message, AttentionOptions options, long... keys) {
    Tensor q = Tensor.zeros(2, 3, 4, 5);
    Tensor k = keys.length == 0 ? q : Tensor.zeros(keys);
    var e =
        assertThrows(IllegalArgumentException.class, () -> Attention.attention(q, k, k, options));
    assertEquals(message, e.getMessage());
  }

  @Test
  void options_that_do_not_fit_are_refused() {
    AttentionOptions full = AttentionOptions.full();
    refused(
        "attention: lengths must have the shape (2): (3)",
        full.lengths(Tensor.of(new int[] {1, 2, 3})));
    refused(
        "attention: needs a tensor of type i32: (2) f32; cast it first",
        full.lengths(Tensor.zeros(2)));
    refused(
        "attention: documents must have the shape (2, 3): (6)",
        full.documents(Tensor.of(new int[6])));
    refused(
        "attention: documents need as many queries as keys: 3 and 7",
        full.documents(Tensor.of(new int[6], 2, 3)),
        2,
        7,
        4,
        5);
    refused(
        "attention: the mask does not broadcast to the scores: (5, 2, 4, 3, 3) and (2, 4, 3, 3)",
        full.mask(Tensor.zeros(5, 2, 4, 3, 3)));
    refused(
        "attention: the mask does not broadcast to the scores: (3, 4) and (2, 4, 3, 3)",
        full.mask(Tensor.zeros(3, 4)));
    refused(
        "attention: needs a tensor of type f32: (3, 3) i32; cast it first",
        full.mask(Tensor.of(new int[9], 3, 3)));
    refused("attention: slopes must have the shape (4): (2)", full.alibi(Tensor.zeros(2)));
  }

  @Test
  void numbers_that_make_no_sense_are_refused() {
    AttentionOptions full = AttentionOptions.full();
    assertEquals(
        "attention: the window must be 1 or more: 0",
        assertThrows(IllegalArgumentException.class, () -> full.window(0)).getMessage());
    assertEquals(
        "attention: the probability of dropout must lie in [0, 1]: 1.5",
        assertThrows(IllegalArgumentException.class, () -> full.dropout(1.5, SEED)).getMessage());
    assertEquals(
        "attention: the scale must be above 0: -1.0",
        assertThrows(IllegalArgumentException.class, () -> full.scale(-1)).getMessage());
  }

  @Test
  void a_length_outside_the_keys_is_refused_by_its_number() {
    Tensor x = Tensor.zeros(2, 3, 4, 5);
    AttentionOptions options = AttentionOptions.full().lengths(Tensor.of(new int[] {3, 4}));
    var e =
        assertThrows(IndexOutOfBoundsException.class, () -> Attention.attention(x, x, x, options));
    assertEquals("attention: length 4 at batch 1 is outside [0, 4)", e.getMessage());
  }
}
