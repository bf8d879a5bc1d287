package io.gradus.tensor;

import java.util.Locale;

/**
 * What the elements of a tensor are. F32 is what networks compute in; BF16 and F16 store at half
 * the size and are computed in F32; I32 and I64 hold indices and labels; U8 holds images and masks.
 */
public enum DType {
  F32(4),
  BF16(2),
  F16(2),
  I32(4),
  I64(8),
  U8(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** The number by which native code knows this type. */
  public int code() {
    return ordinal();
  }

  /** Whether ops compute with this type and gradients flow through it. */
  public boolean isFloating() {
    return this == F32 || this == BF16 || this == F16;
  }

  /** Whether elements of this type can serve as indices and labels. */
  public boolean isIndex() {
    return this == I32 || this == I64;
  }

  /** The name in error messages and files: {@code f32}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
