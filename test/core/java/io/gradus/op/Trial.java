package io.gradus.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A row with one set of operands of one type on one device, and the numbers for it: the same in
 * each run.
 */
record Trial(Row row, String text, List<Operand> operands, DType type, Device device) {

  Doubles[] values(Domain domain) {
    return values(domain, random());
  }

  Doubles[] values(Domain domain, SplittableRandom random) {
    return operands.stream()
        .map(operand -> operand.values(domain, type, random))
        .toArray(Doubles[]::new);
  }

  SplittableRandom random() {
    return random(0);
  }

  /** Other numbers for each {@code seed}. */
  SplittableRandom random(int seed) {
    return new SplittableRandom(31L * row.name.hashCode() + text.hashCode() + seed);
  }

  /** I64 where the last size is even, else I32: both serve as indices. */
  DType typeOf(Operand operand) {
    if (operand.indices()) {
      boolean even = operand.shape().rank() == 0 || operand.shape().dim(-1) % 2 == 0;
      return even ? DType.I64 : DType.I32;
    }
    return operand.type() != null ? operand.type() : type;
  }

  Tensor[] tensors(Doubles[] values) {
    Tensor[] tensors = new Tensor[values.length];
    for (int i = 0; i < values.length; i++) {
      tensors[i] = tensor(typeOf(operands.get(i)), values[i]);
    }
    return tensors;
  }

  Tensor tensor(DType type, Doubles values) {
    return Bits.tensor(type, values, device);
  }

  /** The places of the operands that have gradients. */
  int[] variables() {
    return java.util.stream.IntStream.range(0, operands.size())
        .filter(i -> operands.get(i).varies())
        .toArray();
  }

  DType outputType() {
    return row.output != null ? row.output : type;
  }

  /** Elements of the largest operand. */
  long size() {
    return operands.stream().mapToLong(operand -> operand.shape().size()).max().orElse(0);
  }

  @Override
  public String toString() {
    return row.name + " of " + text + " " + type + " on " + device;
  }
}
