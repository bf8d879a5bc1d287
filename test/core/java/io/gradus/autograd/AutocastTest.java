package io.gradus.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.nn.Dropout;
import io.gradus.nn.Linear;
import io.gradus.nn.Sequential;
import io.gradus.nn.Tanh;
import io.gradus.op.Attention;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Comparisons;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Losses;
import io.gradus.op.Normalization;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AutocastTest {

  private static Tensor numbers(long seed, long... shape) {
    return Random.normal(Shape.of(shape), Seed.of(seed), 0, 1, Device.cpu());
  }

  @SuppressWarnings("try")
  private static <T> T in(DType type, Supplier<T> code) {
    try (Autocast autocast = Autocast.to(type)) {
      return code.get();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void products_have_its_type_and_the_bits_of_operands_cast_by_hand(DType type) {
    Tensor a = numbers(1, 5, 7);
    Tensor b = numbers(2, 7, 3);
    Tensor small = Pointwise.cast(a, type);
    Tensor y = in(type, () -> LinearAlgebra.matmul(a, b));
    assertEquals(type, y.dtype());
    Tensor byHand = LinearAlgebra.matmul(small, Pointwise.cast(b, type));
    assertArrayEquals(byHand.toFloats(), y.toFloats());

    Tensor w = numbers(3, 4, 7);
    Tensor bias = numbers(4, 4);
    Tensor linear = in(type, () -> LinearAlgebra.linear(a, w, bias));
    assertEquals(type, linear.dtype());
    assertArrayEquals(LinearAlgebra.linear(small, w, bias).toFloats(), linear.toFloats());

    Tensor qkv = numbers(5, 2, 3, 3 * 8);
    Tensor attended = in(type, () -> Attention.attention(qkv, 1, 1, AttentionOptions.causal()));
    assertEquals(type, attended.dtype());
    assertEquals(type, in(type, () -> LinearAlgebra.matmulNT(small, w)).dtype());
    assertEquals(DType.F32, LinearAlgebra.matmul(a, b).dtype());
  }

  @Test
  void where_types_meet_an_op_computes_in_f32() {
    Tensor a = numbers(1, 3, 4);
    Tensor b = Pointwise.cast(numbers(2, 3, 4), DType.BF16);
    assertThrows(IllegalArgumentException.class, () -> Pointwise.add(a, b));
    Tensor wide = Pointwise.cast(b, DType.F32);
    Tensor sum = in(DType.BF16, () -> Pointwise.add(a, b));
    assertEquals(DType.F32, sum.dtype());
    assertArrayEquals(Pointwise.add(a, wide).toFloats(), sum.toFloats());
    in(
        DType.BF16,
        () -> {
          assertEquals(DType.F32, Pointwise.sub(b, a).dtype());
          assertEquals(DType.F32, Pointwise.mul(a, b).dtype());
          assertEquals(DType.F32, Pointwise.div(a, b).dtype());
          assertEquals(DType.F32, Pointwise.pow(a, b).dtype());
          assertEquals(DType.BF16, Pointwise.add(b, b).dtype());
          assertEquals(DType.F32, Shapes.concat(0, b, a, b).dtype());
          assertEquals(DType.F32, Shapes.stack(0, a, b).dtype());
          assertEquals(DType.F32, Comparisons.where(Comparisons.less(a, b), a, b).dtype());
          Tensor w = numbers(3, 4);
          assertEquals(DType.F32, LinearAlgebra.addBias(b, w).dtype());
          assertEquals(DType.F32, Normalization.addRmsNorm(b, a, w, 1e-5).sum().dtype());
          assertEquals(
              DType.F32, Normalization.addLayerNorm(a, b, w, w, 1e-5, 0, null).sum().dtype());
          return null;
        });
  }

  @Test
  void it_ends_where_it_closes_and_another_one_may_lie_within() {
    assertEquals(DType.F32, Autocast.type());
    in(
        DType.BF16,
        () -> {
          assertEquals(DType.F16, in(DType.F16, Autocast::type));
          assertEquals(DType.F32, in(DType.F32, () -> LinearAlgebra.matmul(one(), one())).dtype());
          assertEquals(DType.BF16, Autocast.type());
          return null;
        });
    assertEquals(DType.F32, Autocast.type());
    var e = assertThrows(IllegalArgumentException.class, () -> Autocast.to(DType.I32));
    assertEquals("autocast: needs f32, bf16 or f16: i32", e.getMessage());
  }

  private static Tensor one() {
    return numbers(1, 1, 1);
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void gradients_of_f32_parameters_are_f32_and_near_those_of_f32(DType type) {
    var model =
        new Sequential(
            new Linear(6, 40, Device.cpu(), Seed.of(1)),
            new Tanh(),
            new Linear(40, 3, Device.cpu(), Seed.of(2)));
    Tensor x = numbers(3, 20, 6);
    Tensor labels = Tensor.of(new long[20]);
    Gradients exact = gradients(model, x, labels, DType.F32, false);
    Gradients mixed = gradients(model, x, labels, type, false);
    Gradients inside = gradients(model, x, labels, type, true);
    for (Tensor parameter : model.parameters().tensors()) {
      assertEquals(DType.F32, mixed.get(parameter).dtype());
      float[] expected = exact.get(parameter).toFloats();
      float[] actual = mixed.get(parameter).toFloats();
      double scale = 0;
      double error = 0;
      for (int i = 0; i < expected.length; i++) {
        scale = Math.max(scale, Math.abs(expected[i]));
        error = Math.max(error, Math.abs(expected[i] - actual[i]));
      }
      // BF16 has 8 bits of mantissa, F16 11.
      assertTrue(error < scale * (type == DType.BF16 ? 0.03 : 0.004), error + " of " + scale);
      assertTrue(error > 0);
      assertArrayEquals(actual, inside.get(parameter).toFloats());
    }
  }

  @SuppressWarnings("try")
  private static Gradients gradients(
      Sequential model, Tensor x, Tensor labels, DType type, boolean inside) {
    try (Tape tape = Tape.record()) {
      if (inside) {
        try (Autocast autocast = Autocast.to(type)) {
          return tape.keep(tape.gradients(Losses.crossEntropy(model.forward(x), labels)));
        }
      }
      Tensor scores = in(type, () -> model.forward(x));
      return tape.keep(tape.gradients(Losses.crossEntropy(scores, labels)));
    }
  }

  @Test
  void a_part_that_is_computed_again_has_the_same_types_and_draws_the_same() {
    float[][] gradients = new float[2][];
    for (boolean checkpointing : new boolean[] {false, true}) {
      var model =
          new Sequential(
              new Linear(6, 40, Device.cpu(), Seed.of(1)),
              new Dropout(0.4, Seed.of(5)),
              new Sequential(new Tanh(), new Dropout(0.4, Seed.of(6))),
              new Linear(40, 3, Device.cpu(), Seed.of(2)));
      model.checkpointing(checkpointing);
      ((Sequential) model.layers().get(2)).checkpointing(checkpointing);
      Tensor x = numbers(3, 20, 6);
      for (int pass = 0; pass < 2; pass++) {
        Gradients found = gradients(model, x, Tensor.of(new long[20]), DType.BF16, false);
        gradients[checkpointing ? 1 : 0] = found.get(model.parameters().get("0.weight")).toFloats();
      }
      assertEquals(2, model.draws().get("1.draws").position());
      assertEquals(2, model.draws().get("2.1.draws").position());
    }
    assertArrayEquals(gradients[0], gradients[1]);
  }

  @Test
  void a_language_model_runs_in_it_as_it_is() {
    Gpt model = new Gpt(GptConfig.gpt2(11, 8, 16, 2, 2), Device.cpu(), Seed.of(1));
    Tensor ids = Tensor.of(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, 2, 4);
    Tensor exact = model.forward(ids);
    Tensor mixed = in(DType.BF16, () -> model.forward(ids));
    assertEquals(DType.BF16, mixed.dtype());
    Tensor difference = Pointwise.sub(exact, Pointwise.cast(mixed, DType.F32));
    double error = Reductions.max(Pointwise.abs(difference), 0, 1, 2).item();
    assertTrue(error > 0 && error < 0.01, () -> "error " + error);
  }
}
