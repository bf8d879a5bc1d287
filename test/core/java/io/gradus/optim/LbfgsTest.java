package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.nn.Parameters;
import io.gradus.op.Activations;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Devices;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class LbfgsTest {

  /** A problem of golden/optimizers.py. */
  private static final class Problem {
    final Map<String, Tensor> parameters = new TreeMap<>();
    final Tensor x;
    final Tensor labels;

    Problem(SafeTensors golden, String loss, List<String> names, Device device) throws Exception {
      for (String name : names) {
        Tensor initial = golden.tensor("lbfgs." + loss + ".initial." + name);
        parameters.put(name, initial.to(device).requiresGrad(true));
      }
      x = golden.tensor("inputs").to(device);
      labels = golden.tensor("labels").to(device);
    }

    static Problem convex(SafeTensors golden, Device device) throws Exception {
      return new Problem(golden, "convex", List.of("bias", "weight"), device);
    }

    static Problem deep(SafeTensors golden) throws Exception {
      return new Problem(golden, "deep", List.of("first", "second"), Device.cpu());
    }

    Tensor convex() {
      Tensor w = parameters.get("weight");
      Tensor b = parameters.get("bias");
      Tensor squares =
          Pointwise.add(Reductions.sum(Pointwise.mul(w, w)), Reductions.sum(Pointwise.mul(b, b)));
      Tensor logits = Pointwise.add(LinearAlgebra.matmulNT(x, w), b);
      return Pointwise.add(Losses.crossEntropy(logits, labels), Pointwise.mul(squares, 0.01));
    }

    Tensor deep() {
      Tensor h = Activations.tanh(LinearAlgebra.matmulNT(x, parameters.get("first")));
      return Losses.crossEntropy(LinearAlgebra.matmulNT(h, parameters.get("second")), labels);
    }

    Lbfgs.Builder settings() {
      return Lbfgs.builder().maxIterations(1);
    }

    /** Compares the loss before each step, and parameters after the first ones. */
    void follow(
        SafeTensors golden,
        String loss,
        Lbfgs lbfgs,
        Supplier<Tensor> closure,
        int exact,
        double tolerance)
        throws Exception {
      float[] losses = golden.tensor("lbfgs." + loss + ".loss").toFloats();
      for (int step = 0; step < 20; step++) {
        String what = loss + " step " + step;
        assertEquals(losses[step], lbfgs.step(closure), tolerance, what);
        for (var parameter : parameters.entrySet()) {
          if (step < exact) {
            Tensor all = golden.tensor("lbfgs." + loss + "." + parameter.getKey());
            Tensor expected = GoldenOptimizersTest.at(all, step, parameter.getValue().shape());
            assertArrayEquals(expected.toFloats(), parameter.getValue().toFloats(), 5e-6f, what);
          }
        }
      }
    }
  }

  // How far a step goes follows from differences of losses, whose last bit moves parameters by some
  // 1e-6. Where the loss is flat in float, PyTorch's own run in double leaves the one in float by
  // 1e-4, though not its loss.
  @Test
  void twenty_steps_on_a_convex_loss_are_those_of_pytorch() throws Exception {
    try (SafeTensors golden = GoldenOptimizersTest.golden()) {
      for (Device device : Devices.all()) {
        Problem problem = Problem.convex(golden, device);
        Lbfgs lbfgs = problem.settings().history(5).build(Parameters.of(problem.parameters));
        problem.follow(golden, "convex", lbfgs, problem::convex, 10, 1e-6);
      }
    }
  }

  // Here PyTorch's run in double leaves the one in float by 1e-6 in the third step.
  @Test
  void steps_on_a_network_are_those_of_pytorch() throws Exception {
    try (SafeTensors golden = GoldenOptimizersTest.golden()) {
      Problem problem = Problem.deep(golden);
      Lbfgs lbfgs = problem.settings().build(Parameters.of(problem.parameters));
      problem.follow(golden, "deep", lbfgs, problem::deep, 2, 1e-4);
    }
  }

  @Test
  void one_step_of_many_iterations_finds_the_minimum() throws Exception {
    try (SafeTensors golden = GoldenOptimizersTest.golden()) {
      Problem problem = Problem.convex(golden, Device.cpu());
      Lbfgs lbfgs =
          Lbfgs.builder()
              .maxIterations(100)
              .maxEvaluations(200)
              .build(Parameters.of(problem.parameters));
      lbfgs.step(problem::convex);
      float[] losses = golden.tensor("lbfgs.convex.loss").toFloats();
      assertEquals(losses[19], problem.convex().item(), 2e-6);
      assertEquals(1, lbfgs.steps());
    }
  }

  @Test
  void a_resumed_run_is_one_without_a_break_bit_for_bit() throws Exception {
    try (SafeTensors golden = GoldenOptimizersTest.golden()) {
      Problem whole = Problem.deep(golden);
      Problem resumed = Problem.deep(golden);
      Lbfgs first = Lbfgs.builder().maxIterations(3).history(4).build(parameters(whole));
      Lbfgs second = Lbfgs.builder().maxIterations(3).history(4).build(parameters(resumed));
      for (int i = 0; i < 3; i++) {
        first.step(whole::deep);
      }
      second.step(resumed::deep);
      resumed.parameters.forEach((name, tensor) -> tensor.copyFrom(whole.parameters.get(name)));
      second.restore(first.steps(), first.updates());
      Map<String, Tensor> state = first.state();
      second.state().forEach((name, tensor) -> tensor.copyFrom(state.get(name)));
      for (int i = 0; i < 3; i++) {
        assertEquals(first.step(whole::deep), second.step(resumed::deep));
      }
      whole.parameters.forEach(
          (name, tensor) ->
              assertArrayEquals(tensor.toFloats(), resumed.parameters.get(name).toFloats()));
    }
  }

  private static Parameters parameters(Problem problem) {
    return Parameters.of(problem.parameters);
  }

  @Test
  void maximizing_is_minimizing_the_negative() {
    Tensor p = Tensor.of(new float[] {1, -2}).requiresGrad(true);
    Lbfgs lbfgs = Lbfgs.builder().maximize().build(Parameters.of(Map.of("p", p)));
    double before =
        lbfgs.step(
            () -> {
              Tensor far = Pointwise.sub(p, 3);
              return Pointwise.neg(Reductions.sum(Pointwise.mul(far, far)));
            });
    assertEquals(-29, before, 1e-5);
    assertArrayEquals(new float[] {3, 3}, p.toFloats(), 1e-4f);
  }

  @Test
  void a_loss_that_is_not_finite_or_fails_changes_nothing() {
    Tensor p = Tensor.of(new float[] {1, -2}).requiresGrad(true);
    Lbfgs lbfgs = Lbfgs.builder().build(Parameters.of(Map.of("p", p)));
    assertTrue(Double.isNaN(lbfgs.step(() -> Reductions.sum(Pointwise.log(p)))));
    assertArrayEquals(new float[] {1, -2}, p.toFloats());
    int[] calls = {0};
    assertThrows(
        ArithmeticException.class,
        () ->
            lbfgs.step(
                () -> {
                  if (calls[0]++ == 1) {
                    throw new ArithmeticException();
                  }
                  return Reductions.sum(Pointwise.mul(p, p));
                }));
    assertArrayEquals(new float[] {1, -2}, p.toFloats());
  }

  @Test
  void a_frozen_parameter_stays_and_the_others_begin_anew() {
    Tensor p = Tensor.of(new float[] {1, -2}).requiresGrad(true);
    Tensor q = Tensor.of(new float[] {5}).requiresGrad(true);
    Parameters both = Parameters.of(new TreeMap<>(Map.of("p", p, "q", q)));
    Lbfgs lbfgs = Lbfgs.builder().maxIterations(1).build(both);
    Supplier<Tensor> loss =
        () ->
            Pointwise.add(Reductions.sum(Pointwise.mul(p, p)), Reductions.sum(Pointwise.mul(q, q)));
    lbfgs.step(loss);
    float[] frozen = q.toFloats();
    both.freeze("q"::equals);
    for (int i = 0; i < 5; i++) {
      lbfgs.step(loss);
    }
    assertArrayEquals(frozen, q.toFloats());
    assertArrayEquals(new float[] {0, 0}, p.toFloats(), 1e-3f);
    assertEquals(2, lbfgs.state().get("prev_flat_grad").size());
    assertEquals(Map.of("p", 6L), lbfgs.updates());
  }

  @Test
  void mistakes_are_refused() {
    Tensor p = Tensor.of(new float[] {1, -2}).requiresGrad(true);
    Tensor other = Tensor.of(new float[] {1}).requiresGrad(true);
    Lbfgs lbfgs = Lbfgs.builder().build(Parameters.of(Map.of("p", p)));
    try (Tape tape = Tape.record()) {
      assertTrue(
          assertThrows(IllegalStateException.class, () -> lbfgs.step(() -> Reductions.sum(p)))
              .getMessage()
              .startsWith("lbfgs: a tape records on this thread"));
      assertEquals(0, tape.size());
    }
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> lbfgs.step(() -> Reductions.sum(other)))
            .getMessage()
            .startsWith("lbfgs: the loss depends on no parameter of this optimizer"));
    assertThrows(IllegalArgumentException.class, () -> lbfgs.restore(1, Map.of("q", 1L)));
    assertThrows(IllegalArgumentException.class, () -> lbfgs.restore(1, Map.of("p", 2L)));
    assertThrows(IllegalArgumentException.class, () -> Lbfgs.builder().history(0));
    assertThrows(IllegalArgumentException.class, () -> Lbfgs.builder().learningRate(-1));
    p.requiresGrad(false);
    assertThrows(
        IllegalArgumentException.class,
        () -> Newton.builder().build(Parameters.of(Map.of("p", p))));
  }
}
