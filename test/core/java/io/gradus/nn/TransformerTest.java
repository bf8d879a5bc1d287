package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.autograd.Tape;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Attention and transformer layers; {@link GoldenLayersTest} holds them against PyTorch's. */
class TransformerTest {

  private static final Device CPU = Device.cpu();
  private static final Seed SEED = Seed.of(5);
  private static final TransformerOptions OPTIONS = TransformerOptions.of(8, 2, 12);

  private static Tensor normal(long seed, long... dims) {
    return Init.normal(Shape.of(dims), 0, 1, Seed.of(seed), CPU);
  }

  @Test
  void parameters_have_the_names_of_pytorch() {
    assertEquals(
        List.of(
            "layers.0.self_attn.in_proj_weight",
            "layers.0.self_attn.in_proj_bias",
            "layers.0.self_attn.out_proj.weight",
            "layers.0.self_attn.out_proj.bias",
            "layers.0.multihead_attn.in_proj_weight",
            "layers.0.multihead_attn.in_proj_bias",
            "layers.0.multihead_attn.out_proj.weight",
            "layers.0.multihead_attn.out_proj.bias",
            "layers.0.linear1.weight",
            "layers.0.linear1.bias",
            "layers.0.linear2.weight",
            "layers.0.linear2.bias",
            "layers.0.norm1.weight",
            "layers.0.norm1.bias",
            "layers.0.norm2.weight",
            "layers.0.norm2.bias",
            "layers.0.norm3.weight",
            "layers.0.norm3.bias",
            "norm.weight",
            "norm.bias"),
        List.copyOf(new TransformerDecoder(OPTIONS, 1, true, CPU, SEED).parameters().names()));
  }

  @Test
  void three_projections_of_one_source_are_the_packed_one() {
    MultiHeadAttention attention = new MultiHeadAttention(8, 2, 0, true, CPU, SEED);
    attention.parameters().get("in_proj_bias").copyFrom(normal(1, 24));
    Tensor x = normal(2, 3, 5, 8);
    float[] packed = attention.forward(x).toFloats();
    Tensor same = x.copy();
    AttentionOptions full = AttentionOptions.full();
    assertArrayEquals(packed, attention.forward(x, same, same, full).toFloats(), 1e-6f);
    assertArrayEquals(packed, attention.forward(x, same, x.copy(), full).toFloats(), 1e-6f);
  }

  @Test
  void dropout_draws_anew_in_training_and_rests_in_evaluation() {
    Tensor x = normal(1, 2, 5, 8);
    for (boolean pre : new boolean[] {false, true}) {
      TransformerOptions options = pre ? OPTIONS.withPreNorm() : OPTIONS;
      var layer = new TransformerDecoderLayer(options.withDropout(0.5), CPU, SEED);
      float[] first = layer.forward(x, x).toFloats();
      assertFalse(Arrays.equals(first, layer.forward(x, x).toFloats()));
      // Behind three parts, inside one of them, and in attention twice.
      assertEquals(8, layer.draws().get("dropout").position());
      assertEquals(2, layer.draws().get("self_attn.dropout").position());
      layer.eval();
      var plain = new TransformerDecoderLayer(options.withDropout(0), CPU, SEED);
      assertArrayEquals(plain.forward(x, x).toFloats(), layer.forward(x, x).toFloats());
    }
  }

  @Test
  void a_causal_decoder_sees_nothing_of_what_comes() {
    var decoder = new TransformerDecoder(OPTIONS.withDropout(0), 2, false, CPU, SEED);
    Tensor memory = normal(1, 2, 3, 8);
    Tensor x = normal(2, 2, 5, 8);
    Tensor changed = Shapes.concat(1, Shapes.narrow(x, 1, 0, 4), normal(3, 2, 1, 8));
    Tensor y = decoder.forward(x, memory);
    Tensor z = decoder.forward(changed, memory);
    assertArrayEquals(
        Shapes.narrow(y, 1, 0, 4).toFloats(), Shapes.narrow(z, 1, 0, 4).toFloats(), 1e-6f);
    assertFalse(Arrays.equals(y.toFloats(), z.toFloats()));
    assertEquals(
        "transformer: a decoder needs a memory; call forward(x, memory)",
        assertThrows(UnsupportedOperationException.class, () -> decoder.forward(x)).getMessage());
  }

  @Test
  void positions_are_added_to_the_first_times() {
    Tensor x = Tensor.zeros(2, 3, 5);
    SinusoidalPositions waves = new SinusoidalPositions(4, 5, CPU);
    float[] y = waves.forward(x).toFloats();
    for (int t = 0; t < 3; t++) {
      for (int i = 0; i < 5; i++) {
        double angle = t * Math.pow(10_000, -2.0 * (i / 2) / 5);
        double want = i % 2 == 0 ? Math.sin(angle) : Math.cos(angle);
        assertEquals(want, y[t * 5 + i], 1e-6);
        assertEquals(want, y[(3 + t) * 5 + i], 1e-6);
      }
    }
    assertEquals(0, waves.parameters().count());
    LearnedPositions learned = new LearnedPositions(4, 5, CPU, SEED);
    try (Tape tape = Tape.record()) {
      Tensor z = learned.forward(x);
      float[] table = learned.weight().toFloats();
      assertArrayEquals(Arrays.copyOf(table, 15), Arrays.copyOfRange(z.toFloats(), 15, 30));
      float[] dw = tape.gradients(Reductions.sum(z)).get(learned.weight()).toFloats();
      float[] want = new float[20];
      Arrays.fill(want, 0, 15, 2);
      assertArrayEquals(want, dw);
    }
    refused(
        "positions: needs (batch, time, 5) of up to 4 times: (1, 5, 5)",
        () -> waves.forward(Tensor.zeros(1, 5, 5)));
    refused(
        "positions: needs (batch, time, 5) of up to 4 times: (1, 2, 4)",
        () -> learned.forward(Tensor.zeros(1, 2, 4)));
  }

  @Test
  void what_does_not_fit_is_refused() {
    refused(
        "attention: heads must divide the width: width 8, heads 3",
        () -> new MultiHeadAttention(8, 3, CPU, SEED));
    refused(
        "attention: the probability of dropout must lie in [0, 1]: -0.1",
        () -> new MultiHeadAttention(8, 2, -0.1, true, CPU, SEED));
    MultiHeadAttention attention = new MultiHeadAttention(8, 2, CPU, SEED);
    Tensor x = normal(1, 2, 3, 8);
    refused(
        "attention: keys must be (batch, time, 8): (2, 3, 6)",
        () -> attention.forward(x, normal(1, 2, 3, 6), x, AttentionOptions.full()));
    refused(
        "transformer: the activation must be RELU, GELU_ERF or GELU: SWIGLU",
        () -> OPTIONS.withActivation(FeedForward.Kind.SWIGLU));
    refused(
        "transformer: sizes must be positive, and heads divide the width: width 8, heads 3,"
            + " hidden 4",
        () -> TransformerOptions.of(8, 3, 4));
  }

  private static void refused(String message, Runnable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
  }
}
