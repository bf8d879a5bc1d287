package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class InitTest {

  /** Fan out 300, fan in 200. */
  private static final Shape WEIGHT = Shape.of(300, 200);

  /** A convolution of 14 channels to 20, 3 x 5: fan out 300, fan in 210. */
  private static final Shape KERNEL = Shape.of(20, 14, 3, 5);

  private static final Seed SEED = Seed.of(3);

  /** What should come out: the variance, and the bound where there is one. */
  private record Case(String name, Tensor values, double variance, double bound) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() {
    Device cpu = Device.cpu();
    double none = Double.POSITIVE_INFINITY;
    return Stream.of(
        new Case(
            "kaimingUniform",
            Init.kaimingUniform(WEIGHT, 0, SEED, cpu),
            2 / 200.0,
            Math.sqrt(6 / 200.0)),
        new Case(
            "kaimingUniform of slope √5",
            Init.kaimingUniform(WEIGHT, Math.sqrt(5), SEED, cpu),
            2 / (6 * 200.0),
            1 / Math.sqrt(200)),
        new Case("kaimingNormal", Init.kaimingNormal(WEIGHT, 0.1, SEED, cpu), 2 / 202.0, none),
        new Case(
            "kaimingNormal of a kernel",
            Init.kaimingNormal(KERNEL, 0, SEED, cpu),
            2 / (14 * 15.0),
            none),
        new Case(
            "xavierUniform",
            Init.xavierUniform(WEIGHT, SEED, cpu),
            2 / 500.0,
            Math.sqrt(6 / 500.0)),
        new Case("xavierNormal", Init.xavierNormal(WEIGHT, SEED, cpu), 2 / 500.0, none),
        new Case(
            "xavierNormal of a kernel",
            Init.xavierNormal(KERNEL, SEED, cpu),
            2 / ((20 + 14) * 15.0),
            none),
        new Case("uniform", Init.uniform(Shape.of(50_000), -3, 3, SEED, cpu), 3, 3),
        new Case("normal", Init.normal(Shape.of(50_000), 0, 0.02, SEED, cpu), 0.0004, none));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void values_have_the_variance_of_the_formula(Case c) {
    float[] values = c.values().toFloats();
    double mean = 0;
    double squares = 0;
    for (float value : values) {
      mean += value / values.length;
      squares += (double) value * value / values.length;
      assertTrue(Math.abs(value) <= c.bound() * (1 + 1e-6), () -> value + " exceeds " + c.bound());
    }
    // Five standard errors of the mean, and of the variance of a normal distribution.
    double deviation = Math.sqrt(c.variance());
    assertEquals(0, mean, 5 * deviation / Math.sqrt(values.length));
    assertEquals(c.variance(), squares, 5 * c.variance() * Math.sqrt(2.0 / values.length));
  }

  @Test
  void the_seed_decides() {
    float[] one = Init.normal(WEIGHT, 0, 1, Seed.of(1), Device.cpu()).toFloats();
    assertArrayEquals(one, Init.normal(WEIGHT, 0, 1, Seed.of(1), Device.cpu()).toFloats());
    assertFalse(Arrays.equals(one, Init.normal(WEIGHT, 0, 1, Seed.of(2), Device.cpu()).toFloats()));
  }

  @Test
  void zeros_are_zeros() {
    assertArrayEquals(new float[6], Init.zeros(Shape.of(2, 3), Device.cpu()).toFloats());
  }

  @Test
  void a_vector_has_no_fans() {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> Init.xavierNormal(Shape.of(7), SEED, Device.cpu()));
    assertEquals(
        "xavierNormal: a weight needs two axes or more and no empty one: (7); use uniform, normal"
            + " or zeros",
        error.getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> Init.kaimingUniform(Shape.of(7, 0), 0, SEED, Device.cpu()));
  }
}
