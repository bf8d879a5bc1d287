package io.gradus.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.TokenBatch;
import io.gradus.model.BertClassifier;
import io.gradus.model.BertConfig;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.nn.Gelu;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.Relu;
import io.gradus.nn.Silu;
import io.gradus.op.Activations;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Schedule;
import io.gradus.optim.Sgd;
import io.gradus.tensor.Device;
import io.gradus.tensor.OtherDevice;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class GraphTest {

  private static final Device CPU = Device.cpu();

  /** A model and how one step of its training goes. */
  private record Trainee(Module model, Graph.Step step) {}

  private static Trainee trainee(
      Module model, Optimizer optimizer, double clip, Function<Tensor[], Tensor> loss) {
    return new Trainee(
        model,
        in -> {
          try (Tape tape = Tape.record()) {
            Tensor y = loss.apply(in);
            Gradients gradients = tape.gradients(y);
            optimizer.step(clip > 0 ? gradients.clipNorm(clip) : gradients);
            return tape.keep(y);
          }
        });
  }

  private static Trainee mlp() {
    Mlp model = new Mlp(MlpConfig.of(13, 37, 5), CPU, Seed.of(1));
    Optimizer sgd =
        Sgd.builder().learningRate(Schedule.warmupCosine(0.1, 3, 20)).build(model.parameters());
    return trainee(model, sgd, 0, in -> Losses.crossEntropy(model.forward(in[0]), in[1]));
  }

  private static Trainee gpt() {
    Gpt model = new Gpt(GptConfig.gpt2(41, 17, 24, 2, 3).withDropout(0.2), CPU, Seed.of(1));
    Optimizer adam =
        AdamW.builder().learningRate(Schedule.warmupCosine(0.01, 3, 20)).build(model.parameters());
    model.train();
    return trainee(model, adam, 0.5, in -> model.loss(new TokenBatch(in[0], in[1])));
  }

  private static Trainee bert() {
    var config = new BertConfig(41, 17, 2, 24, 2, 3, 48, 1e-12, 0.1);
    var model = new BertClassifier(config, 2, CPU, Seed.of(1));
    Optimizer adam = AdamW.builder().learningRate(0.01).build(model.parameters());
    model.train();
    return trainee(model, adam, 0, in -> Losses.crossEntropy(model.forward(in[0]), in[1]));
  }

  private static Tensor ints(long seed, int limit, long... dims) {
    Shape shape = Shape.of(dims);
    return Tensor.of(new SplittableRandom(seed).ints((int) shape.size(), 0, limit).toArray(), dims);
  }

  private static Tensor[] mlpBatch(long seed, long rows) {
    return new Tensor[] {
      Random.normal(Shape.of(rows, 13), Seed.of(seed), 0, 1, CPU), ints(seed, 5, rows)
    };
  }

  private static Tensor[] tokenBatch(long seed) {
    return new Tensor[] {ints(seed, 41, 3, 11), ints(seed + 100, 41, 3, 11)};
  }

  private static Tensor[] sentenceBatch(long seed) {
    return new Tensor[] {ints(seed, 41, 3, 11), ints(seed + 100, 2, 3)};
  }

  private static void assertReplaysAsItRuns(Supplier<Trainee> make, Function<Long, Tensor[]> data) {
    Trainee eager = make.get();
    Trainee captured = make.get();
    CapturedStep step = CapturedStep.of(captured.step());
    for (long i = 0; i < 6; i++) {
      Tensor[] batch = data.apply(i);
      float want = (float) eager.step().run(batch).item();
      float got = (float) step.run(batch).item();
      assertEquals(want, got, "loss of step " + i);
    }
    assertEquals(1, step.size());
    eager
        .model()
        .parameters()
        .asMap()
        .forEach(
            (name, want) ->
                assertArrayEquals(
                    want.toFloats(), captured.model().parameters().get(name).toFloats(), name));
  }

  @Test
  void an_mlp_that_is_replayed_learns_bit_for_bit_what_it_would_have_learned() {
    assertReplaysAsItRuns(GraphTest::mlp, i -> mlpBatch(i, 7));
  }

  @Test
  void a_gpt_with_dropout_and_clipping_draws_and_learns_the_same_when_it_is_replayed() {
    assertReplaysAsItRuns(GraphTest::gpt, GraphTest::tokenBatch);
  }

  @Test
  void an_encoder_learns_the_same_when_it_is_replayed() {
    assertReplaysAsItRuns(GraphTest::bert, GraphTest::sentenceBatch);
  }

  @Test
  void tensors_that_do_not_live_at_the_same_time_share_memory() {
    Tensor[] batch = tokenBatch(1);
    try (Graph graph = Graph.capture(gpt().step(), batch)) {
      assertTrue(
          graph.plannedBytes() < graph.unplannedBytes() * 2 / 3,
          graph.plannedBytes() + " of " + graph.unplannedBytes());
    }
  }

  @Test
  void elementwise_ops_that_follow_each_other_are_one_pass_with_the_same_bits() {
    Tensor x = Random.normal(Shape.of(50_003), Seed.of(3), 0, 2, CPU);
    Graph.Step step =
        in -> {
          Tensor a = Pointwise.exp(Pointwise.mul(in[0], -0.5));
          Tensor b = Activations.tanh(Pointwise.add(a, in[0]));
          return Pointwise.mul(b, Pointwise.sub(a, b));
        };
    float[] want = step.run(x).toFloats();
    try (Graph graph = Graph.capture(step, x)) {
      assertEquals(1, graph.steps().size(), graph::toString);
      assertTrue(graph.steps().get(0).name().contains("tanh+"), graph::toString);
      assertArrayEquals(want, graph.result().toFloats());
      graph.result().fill(0);
      assertArrayEquals(want, graph.replay(x).toFloats());
      Tensor other = Random.normal(Shape.of(50_003), Seed.of(4), 0, 2, CPU);
      assertArrayEquals(step.run(other).toFloats(), graph.replay(other).toFloats());
    }
  }

  @Test
  void a_product_and_its_activation_are_one_call_with_the_same_bits() {
    for (Module activation : List.of(new Relu(), new Gelu(), new Silu())) {
      Linear up = new Linear(19, 70, true, CPU, Seed.of(1));
      Linear down = new Linear(70, 19, true, CPU, Seed.of(2));
      Graph.Step step =
          in -> {
            try (Tape tape = Tape.record()) {
              Tensor y = down.forward(activation.forward(up.forward(in[0])));
              Tensor loss = Reductions.sum(Pointwise.mul(y, in[1]));
              Gradients gradients =
                  tape.gradients(loss, in[0], up.weight(), up.bias(), down.weight(), down.bias());
              List<Tensor> all = new ArrayList<>();
              for (Tensor target : gradients.targets()) {
                all.add(Shapes.reshape(gradients.get(target), gradients.get(target).size()));
              }
              return tape.keep(Shapes.concat(0, all.toArray(Tensor[]::new)));
            }
          };
      Tensor x = Random.normal(Shape.of(33, 19), Seed.of(3), 0, 2, CPU);
      Tensor weights = Random.normal(Shape.of(33, 19), Seed.of(4), 0, 2, CPU);
      float[] want = step.run(x, weights).toFloats();
      try (Graph graph = Graph.capture(step, x, weights)) {
        long fused =
            graph.steps().stream().filter(s -> s.name().equals("matmulActivation")).count();
        assertEquals(2, fused, graph::toString);
        graph.result().fill(0);
        assertArrayEquals(want, graph.replay(x, weights).toFloats(), activation.toString());
      }
    }
  }

  @Test
  void broadcast_operands_are_left_alone() {
    Tensor x = Random.normal(Shape.of(33, 65), Seed.of(3), 0, 2, CPU);
    Tensor row = Random.normal(Shape.of(65), Seed.of(5), 0, 2, CPU);
    Graph.Step step =
        in -> Pointwise.mul(Pointwise.exp(Pointwise.add(in[0], in[1])), Pointwise.exp(in[1]));
    try (Graph graph = Graph.capture(step, x, row)) {
      float[] want = step.run(x, row).toFloats();
      graph.result().fill(0);
      assertArrayEquals(want, graph.replay(x, row).toFloats());
    }
  }

  @Test
  void a_value_cannot_be_read_inside_a_step() {
    Tensor x = Tensor.of(new float[] {1, 2});
    Exception e =
        assertThrows(
            RuntimeException.class,
            () -> Graph.capture(in -> Pointwise.mul(in[0], Reductions.sum(in[0]).item()), x));
    assertTrue(e.getMessage().contains("cannot be read inside a step"), e.getMessage());
    assertEquals(3, Reductions.sum(x).item(), "the next op runs as ever");
    Graph.capture(in -> Pointwise.mul(in[0], 2), x).close();
  }

  @Test
  void a_value_of_javas_cannot_enter_a_step() {
    Tensor x = Tensor.of(new float[] {1, 2});
    Exception e =
        assertThrows(
            RuntimeException.class,
            () -> Graph.capture(in -> Pointwise.mul(in[0], Tensor.of(new float[] {3, 4})), x));
    assertTrue(e.getMessage().contains("hand a tensor in"), e.getMessage());
  }

  @Test
  void a_result_that_is_a_part_of_an_input_follows_the_input() {
    Tensor x = Tensor.of(new float[] {1, 2, 3});
    try (Graph graph = Graph.capture(in -> Shapes.slice(in[0], 1, 3), x)) {
      graph.replay(Tensor.of(new float[] {4, 5, 6}));
      assertArrayEquals(new float[] {5, 6}, graph.result().toFloats());
    }
    assertArrayEquals(new float[] {1, 2, 3}, x.toFloats());
  }

  @Test
  void inputs_may_be_empty() {
    Tensor x = Tensor.zeros(0, 3);
    try (Graph graph = Graph.capture(in -> Reductions.sum(in[0], 0), x)) {
      x.close();
      assertArrayEquals(new float[3], graph.replay(Tensor.zeros(0, 3)).toFloats());
    }
  }

  @Test
  void inputs_must_be_as_they_were() {
    Tensor x = Tensor.of(new float[] {1, 2});
    try (Graph graph = Graph.capture(in -> Activations.relu(in[0]), x)) {
      Exception shape =
          assertThrows(IllegalArgumentException.class, () -> graph.replay(Tensor.of(new float[3])));
      assertTrue(shape.getMessage().contains("input 0 is (3) f32"), shape.getMessage());
      Exception count = assertThrows(IllegalArgumentException.class, graph::replay);
      assertTrue(count.getMessage().contains("0 inputs, but 1"), count.getMessage());
      Tensor closed = Tensor.of(new float[] {1, 2});
      closed.close();
      assertThrows(IllegalStateException.class, () -> graph.replay(closed));
    }
  }

  @Test
  void a_graph_whose_parameters_moved_is_stale_and_is_captured_anew() {
    Trainee eager = mlp();
    Trainee captured = mlp();
    CapturedStep step = CapturedStep.of(captured.step());
    List<Float> want = new ArrayList<>();
    List<Float> got = new ArrayList<>();
    for (long i = 0; i < 6; i++) {
      if (i == 3) {
        for (Trainee trainee : List.of(eager, captured)) {
          trainee.model().parameters().get("0.bias").requiresGrad(false);
        }
        step.close();
      }
      Tensor[] batch = mlpBatch(i, 7);
      want.add((float) eager.step().run(batch).item());
      got.add((float) step.run(batch).item());
    }
    assertEquals(want, got);
  }

  @Test
  void a_graph_that_uses_freed_memory_refuses() {
    Tensor weight = Tensor.of(new float[] {3, 4});
    Tensor x = Tensor.of(new float[] {1, 2});
    try (Graph graph = Graph.capture(in -> Pointwise.mul(in[0], weight), x)) {
      assertFalse(graph.isStale());
      weight.close();
      assertTrue(graph.isStale());
      Exception e = assertThrows(IllegalStateException.class, () -> graph.replay(x));
      assertTrue(e.getMessage().contains("capture it again"), e.getMessage());
    }
  }

  @Test
  void a_wrong_label_is_an_exception_and_the_next_step_runs() {
    Trainee trainee = mlp();
    try (Graph graph = Graph.capture(trainee.step(), mlpBatch(1, 7))) {
      Tensor[] wrong = mlpBatch(2, 7);
      wrong[1] = Tensor.of(new int[] {0, 1, 2, 3, 4, 99, 0});
      Exception e = assertThrows(RuntimeException.class, () -> graph.replay(wrong));
      assertTrue(e.getMessage().contains("99"), e.getMessage());
      assertTrue(Double.isFinite(graph.replay(mlpBatch(3, 7)).item()));
    }
  }

  @Test
  void each_shape_has_a_graph_and_their_number_is_bounded() {
    Trainee trainee = mlp();
    CapturedStep step = CapturedStep.of(trainee.step(), 2);
    for (long rows : new long[] {3, 5, 3, 7, 5, 3}) {
      assertTrue(Double.isFinite(step.run(mlpBatch(rows, rows)).item()));
      assertTrue(step.size() <= 2);
    }
    step.close();
    assertEquals(0, step.size());
  }

  @Test
  void what_other_threads_compute_meanwhile_is_not_recorded() throws InterruptedException {
    Tensor x = Tensor.of(new float[] {1, 2});
    AtomicBoolean done = new AtomicBoolean();
    Thread other =
        new Thread(
            () -> {
              while (!done.get()) {
                Activations.sigmoid(Tensor.of(new float[] {1, 2})).toFloats();
              }
            });
    other.start();
    for (int i = 0; i < 200; i++) {
      try (Graph graph = Graph.capture(in -> Activations.relu(in[0]), x)) {
        assertEquals(1, graph.steps().size());
        assertArrayEquals(new float[] {1, 2}, graph.replay(x).toFloats());
      }
    }
    done.set(true);
    other.join();
  }

  @Test
  void a_closed_graph_refuses_and_its_result_stays() {
    Tensor x = Tensor.of(new float[] {-1, 2});
    Graph graph = Graph.capture(in -> Activations.relu(in[0]), x);
    assertSame(graph.result(), graph.replay(x));
    graph.close();
    graph.close();
    assertThrows(IllegalStateException.class, () -> graph.replay(x));
    assertArrayEquals(new float[] {0, 2}, graph.result().toFloats());
  }

  @Test
  void a_graph_prints_itself_and_where_its_time_went() {
    Tensor[] batch = tokenBatch(1);
    try (Graph graph = Graph.capture(gpt().step(), batch)) {
      String table = graph.toString();
      assertTrue(table.contains("matmul") && table.contains("33x72x24 nt"), table);
      assertTrue(graph.toSvg().startsWith("<svg"), graph::toSvg);
      GraphProfile profile = graph.profile(batch);
      assertEquals(graph.steps().size() * 2, profile.nanos().length);
      for (int i = 1; i < profile.nanos().length; i++) {
        assertTrue(profile.nanos()[i] >= profile.nanos()[i - 1]);
      }
      assertTrue(profile.toString().contains("attentionGrad"), profile::toString);
      assertTrue(profile.toChromeTrace().contains("\"ph\":\"X\""), profile::toChromeTrace);
      double flops =
          graph.steps().stream()
              .filter(step -> step.name().startsWith("matmul"))
              .mapToDouble(GraphStep::flops)
              .sum();
      // 6 a weight and token, but for the first gradient of the input, which nobody needs.
      double weights = 2 * 12.0 * 24 * 24 + 41 * 24;
      assertEquals(6 * weights * 33, flops, 0.02 * flops);
    }
  }

  @Test
  void a_step_runs_on_the_device_of_its_inputs() {
    Tensor here = Tensor.zeros(2);
    Tensor there = here.to(OtherDevice.get());
    String message =
        "capture: devices differ: cpu is captured, and an input or the result is on other; hand the"
            + " step inputs on the device that it runs on";
    var e =
        assertThrows(IllegalArgumentException.class, () -> Graph.capture(in -> null, here, there));
    assertEquals(message, e.getMessage());
    e = assertThrows(IllegalArgumentException.class, () -> Graph.capture(in -> there, here));
    assertEquals(message, e.getMessage());
  }
}
