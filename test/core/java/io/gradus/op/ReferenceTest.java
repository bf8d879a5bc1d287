package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import org.junit.jupiter.api.Test;

/** Holds what judges the ops against values that others published. */
class ReferenceTest {

  /** The known answers that come with Random123 (Salmon et al. 2011). */
  @Test
  void philox_gives_the_published_answers() {
    assertArrayEquals(
        new long[] {0x6627e8d5L, 0xe169c58dL, 0xbc57ac4cL, 0x9b00dbd8L},
        Reference.philox(new long[4], 0));
    long ones = 0xffffffffL;
    assertArrayEquals(
        new long[] {0x408f276dL, 0x41c83b0eL, 0xa20bc7c6L, 0x6d5451fdL},
        Reference.philox(new long[] {ones, ones, ones, ones}, -1));
    assertArrayEquals(
        new long[] {0xd16cfe09L, 0x94fdccebL, 0x5001e420L, 0x24126ea1L},
        Reference.philox(
            new long[] {0x243f6a88L, 0x85a308d3L, 0x13198a2eL, 0x03707344L}, 0x299f31d0a4093822L));
  }

  /** Examples of IEEE 754 and of the definition of bfloat16. */
  @Test
  void sixteen_bit_numbers_are_rounded_to_the_nearest_ties_to_even() {
    assertEquals(1, Bits.round(DType.F16, 1 + 0x1p-11));
    assertEquals(1 + 0x1p-9, Bits.round(DType.F16, 1 + 3 * 0x1p-11));
    assertEquals(65504, Bits.round(DType.F16, 65519.999));
    assertEquals(Double.POSITIVE_INFINITY, Bits.round(DType.F16, 65520));
    assertEquals(0x1p-24, Bits.round(DType.F16, 0x1.8p-25));
    assertEquals(0, Bits.round(DType.F16, 0x1p-25));
    assertEquals(0x1p-14, Bits.round(DType.F16, 0x1.ffep-15));
    assertEquals(-0x1.554p-2, Bits.round(DType.F16, -1 / 3.0));
    assertEquals(0x1.92p1, Bits.round(DType.BF16, Math.PI));
    assertEquals(1, Bits.round(DType.BF16, 1 + 0x1p-8));
    assertEquals(1 + 0x1p-6, Bits.round(DType.BF16, 1 + 3 * 0x1p-8));
    assertEquals(Double.POSITIVE_INFINITY, Bits.round(DType.BF16, Float.MAX_VALUE));
    assertEquals(0x1p-133, Bits.round(DType.BF16, 0x1p-133));
  }

  @Test
  void matrices_multiply_as_on_paper() {
    Doubles a = new Doubles(Shape.of(2, 3), new double[] {1, 2, 3, 4, 5, 6});
    Doubles b = new Doubles(Shape.of(3, 2), new double[] {7, 8, 9, 10, 11, 12});
    assertArrayEquals(new double[] {58, 64, 139, 154}, Reference.matmul(a, b).values());
    assertArrayEquals(new double[] {14, 32, 32, 77}, Reference.matmulNT(a, a).values());
  }

  @Test
  void cross_entropy_is_what_a_textbook_says() {
    Doubles logits = new Doubles(Shape.of(2, 2), new double[] {0, 0, 0, Math.log(3)});
    Doubles labels = new Doubles(Shape.of(2), new double[] {0, 1});
    assertEquals(
        (Math.log(2) + Math.log(4 / 3.0)) / 2,
        Reference.crossEntropy(logits, labels, -100).values()[0],
        1e-15);
  }
}
