package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Recurrent;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.optim.Sgd;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Recurrent layers; {@link GoldenLayersTest} holds them against PyTorch's. */
class RecurrentTest {

  private static final Device CPU = Device.cpu();
  private static final Seed SEED = Seed.of(3);
  private static final RecurrentOptions TWO = RecurrentOptions.layers(2).bothDirections();

  private static Tensor normal(long seed, long... dims) {
    return Random.normal(Shape.of(dims), Seed.of(seed), 0, 1, CPU);
  }

  private static List<RecurrentLayers> layers(RecurrentOptions options) {
    return List.of(
        new Rnn(4, 5, Activation.TANH, options, CPU, SEED),
        new Lstm(4, 5, options, CPU, SEED),
        new Gru(4, 5, options, CPU, SEED));
  }

  @Test
  void parameters_have_the_names_and_shapes_of_pytorch() {
    Lstm lstm = new Lstm(4, 5, TWO, CPU, SEED);
    assertEquals(
        List.of(
            "weight_ih_l0 (20, 4)",
            "weight_hh_l0 (20, 5)",
            "bias_ih_l0 (20)",
            "bias_hh_l0 (20)",
            "weight_ih_l0_reverse (20, 4)",
            "weight_hh_l0_reverse (20, 5)",
            "bias_ih_l0_reverse (20)",
            "bias_hh_l0_reverse (20)",
            "weight_ih_l1 (20, 10)",
            "weight_hh_l1 (20, 5)",
            "bias_ih_l1 (20)",
            "bias_hh_l1 (20)",
            "weight_ih_l1_reverse (20, 10)",
            "weight_hh_l1_reverse (20, 5)",
            "bias_ih_l1_reverse (20)",
            "bias_hh_l1_reverse (20)"),
        lstm.parameters().asMap().entrySet().stream()
            .map(p -> p.getKey() + " " + p.getValue().shape())
            .toList());
    double bound = 1 / Math.sqrt(5);
    float[] w = lstm.parameters().get("weight_hh_l0").toFloats();
    for (float x : w) {
      assertTrue(Math.abs(x) <= bound, () -> "beyond 1 / √size: " + x);
    }
    assertEquals("Lstm(in=4, size=5, layers=2, bidirectional=true)", lstm.toString());
    Gru plain = new Gru(4, 5, RecurrentOptions.layers(1).withoutBias(), CPU, SEED);
    assertEquals(Map.of("weight_ih_l0", 1, "weight_hh_l0", 1).keySet(), plain.parameters().names());
    assertEquals(Shape.of(2, 3, 5), plain.forward(normal(1, 2, 3, 4)).shape());
  }

  @Test
  void a_shorter_sequence_is_what_it_is_alone() {
    Tensor x = normal(1, 2, 6, 4);
    Tensor lengths = Tensor.of(new int[] {6, 3}, 2);
    Tensor alone = Shapes.narrow(Shapes.slice(x, 1, 2), 1, 0, 3);
    for (RecurrentLayers layer : layers(TWO)) {
      RecurrentOutput both = layer.forward(x, lengths);
      RecurrentOutput one = layer.forward(alone, null);
      Tensor y = Shapes.slice(both.y(), 1, 2);
      assertArrayEquals(one.y().toFloats(), Shapes.narrow(y, 1, 0, 3).toFloats(), 1e-6f);
      assertArrayEquals(new float[3 * 10], Shapes.narrow(y, 1, 3, 3).toFloats());
      assertArrayEquals(
          one.h().toFloats(), Shapes.narrow(both.h(), 1, 1, 1).toFloats(), 1e-6f, layer.toString());
    }
  }

  @Test
  void a_sequence_in_two_parts_is_the_whole_one() {
    RecurrentOptions options = RecurrentOptions.layers(2);
    Tensor x = normal(1, 3, 7, 4);
    Tensor first = Shapes.narrow(x, 1, 0, 3);
    Tensor second = Shapes.narrow(x, 1, 3, 4);
    Lstm lstm = new Lstm(4, 5, options, CPU, SEED);
    RecurrentOutput begun = lstm.forward(first, null);
    Tensor rest = lstm.forward(second, begun.h(), begun.c(), null).y();
    Tensor whole = lstm.forward(x);
    assertArrayEquals(whole.toFloats(), Shapes.concat(1, begun.y(), rest).toFloats(), 1e-6f);
    Gru gru = new Gru(4, 5, options, CPU, SEED);
    RecurrentOutput start = gru.forward(first, null);
    assertNull(start.c());
    Tensor end = gru.forward(second, start.h(), null).y();
    assertArrayEquals(
        gru.forward(x).toFloats(), Shapes.concat(1, start.y(), end).toFloats(), 1e-6f);
  }

  @Test
  void cells_are_one_step_of_their_layers() {
    Tensor x = normal(1, 3, 4);
    Tensor step = Shapes.reshape(x, 3, 1, 4);
    Tensor h = normal(2, 3, 5);
    Tensor c = normal(3, 3, 5);
    Tensor h0 = Shapes.reshape(h, 1, 3, 5);
    Tensor c0 = Shapes.reshape(c, 1, 3, 5);
    RecurrentOptions one = RecurrentOptions.layers(1);
    RnnCell rnn = new RnnCell(4, 5, Activation.RELU, CPU, SEED);
    Rnn rnnLayer = new Rnn(4, 5, Activation.RELU, one, CPU, SEED);
    same(rnn, rnnLayer);
    assertArrayEquals(
        rnnLayer.forward(step, h0, null).h().toFloats(), rnn.forward(x, h).toFloats());
    GruCell gru = new GruCell(4, 5, CPU, SEED);
    Gru gruLayer = new Gru(4, 5, one, CPU, SEED);
    same(gru, gruLayer);
    assertArrayEquals(
        gruLayer.forward(step, h0, null).h().toFloats(), gru.forward(x, h).toFloats());
    LstmCell lstm = new LstmCell(4, 5, CPU, SEED);
    Lstm lstmLayer = new Lstm(4, 5, one, CPU, SEED);
    same(lstm, lstmLayer);
    LstmCell.State next = lstm.forward(x, h, c);
    RecurrentOutput want = lstmLayer.forward(step, h0, c0, null);
    assertArrayEquals(want.h().toFloats(), next.h().toFloats());
    assertArrayEquals(want.c().toFloats(), next.c().toFloats());
    assertArrayEquals(lstmLayer.forward(step).toFloats(), lstm.forward(x).toFloats());
    assertEquals(
        "rnn: a cell needs an input (batch, in): (3, 1, 4)",
        assertThrows(IllegalArgumentException.class, () -> rnn.forward(step)).getMessage());
  }

  /** Gives the layer the parameters of the cell. */
  private static void same(Module cell, Module layer) {
    assertEquals(
        List.of("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
        List.copyOf(cell.parameters().names()));
    cell.parameters()
        .asMap()
        .forEach((name, value) -> layer.parameters().get(name + "_l0").copyFrom(value));
  }

  @Test
  void dropout_lies_between_layers_and_in_training_only() {
    RecurrentOptions drops = RecurrentOptions.layers(2).dropout(0.5);
    Tensor x = normal(1, 2, 6, 4);
    for (int i = 0; i < 3; i++) {
      RecurrentLayers layer = layers(drops).get(i);
      float[] first = layer.forward(x).toFloats();
      assertFalse(Arrays.equals(first, layer.forward(x).toFloats()), "another mask each time");
      assertEquals(2, layer.draws().get("dropout").position());
      layer.eval();
      float[] plain = layers(RecurrentOptions.layers(2)).get(i).forward(x).toFloats();
      assertArrayEquals(plain, layer.forward(x).toFloats(), "nothing dropped");
      RecurrentLayers one = layers(RecurrentOptions.layers(1).dropout(0.5)).get(i);
      assertArrayEquals(one.forward(x).toFloats(), one.forward(x).toFloats(), "nothing between");
    }
  }

  @Test
  void weights_stay_f32_beside_narrower_activations() {
    Tensor x = normal(1, 3, 4, 4);
    for (DType type : List.of(DType.BF16, DType.F16)) {
      for (RecurrentLayers layer : layers(TWO)) {
        try (Tape tape = Tape.record()) {
          Tensor y = layer.forward(Pointwise.cast(x, type));
          assertEquals(type, y.dtype());
          float[] want = layer.forward(x).toFloats();
          assertArrayEquals(want, Pointwise.cast(y, DType.F32).toFloats(), 0.03f);
          Tensor loss = Reductions.sum(Pointwise.cast(y, DType.F32));
          Gradients gradients = tape.gradients(loss);
          for (Tensor p : layer.parameters().tensors()) {
            assertEquals(DType.F32, gradients.get(p).dtype());
          }
        }
      }
    }
  }

  @Test
  void gradients_add_up_where_a_layer_is_used_twice_or_asked_twice() {
    Tensor x = normal(1, 2, 3, 4);
    Tensor z = normal(2, 2, 3, 4);
    for (RecurrentLayers layer : layers(RecurrentOptions.layers(1))) {
      Tensor w = layer.parameters().get("weight_hh_l0");
      Tensor b = layer.parameters().get("bias_ih_l0");
      float[][] apart = {gradient(layer, x, w), gradient(layer, z, w), gradient(layer, x, b)};
      try (Tape tape = Tape.record()) {
        Tensor y = Pointwise.add(layer.forward(x), layer.forward(z));
        float[] sum = tape.gradients(Reductions.sum(y)).get(w).toFloats();
        for (int i = 0; i < sum.length; i++) {
          assertEquals(apart[0][i] + apart[1][i], sum[i], 1e-5);
        }
      }
      try (Tape tape = Tape.record()) { // the order of the targets is not that of the op
        Tensor loss = Reductions.sum(layer.forward(x));
        assertArrayEquals(apart[2], tape.gradients(loss, b).get(b).toFloats(), 1e-6f);
        assertArrayEquals(apart[0], tape.gradients(loss, w).get(w).toFloats(), 1e-6f);
        Gradients both = tape.gradients(loss, b, w, x);
        assertArrayEquals(apart[0], both.get(w).toFloats(), 1e-6f);
        assertArrayEquals(apart[2], both.get(b).toFloats(), 1e-6f);
      }
    }
  }

  private static float[] gradient(RecurrentLayers layer, Tensor x, Tensor target) {
    try (Tape tape = Tape.record()) {
      return tape.gradients(Reductions.sum(layer.forward(x))).get(target).toFloats();
    }
  }

  @Test
  void frozen_weights_get_no_gradient_and_the_input_does() {
    Gru gru = new Gru(4, 5, RecurrentOptions.layers(1), CPU, SEED);
    Tensor x = normal(1, 2, 3, 4);
    float[] want;
    try (Tape tape = Tape.record()) {
      want = tape.gradients(Reductions.sum(gru.forward(x)), x).get(x).toFloats();
    }
    gru.parameters().freeze(name -> true);
    try (Tape tape = Tape.record()) {
      assertArrayEquals(want, tape.gradients(Reductions.sum(gru.forward(x)), x).get(x).toFloats());
    }
  }

  @Test
  void a_captured_step_trains_as_an_eager_one() {
    for (int i = 0; i < 3; i++) {
      int kind = i;
      Supplier<RecurrentLayers> make = () -> layers(TWO.dropout(0.3)).get(kind);
      RecurrentLayers eager = make.get();
      RecurrentLayers captured = make.get();
      Graph.Step eagerStep = step(eager);
      Graph.Step capturedStep = step(captured);
      Tensor lengths = Tensor.of(new int[] {6, 2, 4}, 3);
      try (Graph graph = Graph.capture(capturedStep, normal(0, 3, 6, 4), lengths)) {
        eagerStep.run(normal(0, 3, 6, 4), lengths);
        for (int n = 1; n < 4; n++) {
          Tensor other = Tensor.of(new int[] {n, 6, 1}, 3);
          float want = (float) eagerStep.run(normal(n, 3, 6, 4), other).item();
          float got = (float) graph.replay(normal(n, 3, 6, 4), other).item();
          assertEquals(want, got, "loss of step " + n + " of " + eager);
        }
      }
      eager
          .parameters()
          .asMap()
          .forEach(
              (name, p) ->
                  assertArrayEquals(
                      p.toFloats(), captured.parameters().get(name).toFloats(), name));
    }
  }

  private static Graph.Step step(RecurrentLayers layer) {
    Sgd sgd = Sgd.builder().learningRate(0.1).build(layer.parameters());
    return in -> {
      try (Tape tape = Tape.record()) {
        Tensor y = layer.forward(in[0], in[1]).y();
        Tensor loss = Reductions.mean(Pointwise.mul(y, y));
        sgd.step(tape.gradients(loss));
        return tape.keep(loss);
      }
    };
  }

  @Test
  void second_derivatives_are_refused() {
    Lstm lstm = new Lstm(4, 5, CPU, SEED);
    Tensor x = normal(1, 2, 3, 4);
    try (Tape outer = Tape.record();
        Tape inner = Tape.record()) {
      Tensor loss = Reductions.sum(lstm.forward(x));
      assertEquals(
          "lstm: its gradient cannot be differentiated again; for second derivatives compose its"
              + " steps of matmulNT, sigmoid and tanh",
          assertThrows(IllegalStateException.class, () -> inner.gradients(loss)).getMessage());
      assertTrue(outer.size() > 0);
    }
  }

  @Test
  void what_does_not_fit_is_refused() {
    Lstm lstm = new Lstm(4, 5, TWO, CPU, SEED);
    refused("lstm: needs an input (batch, time, 4): (2, 4)", () -> lstm.forward(normal(1, 2, 4)));
    refused(
        "lstm: needs an input (batch, time, 4): (2, 3, 5)", () -> lstm.forward(normal(1, 2, 3, 5)));
    Tensor x = normal(1, 2, 3, 4);
    refused(
        "lstm: the state must have the shape (layers · directions, batch, size) (4, 2, 5):"
            + " (2, 2, 5)",
        () -> lstm.forward(x, normal(1, 2, 2, 5), null, null));
    refused(
        "lstm: the state of cells must have the shape (layers · directions, batch, size)"
            + " (4, 2, 5): (4, 2, 6)",
        () -> lstm.forward(x, null, normal(1, 4, 2, 6), null));
    refused(
        "lstm: there must be a length for each sequence: (3) of 2",
        () -> lstm.forward(x, Tensor.of(new int[] {1, 2, 3}, 3)));
    refused("gru: sizes must be positive: 0 in, 5 of the state", () -> new Gru(0, 5, CPU, SEED));
    refused("recurrent: there must be a layer: 0", () -> RecurrentOptions.layers(0));
    refused(
        "recurrent: the probability of dropout must lie in [0, 1]: 1.5",
        () -> RecurrentOptions.layers(1).dropout(1.5));
    refused(
        "rnn: the activation must be TANH or RELU: GELU",
        () -> new Rnn(4, 5, Activation.GELU, TWO, CPU, SEED));
    Recurrent.Weights none = new Recurrent.Weights(null, null, null, null);
    Tensor steps = normal(1, 3, 2, 4);
    refused(
        "rnn: weight_ih is missing",
        () -> Recurrent.rnn(steps, normal(1, 2, 5), none, null, false, false));
  }

  private static void refused(String message, Runnable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
  }
}
