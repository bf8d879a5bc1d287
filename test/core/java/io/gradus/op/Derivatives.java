package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Holds first and second derivatives against finite differences of the references. In double these
 * are good to about nine digits: two central differences, combined so that their errors of second
 * order cancel (Richardson).
 */
final class Derivatives {

  private static final int PROBES = 12; // elements of an operand that are looked at

  private final Trial trial;
  private final Row row;
  private final Doubles[] x;
  private final Doubles dy;
  private final int[] variables;
  private final SplittableRandom random;

  private Derivatives(Trial trial) {
    this.trial = trial;
    this.row = trial.row();
    this.x = trial.values(row.domain);
    this.variables = trial.variables();
    this.random = trial.random().split();
    this.dy = randomLike(row.reference.apply(x), trial.outputType());
  }

  /** Numbers from 0.5 to 1.5 with either sign: no gradient hides behind a factor close to 0. */
  private Doubles randomLike(Doubles y, DType type) {
    return y.map(
        old -> Bits.round(type, (0.5 + random.nextDouble()) * (random.nextBoolean() ? 1 : -1)));
  }

  static void checkFirst(Trial trial) {
    new Derivatives(trial).first();
  }

  static void checkSecond(Trial trial) {
    new Derivatives(trial).second();
  }

  private void first() {
    Doubles[] dx = new Doubles[variables.length];
    try (Tape tape = Tape.record()) {
      Tensor[] operands = trial.tensors(x);
      Tensor y = row.op.apply(operands);
      Tensor[] targets = pick(operands);
      Gradients gradients = tape.vjp(y, trial.tensor(trial.outputType(), dy), targets);
      for (int k = 0; k < dx.length; k++) {
        assertEquals(targets[k].dtype(), gradients.get(targets[k]).dtype());
        dx[k] = Bits.values(gradients.get(targets[k]));
      }
      for (int i = row.overwrites ? 1 : 0; i < x.length; i++) {
        assertArrayEquals(
            x[i].values(),
            Bits.values(operands[i]).values(),
            trial + ": operand " + i + " changed");
      }
    }
    double tolerance =
        trial.type() == DType.F32 ? row.gradient : 6 * Bits.unitRoundoff(trial.type());
    for (int k = 0; k < dx.length; k++) {
      Doubles around = x[variables[k]];
      Set<Integer> probes = probes(around);
      double[] want = new double[around.values().length];
      for (int element : probes) {
        want[element] = slope(around, element);
      }
      compare("gradient of operand " + variables[k], probes, want, dx[k], tolerance);
    }
  }

  /** The tensors among the operands that have gradients. */
  private Tensor[] pick(Tensor[] operands) {
    Tensor[] picked = new Tensor[variables.length];
    for (int k = 0; k < picked.length; k++) {
      picked[k] = operands[variables[k]];
    }
    return picked;
  }

  private Set<Integer> probes(Doubles x) {
    int n = x.values().length;
    Set<Integer> probes = new LinkedHashSet<>();
    if (n > 0) {
      probes.add(0);
      probes.add(n - 1);
      for (int i = 2; i < PROBES; i++) {
        probes.add(random.nextInt(n));
      }
    }
    return probes;
  }

  /** How {@code Σ dy · y} changes with one element. */
  private double slope(Doubles around, int element) {
    double before = around.values()[element];
    double step = 1e-4 * Math.max(1, Math.abs(before));
    double[] slopes = new double[2];
    for (int k = 0; k < 2; k++) {
      double h = (k + 1) * step;
      around.values()[element] = before + h;
      double above = loss();
      around.values()[element] = before - h;
      double below = loss();
      slopes[k] = (above - below) / (2 * h);
    }
    around.values()[element] = before;
    return (4 * slopes[0] - slopes[1]) / 3;
  }

  private double loss() {
    double[] y = row.reference.apply(x).values();
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      sum += dy.values()[i] * y[i];
    }
    return sum;
  }

  private void compare(
      String what, Set<Integer> probes, double[] want, Doubles got, double tolerance) {
    // Sums of rounded terms may cancel, and the terms are about 1.
    double scale = trial.type() == DType.F32 ? 1e-2 : 1;
    for (int element : probes) {
      scale = Math.max(scale, Math.abs(want[element]));
    }
    for (int element : probes) {
      double error = Math.abs(want[element] - got.values()[element]) / scale;
      assertTrue(
          error <= tolerance || Double.isNaN(want[element]) && Double.isNaN(got.values()[element]),
          () ->
              trial
                  + ": "
                  + what
                  + ", element "
                  + element
                  + ": finite differences give "
                  + want[element]
                  + ", the tape "
                  + got.values()[element]);
    }
  }

  /**
   * Directions v for each operand turn the gradients into one number, {@code Σ v · dx}, whose own
   * gradients the outer tape takes: with respect to the operands and to dy.
   */
  private void second() {
    Doubles[] v = new Doubles[variables.length];
    Doubles[] got = new Doubles[variables.length + 1];
    try (Tape outer = Tape.record()) {
      Tensor[] operands = trial.tensors(x);
      Tensor dyTensor = trial.tensor(trial.outputType(), dy);
      Tensor[] targets = pick(operands);
      Gradients gradients;
      try (Tape inner = Tape.record()) {
        gradients = inner.vjp(row.op.apply(operands), dyTensor, targets);
      }
      Tensor sum = Tensor.zeros(Shape.of(), DType.F32, trial.device());
      for (int k = 0; k < v.length; k++) {
        v[k] = randomLike(x[variables[k]], trial.type());
        Tensor product = Pointwise.mul(gradients.get(targets[k]), trial.tensor(trial.type(), v[k]));
        sum = Pointwise.add(sum, Reductions.sum(product));
      }
      Tensor[] all = java.util.Arrays.copyOf(targets, targets.length + 1);
      all[targets.length] = dyTensor;
      Gradients second = outer.gradients(sum, all);
      for (int k = 0; k < got.length; k++) {
        got[k] = Bits.values(second.get(all[k]));
      }
    }
    // Gradients that are products of several kernels' results lose a digit to them.
    double tolerance = Math.max(10 * row.gradient, 6 * Bits.unitRoundoff(trial.outputType()));
    for (int k = 0; k < v.length; k++) {
      Set<Integer> probes = probes(x[variables[k]]);
      double[] want = new double[x[variables[k]].values().length];
      for (int element : probes) {
        want[element] = bend(v, k, element);
      }
      compare("second derivative, operand " + variables[k], probes, want, got[k], tolerance);
    }
    compare("derivative by dy", probes(dy), along(v), got[v.length], tolerance);
  }

  /** How the slope along v changes with one element. */
  private double bend(Doubles[] v, int operand, int element) {
    double[] bends = new double[2];
    double[] values = x[variables[operand]].values();
    for (int k = 0; k < 2; k++) {
      double h = (k + 1) * 1e-3;
      double sum = 0;
      for (int sign : new int[] {1, -1}) {
        for (int other : new int[] {1, -1}) {
          double[][] before = move(v, other * h);
          values[element] += sign * h;
          sum += sign * other * loss();
          restore(before);
        }
      }
      bends[k] = sum / (4 * h * h);
    }
    return (4 * bends[0] - bends[1]) / 3;
  }

  /** How each element of y changes along v. */
  private double[] along(Doubles[] v) {
    double[] slopes = new double[dy.values().length];
    for (int k = 0; k < 2; k++) {
      double h = (k + 1) * 1e-4;
      for (int sign : new int[] {1, -1}) {
        double[][] before = move(v, sign * h);
        double[] y = row.reference.apply(x).values().clone(); // it may be an operand's
        restore(before);
        for (int i = 0; i < y.length; i++) {
          slopes[i] += (k == 0 ? 4 : -1) * sign * y[i] / (6 * h);
        }
      }
    }
    return slopes;
  }

  /** Moves all operands by h along v and returns what they were. */
  private double[][] move(Doubles[] v, double h) {
    double[][] before = new double[v.length][];
    for (int k = 0; k < v.length; k++) {
      double[] values = x[variables[k]].values();
      before[k] = values.clone();
      for (int i = 0; i < values.length; i++) {
        values[i] += h * v[k].values()[i];
      }
    }
    return before;
  }

  private void restore(double[][] before) {
    for (int k = 0; k < before.length; k++) {
      System.arraycopy(before[k], 0, x[variables[k]].values(), 0, before[k].length);
    }
  }
}
