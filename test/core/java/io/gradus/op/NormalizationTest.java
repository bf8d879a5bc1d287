package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.function.BinaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Ops whose gradients come of one sweep: parameters of another type, trained, shared, in place. */
class NormalizationTest {

  private static final double EPS = 1e-5;

  private Scope scope;

  @BeforeEach
  void openScope() {
    scope = Scope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private static Tensor numbers(int seed, long... shape) {
    return Random.normal(Shape.of(shape), Seed.of(seed), 0, 1, Device.cpu());
  }

  @Test
  void parameters_stay_f32_beside_narrow_rows() {
    for (DType type : new DType[] {DType.BF16, DType.F16}) {
      Tensor x = Pointwise.cast(numbers(1, 65, 33), type);
      Tensor dy = Pointwise.cast(numbers(2, 65, 33), type);
      Tensor narrowWeight = Pointwise.cast(numbers(3, 33), type);
      Tensor narrowBias = Pointwise.cast(numbers(4, 33), type);
      Tensor weight = Pointwise.cast(narrowWeight, DType.F32);
      Tensor bias = Pointwise.cast(narrowBias, DType.F32);
      Tensor[] want = layerNormGradients(x, narrowWeight, narrowBias, dy);
      Tensor[] got = layerNormGradients(x, weight, bias, dy);
      for (int i = 0; i < want.length; i++) {
        assertEquals(i < 2 ? type : DType.F32, got[i].dtype());
        assertArrayEquals(want[i].toFloats(), Pointwise.cast(got[i], type).toFloats());
      }
    }
  }

  private static Tensor[] layerNormGradients(Tensor x, Tensor weight, Tensor bias, Tensor dy) {
    try (Tape tape = Tape.record()) {
      Tensor y = tape.keep(Normalization.layerNorm(x, weight, bias, EPS));
      Gradients gradients = tape.keep(tape.vjp(y, dy, x, weight, bias));
      return new Tensor[] {y, gradients.get(x), gradients.get(weight), gradients.get(bias)};
    }
  }

  @Test
  void parameters_of_a_third_type_are_refused() {
    Tensor x = Tensor.zeros(Shape.of(2, 3), DType.BF16, Device.cpu());
    Tensor weight = Tensor.zeros(Shape.of(3), DType.F16, Device.cpu());
    var e =
        assertThrows(IllegalArgumentException.class, () -> Normalization.rmsNorm(x, weight, EPS));
    assertEquals("rmsNorm: types differ: bf16 and f16; cast one of them", e.getMessage());
  }

  /** Trained parameters lie in flat buffers, where gradients are written and added in place. */
  @Test
  void a_parameter_used_twice_collects_both_gradients_in_its_flat_buffer() {
    Tensor flat = Tensor.ones(2 * 33);
    Tensor weight = numbers(3, 33);
    Tensor bias = numbers(4, 33);
    weight.moveInto(flat, 0);
    bias.moveInto(flat, 33);
    usedTwice(weight, bias, (a, unused) -> Normalization.layerNorm(a, weight, bias, EPS));
    usedTwice(weight, bias, (a, unused) -> Normalization.rmsNorm(a, weight, EPS));
    usedTwice(weight, bias, NormalizationTest::sumAndRows);
  }

  private static Tensor sumAndRows(Tensor x, Tensor residual) {
    var stream = Normalization.addLayerNorm(x, residual, null, null, EPS);
    return Pointwise.add(stream.sum(), stream.normalized());
  }

  private static void usedTwice(Tensor weight, Tensor bias, BinaryOperator<Tensor> op) {
    Tensor x = numbers(1, 65, 33);
    Tensor dy = numbers(2, 65, 33);
    float[][] want = new float[3][];
    float[][] got = new float[3][];
    for (boolean trained : new boolean[] {false, true}) {
      weight.requiresGrad(trained);
      bias.requiresGrad(trained);
      try (Tape tape = Tape.record()) {
        Tensor y = op.apply(op.apply(x, x), x);
        Gradients gradients = tape.vjp(y, dy, x, weight, bias);
        float[][] values = trained ? got : want;
        values[0] = gradients.get(x).toFloats();
        values[1] = gradients.get(weight).toFloats();
        values[2] = gradients.get(bias).toFloats();
      }
    }
    for (int i = 0; i < want.length; i++) {
      assertArrayEquals(want[i], got[i], 1e-5f);
    }
  }

  @Test
  void a_residual_stream_is_what_its_parts_are() {
    Tensor x = numbers(1, 65, 33);
    Tensor residual = numbers(2, 65, 33);
    Tensor weight = numbers(3, 33);
    Tensor dy = numbers(4, 65, 33);
    Seed seed = Seed.of(9);
    float[][] apart = new float[3][];
    float[][] fused = new float[3][];
    try (Tape tape = Tape.record()) {
      Tensor sum = Pointwise.add(residual, Random.dropout(x, 0.3, seed));
      Tensor y = Pointwise.add(sum, Normalization.rmsNorm(sum, weight, EPS));
      values(tape.vjp(y, dy, x, residual, weight), apart, x, residual, weight);
    }
    try (Tape tape = Tape.record()) {
      Normalization.Residual stream = Normalization.addRmsNorm(x, residual, weight, EPS, 0.3, seed);
      Tensor y = Pointwise.add(stream.sum(), stream.normalized());
      assertTrue(tape.toString().contains("addDropout"), tape::toString);
      values(tape.vjp(y, dy, x, residual, weight), fused, x, residual, weight);
    }
    for (int i = 0; i < apart.length; i++) {
      assertArrayEquals(apart[i], fused[i], 1e-5f);
    }
  }

  private static void values(Gradients gradients, float[][] into, Tensor... targets) {
    for (int i = 0; i < targets.length; i++) {
      into[i] = gradients.get(targets[i]).toFloats();
    }
  }

  @Test
  void an_embedding_adds_to_a_table_that_something_else_used() {
    Tensor flat = Tensor.ones(7 * 5);
    Tensor table = numbers(3, 7, 5).requiresGrad(true);
    table.moveInto(flat, 0);
    Tensor tokens = Tensor.of(new int[] {3, 1, 3, 6}, 2, 2);
    Tensor places = numbers(5, 3, 5);
    Tensor dy = numbers(4, 2, 2, 7);
    float[] want;
    try (Tape tape = Tape.record()) {
      Tensor h = Pointwise.add(Indexing.takeRows(table, tokens), Shapes.slice(places, 0, 2));
      want = tape.vjp(LinearAlgebra.linear(h, table.copy()), dy, table).get(table).toFloats();
    }
    try (Tape tape = Tape.record()) {
      Tensor h = Indexing.embedding(tokens, table, null, places);
      Tensor y = LinearAlgebra.linear(h, table);
      Tensor dw;
      try (Tape alone = Tape.record()) {
        dw = alone.vjp(LinearAlgebra.linear(Tape.stopGradient(h), table), dy, table).get(table);
      }
      float[] got = tape.vjp(y, dy, table).get(table).toFloats();
      float[] head = dw.toFloats();
      for (int i = 0; i < want.length; i++) {
        assertEquals(want[i] + head[i], got[i], 1e-5);
      }
    }
  }
}
