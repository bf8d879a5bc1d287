package io.gradus.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The elements of every type as their definitions say, bit by bit in Java, so that no kernel stands
 * between a test and what a tensor holds.
 */
final class Bits {

  private Bits() {}

  /** The nearest number of the type, ties to even; integer types must hold the value. */
  static double round(DType type, double value) {
    return switch (type) {
      case F32 -> (float) value;
      case BF16 -> Float.intBitsToFloat(bf16(value) << 16);
      case F16 -> fromF16(f16(value));
      case I32 -> (int) value;
      case I64 -> (long) value;
      case U8 -> (int) value & 0xff;
    };
  }

  /** Half the distance of two neighbouring numbers, relative to them: the error of one rounding. */
  static double unitRoundoff(DType type) {
    return switch (type) {
      case F32 -> 0x1p-24;
      case BF16 -> 0x1p-8;
      case F16 -> 0x1p-11;
      default -> 0;
    };
  }

  /** The distance of the smallest numbers of the type. */
  static double smallest(DType type) {
    return switch (type) {
      case F32 -> 0x1p-149;
      case BF16 -> 0x1p-133;
      case F16 -> 0x1p-24;
      default -> 0;
    };
  }

  static Tensor tensor(DType type, Doubles x) {
    return tensor(type, x, Device.cpu());
  }

  static Tensor tensor(DType type, Doubles x, Device device) {
    ByteBuffer bytes = buffer(x.values().length * type.bytes());
    for (double value : x.values()) {
      switch (type) {
        case F32 -> bytes.putFloat((float) value);
        case BF16 -> bytes.putShort((short) bf16(value));
        case F16 -> bytes.putShort((short) f16(value));
        case I32 -> bytes.putInt((int) value);
        case I64 -> bytes.putLong((long) value);
        case U8 -> bytes.put((byte) (int) value);
      }
    }
    Tensor y = Tensor.empty(x.shape(), type, device);
    y.copyFrom(bytes.flip(), 0);
    return y;
  }

  static Doubles values(Tensor x) {
    ByteBuffer bytes = buffer(Math.toIntExact(x.byteSize()));
    x.copyTo(bytes, 0);
    bytes.flip();
    double[] values = new double[Math.toIntExact(x.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (x.dtype()) {
            case F32 -> bytes.getFloat();
            case BF16 -> Float.intBitsToFloat(bytes.getShort() << 16);
            case F16 -> fromF16(bytes.getShort() & 0xffff);
            case I32 -> bytes.getInt();
            case I64 -> bytes.getLong();
            case U8 -> bytes.get() & 0xff;
          };
    }
    return new Doubles(x.shape(), values);
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** bfloat16 is the upper half of a float. */
  private static int bf16(double value) {
    if (Double.isNaN(value)) {
      return 0x7fc0;
    }
    return nearest(value, 8, -126, 0x1p127 * (2 - 0x1p-7), 0x7f80);
  }

  private static int f16(double value) {
    if (Double.isNaN(value)) {
      return 0x7e00;
    }
    return nearest(value, 11, -14, 65504, 0x7c00);
  }

  /** IEEE 754: a sign, a biased exponent, and a fraction without its leading one. */
  private static int nearest(
      double value, int precision, int minExponent, double max, int infinity) {
    int sign = Double.doubleToRawLongBits(value) < 0 ? 0x8000 : 0;
    double size = Math.abs(value);
    int exponent = Math.max(Math.getExponent(size), minExponent);
    double unit = Math.scalb(1.0, exponent - (precision - 1));
    double rounded = Math.rint(size / unit) * unit;
    if (Double.isInfinite(size) || rounded > max) {
      return sign | infinity;
    }
    exponent = Math.max(Math.getExponent(rounded), minExponent);
    long fraction = (long) (rounded / Math.scalb(1.0, exponent - (precision - 1)));
    // A subnormal number has no leading one and the exponent field 0; the sum carries it to 1.
    return sign | (int) (((long) (exponent - minExponent) << (precision - 1)) + fraction);
  }

  private static double fromF16(int bits) {
    int exponent = bits >> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    double size =
        exponent == 0x1f
            ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
            : exponent == 0
                ? Math.scalb((double) fraction, -24)
                : Math.scalb(1024.0 + fraction, exponent - 25);
    return (bits & 0x8000) == 0 ? size : -size;
  }
}
