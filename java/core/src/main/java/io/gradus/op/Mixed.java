package io.gradus.op;

import io.gradus.autograd.Autocast;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.stream.Stream;

/** The types of operands in mixed precision, see {@link Autocast}. */
final class Mixed {

  private Mixed() {}

  /** Whether one of a product's operands is F32 and shall not be. */
  static boolean narrows(Tensor... operands) {
    return Autocast.type() != DType.F32
        && Stream.of(operands).anyMatch(x -> x.dtype() == DType.F32);
  }

  /** An operand of a product: F32 comes in autocast's type. */
  static Tensor narrow(Tensor x) {
    return x.dtype() == DType.F32 ? Pointwise.cast(x, Autocast.type()) : x;
  }

  /** Whether operands are of different types and shall meet in F32. */
  static boolean meet(Tensor... operands) {
    return Autocast.type() != DType.F32
        && Stream.of(operands).allMatch(x -> x.dtype().isFloating())
        && Stream.of(operands).anyMatch(x -> x.dtype() != operands[0].dtype());
  }

  /** In F32. */
  static Tensor wide(Tensor x) {
    return Pointwise.cast(x, DType.F32);
  }
}
