package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/** Shapes that nobody thought of, drawn by chance, the same ones in each run. */
class RandomShapesTest {

  private static final long[] SIZES = {0, 1, 1, 2, 3, 5, 7, 16, 17, 33, 70};
  private static final long MOST = 60_000; // elements of a tensor
  private static final DType[] TYPES = {DType.F32, DType.BF16, DType.F16};

  private SplittableRandom random;

  /** Sizes whose product, however they broadcast, stays small. */
  private long[] dims(int rank) {
    long[] dims = new long[rank];
    long product = 1;
    for (int axis = 0; axis < rank; axis++) {
      long size = SIZES[random.nextInt(SIZES.length)];
      dims[axis] = product * size <= MOST ? size : 1;
      product *= Math.max(1, dims[axis]);
    }
    return dims;
  }

  private Doubles numbers(DType type, long... dims) {
    return Doubles.of(
        Shape.of(dims), i -> Bits.round(type, Math.rint(16 * (random.nextDouble() - 0.5)) / 4));
  }

  private DType type() {
    return TYPES[random.nextInt(TYPES.length)];
  }

  /** What broadcasts to these sizes: some are 1, some of the first are missing. */
  private long[] narrowed(long[] dims) {
    long[] narrow = Arrays.copyOfRange(dims, random.nextInt(dims.length + 1), dims.length);
    for (int axis = 0; axis < narrow.length; axis++) {
      narrow[axis] = random.nextInt(3) == 0 ? 1 : narrow[axis];
    }
    return narrow;
  }

  @RepeatedTest(60)
  @SuppressWarnings("try") // the scope only has to close
  void operands_that_broadcast(RepetitionInfo repetition) {
    random = new SplittableRandom(repetition.getCurrentRepetition());
    long[] dims = dims(random.nextInt(6));
    DType type = type();
    Doubles a = numbers(type, narrowed(dims));
    Doubles b = numbers(type, narrowed(dims));
    Doubles mask = numbers(DType.F32, narrowed(dims)).map(x -> x > 0 ? 1 : 0);
    try (Scope scope = Scope.open()) {
      Tensor x = Bits.tensor(type, a);
      Tensor y = Bits.tensor(type, b);
      same(a.zip(b, (u, v) -> Bits.round(type, u - v)), Pointwise.sub(x, y), 0);
      same(a.zip(b, (u, v) -> u < v ? 1 : 0), Comparisons.less(x, y), 0);
      same(Reference.where(mask, a, b), Comparisons.where(Bits.tensor(DType.U8, mask), x, y), 0);
      Shape wide = Doubles.broadcast(a.shape(), Shape.of(dims));
      same(Reference.expand(a, wide), Shapes.expand(x, wide), 0);
    }
  }

  @RepeatedTest(60)
  @SuppressWarnings("try")
  void axes_that_are_reduced(RepetitionInfo repetition) {
    random = new SplittableRandom(repetition.getCurrentRepetition());
    long[] dims = dims(1 + random.nextInt(5));
    int[] axes = random.ints(1 + random.nextInt(dims.length), 0, dims.length).distinct().toArray();
    boolean keepDims = random.nextBoolean();
    Doubles x = numbers(DType.F32, dims);
    try (Scope scope = Scope.open()) {
      Tensor tensor = Bits.tensor(DType.F32, x);
      // Quarters up to 2, of which sums are exact.
      same(Reference.sum(x, keepDims, axes), Reductions.sum(tensor, keepDims, axes), 0);
      same(Reference.mean(x, keepDims, axes), Reductions.mean(tensor, keepDims, axes), 1e-6);
      if (x.shape().size() > 0) {
        same(Reference.max(x, keepDims, axes), Reductions.max(tensor, keepDims, axes), 0);
        same(Reference.argmax(x, axes[0]), Reductions.argmax(tensor, axes[0]), 0);
      }
    }
  }

  @RepeatedTest(40)
  @SuppressWarnings("try")
  void elements_that_move(RepetitionInfo repetition) {
    random = new SplittableRandom(repetition.getCurrentRepetition());
    long[] dims = dims(1 + random.nextInt(5));
    int axis = random.nextInt(dims.length);
    int[] order = new int[dims.length];
    for (int i = 0; i < order.length; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    long[] other = dims.clone();
    other[axis] = random.nextInt(5);
    DType type = type();
    Doubles x = numbers(type, dims);
    Doubles y = numbers(type, other);
    try (Scope scope = Scope.open()) {
      Tensor a = Bits.tensor(type, x);
      Tensor b = Bits.tensor(type, y);
      same(Reference.permute(x, order), Shapes.permute(a, order), 0);
      same(Reference.concat(axis, x, y, x), Shapes.concat(axis, a, b, a), 0);
      same(Reference.stack(axis, y, y), Shapes.stack(axis, b, b), 0);
      if (dims[axis] > 0) {
        Doubles index = y.map(old -> random.nextInt((int) dims[axis]));
        Tensor places = Bits.tensor(DType.I32, index);
        same(Reference.gather(x, axis, index), Indexing.gather(a, axis, places), 0);
      }
    }
  }

  @RepeatedTest(40)
  @SuppressWarnings("try")
  void matrices_that_multiply(RepetitionInfo repetition) {
    random = new SplittableRandom(repetition.getCurrentRepetition());
    long m = random.nextInt(70);
    long n = random.nextInt(70);
    long k = random.nextInt(140);
    DType type = type();
    Doubles a = numbers(type, m, k);
    Doubles b = numbers(type, k, n);
    Doubles bias = numbers(type, n);
    Doubles y = Reference.matmul(a, b);
    try (Scope scope = Scope.open()) {
      Tensor x = Bits.tensor(type, a);
      Tensor w = Bits.tensor(type, b);
      Tensor xt = Bits.tensor(type, Reference.transpose(a, 0, 1));
      Tensor wt = Bits.tensor(type, Reference.transpose(b, 0, 1));
      // Sixteenths, of which sums are exact until they are rounded to the type.
      same(y.map(value -> Bits.round(type, value)), LinearAlgebra.matmul(x, w), 0);
      same(y.map(value -> Bits.round(type, value)), LinearAlgebra.matmulNT(x, wt), 0);
      same(y.map(value -> Bits.round(type, value)), LinearAlgebra.matmulTN(xt, w), 0);
      same(
          y.zip(bias, (sum, c) -> Bits.round(type, sum + c)),
          LinearAlgebra.linear(x, wt, Bits.tensor(type, bias)),
          0);
    }
  }

  private static void same(Doubles want, Tensor y, double tolerance) {
    Doubles got = Bits.values(y);
    assertEquals(want.shape(), got.shape());
    for (int i = 0; i < want.values().length; i++) {
      int element = i;
      assertEquals(
          want.values()[i] + 0.0,
          got.values()[i] + 0.0,
          tolerance,
          () -> "element " + element + " of " + y.describe());
    }
  }
}
