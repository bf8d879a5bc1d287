package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.autograd.Gradients;
import io.gradus.nn.Parameters;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds optimizers against their papers' formulas in double precision. */
class UpdateTest {

  private static final int STEPS = 6;

  /** One number's way: its update from value and gradient, with whatever it remembers. */
  private interface Rule {
    double step(double p, double g, double rate, double decay, int t, double[] memory);
  }

  private record Case(String name, Optimizer.Builder<?> settings, double decay, Rule rule) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Rule sgd(double momentum, double dampening, boolean nesterov) {
    return (p, g, rate, decay, t, memory) -> {
      double d = g + decay * p;
      memory[0] = t == 1 ? d : momentum * memory[0] + (1 - dampening) * d;
      return p - rate * (nesterov ? d + momentum * memory[0] : momentum == 0 ? d : memory[0]);
    };
  }

  private static Rule adamW(double beta1, double beta2, double epsilon) {
    return (p, g, rate, decay, t, memory) -> {
      memory[0] = beta1 * memory[0] + (1 - beta1) * g;
      memory[1] = beta2 * memory[1] + (1 - beta2) * g * g;
      double m = memory[0] / (1 - Math.pow(beta1, t));
      double v = memory[1] / (1 - Math.pow(beta2, t));
      return p - rate * decay * p - rate * m / (Math.sqrt(v) + epsilon);
    };
  }

  /** Chen et al. 2023. */
  private static Rule lion(double beta1, double beta2) {
    return (p, g, rate, decay, t, memory) -> {
      double direction = Math.signum(beta1 * memory[0] + (1 - beta1) * g);
      memory[0] = beta2 * memory[0] + (1 - beta2) * g;
      return p - rate * (direction + decay * p);
    };
  }

  /** Dozat 2016, with the decay of Loshchilov and Hutter. */
  private static Rule nAdam() {
    return (p, g, rate, decay, t, memory) -> {
      memory[0] = 0.9 * memory[0] + 0.1 * g;
      memory[1] = 0.999 * memory[1] + 0.001 * g * g;
      double product = 1;
      for (int s = 1; s <= t; s++) {
        product *= 0.9 * (1 - 0.5 * Math.pow(0.96, s * 0.004));
      }
      double mu = 0.9 * (1 - 0.5 * Math.pow(0.96, t * 0.004));
      double next = 0.9 * (1 - 0.5 * Math.pow(0.96, (t + 1) * 0.004));
      double m = next * memory[0] / (1 - product * next) + (1 - mu) * g / (1 - product);
      double v = Math.sqrt(memory[1] / (1 - Math.pow(0.999, t)));
      return p - rate * decay * p - rate * m / (v + 1e-8);
    };
  }

  /** Liu et al. 2020, likewise; six steps with this beta2 come to be rectified. */
  private static Rule rAdam(double beta1, double beta2) {
    return (p, g, rate, decay, t, memory) -> {
      memory[0] = beta1 * memory[0] + (1 - beta1) * g;
      memory[1] = beta2 * memory[1] + (1 - beta2) * g * g;
      double most = 2 / (1 - beta2) - 1;
      double power = Math.pow(beta2, t);
      double length = most - 2 * t * power / (1 - power);
      double m = memory[0] / (1 - Math.pow(beta1, t));
      if (length > 5) {
        m *= Math.sqrt(1 - power) / (Math.sqrt(memory[1]) + 1e-8);
        m *= Math.sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length));
      }
      return p - rate * decay * p - rate * m;
    };
  }

  static Stream<Case> cases() {
    return Stream.of(
        new Case("plain sgd", Sgd.builder(), 0, sgd(0, 0, false)),
        new Case("decay", Sgd.builder().weightDecay(0.3), 0.3, sgd(0, 0, false)),
        new Case("momentum", Sgd.builder().momentum(0.9), 0, sgd(0.9, 0, false)),
        new Case(
            "dampening",
            Sgd.builder().momentum(0.8).dampening(0.4).weightDecay(0.1),
            0.1,
            sgd(0.8, 0.4, false)),
        new Case(
            "nesterov",
            Sgd.builder().momentum(0.9).nesterov().weightDecay(0.2),
            0.2,
            sgd(0.9, 0, true)),
        new Case("adamw", AdamW.builder(), 0.01, adamW(0.9, 0.999, 1e-8)),
        new Case(
            "adamw with all settings",
            AdamW.builder().betas(0.5, 0.7).epsilon(0.01).weightDecay(0.3),
            0.3,
            adamW(0.5, 0.7, 0.01)),
        new Case("lion", Lion.builder(), 0, lion(0.9, 0.99)),
        new Case(
            "lion with all settings",
            Lion.builder().betas(0.8, 0.7).weightDecay(0.3),
            0.3,
            lion(0.8, 0.7)),
        new Case(
            "decoupled nadam",
            NAdam.builder().decoupledWeightDecay().weightDecay(0.2),
            0.2,
            nAdam()),
        new Case(
            "decoupled radam",
            RAdam.builder().betas(0.9, 0.98).decoupledWeightDecay().weightDecay(0.2),
            0.2,
            rAdam(0.9, 0.98)),
        new Case(
            "adamw without decay", AdamW.builder().weightDecay(0), 0, adamW(0.9, 0.999, 1e-8)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void a_flat_buffer_follows_the_formula(Case c) {
    check(c, 1, gradients -> gradients, name -> true);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void a_factor_of_the_gradients_is_folded_in(Case c) {
    check(c, 0.25, gradients -> gradients.scale(0.25), name -> true);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void decay_spares_the_names_that_are_not_meant(Case c) {
    c.settings().weightDecay(c.decay(), "a"::equals);
    check(c, 1, gradients -> gradients, "a"::equals);
  }

  /** Two parameters, a schedule, six steps. */
  private void check(
      Case c, double factor, UnaryOperator<Gradients> change, Predicate<String> decayed) {
    Random random = new Random(7);
    Map<String, Tensor> parameters = new LinkedHashMap<>();
    parameters.put("a", Tensor.of(values(random, 33), 11, 3).requiresGrad(true));
    parameters.put("b", Tensor.of(values(random, 5)).requiresGrad(true));
    double[] expected = flat(parameters);
    double[][] memory = new double[expected.length][2];
    Schedule schedule = steps -> 0.1 / (steps + 1);
    Optimizer optimizer = c.settings().learningRate(schedule).build(Parameters.of(parameters));

    for (int t = 1; t <= STEPS; t++) {
      float[] a = values(random, 33);
      float[] b = values(random, 5);
      assertEquals(schedule.at(t - 1), optimizer.learningRate());
      Step.step(optimizer, List.copyOf(parameters.values()), List.of(a, b), change);
      for (int i = 0; i < expected.length; i++) {
        double g = factor * (i < 33 ? a[i] : b[i - 33]);
        double decay = decayed.test(i < 33 ? "a" : "b") ? c.decay() : 0;
        expected[i] = c.rule().step(expected[i], g, schedule.at(t - 1), decay, t, memory[i]);
      }
    }
    assertEquals(STEPS, optimizer.steps());
    double[] actual = flat(parameters);
    for (int i = 0; i < expected.length; i++) {
      // The kernels compute in float: six steps of at most a few roundings each.
      assertEquals(expected[i], actual[i], 2e-6 * Math.max(1, Math.abs(expected[i])));
    }
  }

  private static float[] values(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static double[] flat(Map<String, Tensor> parameters) {
    return parameters.values().stream()
        .map(Tensor::toFloats)
        .flatMapToDouble(x -> IntStream.range(0, x.length).mapToDouble(i -> x[i]))
        .toArray();
  }
}
