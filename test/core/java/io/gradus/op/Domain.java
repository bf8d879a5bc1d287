package io.gradus.op;

import io.gradus.tensor.DType;
import java.util.SplittableRandom;

/** Which numbers an op is tried with. */
interface Domain {

  /** Fills an array with numbers that the type can hold. */
  void fill(double[] values, DType type, SplittableRandom random);

  /** Numbers between bounds, none close to where the op has a kink and finite differences fail. */
  static Domain between(double low, double high, double... kinks) {
    return (values, type, random) -> {
      for (int i = 0; i < values.length; i++) {
        double x = low + (high - low) * random.nextDouble();
        for (double kink : kinks) {
          if (Math.abs(x - kink) < 0.05) {
            x = kink + (x < kink ? -0.06 : 0.06);
          }
        }
        values[i] = type.isFloating() ? Bits.round(type, x) : whole(type, x);
      }
    };
  }

  private static double whole(DType type, double x) {
    long whole = Math.round(10 * x);
    return type == DType.U8 ? Math.min(Math.abs(whole), 255) : whole;
  }

  /** Few different numbers, so that many are the same. */
  static Domain coarse() {
    return (values, type, random) -> {
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextInt(5) - (type == DType.U8 ? 0 : 2);
      }
    };
  }

  /** Numbers of which no two are the same, or closer than finite differences reach. */
  static Domain distinct() {
    return (values, type, random) -> {
      for (int i = 0; i < values.length; i++) {
        int j = random.nextInt(i + 1);
        values[i] = values[j];
        values[j] = (i % 2 == 0 ? i : -i) / 8.0;
      }
      for (int i = 0; i < values.length; i++) {
        values[i] = Bits.round(type, values[i]);
      }
    };
  }
}
