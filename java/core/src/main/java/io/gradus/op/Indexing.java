package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.lang.ref.Reference;
import java.util.Arrays;

/**
 * Reading by index. Indices are I32 or I64 and checked: one that lies outside is an {@link
 * IndexOutOfBoundsException} that names it. Gradients add up in the order of the indices, so that
 * they have the same bits on any number of threads.
 */
public final class Indexing {

  private Indexing() {}

  /**
   * Picks elements along an axis, as PyTorch's {@code gather}: for axis 0 of a matrix, {@code
   * y[i][j] = x[index[i][j]][j]}.
   *
   * @param x any type
   * @param index of x's rank; its size may differ from x's along the axis only
   */
  public static Tensor gather(Tensor x, int axis, Tensor index) {
    Checks.index("gather", index);
    Checks.sameDevice("gather", x, index);
    int along = Checks.axis("gather", x, axis);
    if (index.rank() != x.rank()
        || !index.shape().with(along, 0).equals(x.shape().with(along, 0))) {
      throw new IllegalArgumentException(
          "gather: shapes differ beside axis " + axis + ": " + x.shape() + " and " + index.shape());
    }
    long outer = x.shape().size(0, along);
    long inner = x.shape().size(along + 1, x.rank());
    Tensor y = Tensor.empty(index.shape(), x.dtype(), x.device());
    Checks.indexed(
        () ->
            x.backend()
                .gather(
                    x.typeCode(),
                    x.address(),
                    index.typeCode(),
                    index.address(),
                    y.address(),
                    outer,
                    x.dim(along),
                    index.dim(along),
                    inner));
    return Tape.record(
        "gather",
        y,
        x.dtype().isFloating()
            ? wrt(x, dy -> gatherGrad(dy, x.shape(), along, index))
            : constant(x),
        constant(index));
  }

  private static Tensor gatherGrad(Tensor dy, Shape shape, int axis, Tensor index) {
    Tensor dx = Tensor.zeros(shape, dy.dtype(), dy.device());
    dy.backend()
        .gatherGrad(
            dy.typeCode(),
            dy.address(),
            index.typeCode(),
            index.address(),
            dx.address(),
            shape.size(0, axis),
            shape.dim(axis),
            index.dim(axis),
            shape.size(axis + 1, shape.rank()));
    return Tape.record("gatherGrad", dx, wrt(dy, ddx -> gather(ddx, axis, index)), constant(index));
  }

  /** Rows of x by number: x (n, …) and indices of any shape (…) give (indices…, …). */
  public static Tensor takeRows(Tensor x, Tensor index) {
    Checks.index("takeRows", index);
    Checks.sameDevice("takeRows", x, index);
    Checks.axis("takeRows", x, 0);
    long columns = x.shape().size(1, x.rank());
    long[] dims = Arrays.copyOf(index.shape().toArray(), index.rank() + x.rank() - 1);
    System.arraycopy(x.shape().toArray(), 1, dims, index.rank(), x.rank() - 1);
    Tensor y = Tensor.empty(Shape.of(dims), x.dtype(), x.device());
    Checks.indexed(
        () ->
            x.backend()
                .takeRows(
                    x.typeCode(),
                    x.address(),
                    index.typeCode(),
                    index.address(),
                    y.address(),
                    x.dim(0),
                    columns,
                    index.size()));
    return Tape.record(
        "takeRows", y, x.dtype().isFloating() ? wrtRows(x, index) : constant(x), constant(index));
  }

  /**
   * Zeros (rows, …) to which the rows of x are added where an index (n) says: row j of x (n, …)
   * goes to row {@code index[j]}. The other way round than {@link #takeRows}.
   */
  public static Tensor addRows(Tensor x, Tensor index, long rows) {
    Checks.floating("addRows", x);
    Checks.index("addRows", index);
    Checks.sameDevice("addRows", x, index);
    if (index.rank() != 1 || x.rank() < 1 || x.dim(0) != index.dim(0)) {
      throw new IllegalArgumentException(
          "addRows: there must be an index for each row: " + x.shape() + " and " + index.shape());
    }
    if (rows < 0) {
      throw new IllegalArgumentException(
          "addRows: the number of rows must not be negative: " + rows);
    }
    Tensor y = Tensor.zeros(x.shape().with(0, rows), x.dtype(), x.device());
    Checks.indexed(() -> addInto(x, index, y));
    return Tape.record("addRows", y, wrt(x, dy -> takeRows(dy, index)), constant(index));
  }

  private static Wrt wrtRows(Tensor x, Tensor index) {
    return wrt(
        x,
        dy -> takeRowsGrad(dy, x.shape(), index),
        (dy, dx, accumulate) -> {
          if (!accumulate) {
            dx.fill(0);
          }
          addInto(dy, index, dx);
        });
  }

  private static Tensor takeRowsGrad(Tensor dy, Shape shape, Tensor index) {
    Tensor dx = Tensor.zeros(shape, dy.dtype(), dy.device());
    addInto(dy, index, dx);
    return Tape.record("takeRowsGrad", dx, wrt(dy, ddx -> takeRows(ddx, index)), constant(index));
  }

  /** {@code dx[index[j]] += dy[j]}, in the order of j. */
  private static void addInto(Tensor dy, Tensor index, Tensor dx) {
    dy.backend()
        .takeRowsGrad(
            dy.typeCode(),
            dy.address(),
            index.typeCode(),
            index.address(),
            dx.address(),
            dx.dim(0),
            dx.shape().size(1, dx.rank()),
            index.size());
    Reference.reachabilityFence(dy);
    Reference.reachabilityFence(index);
  }

  /**
   * The rows of a table of embeddings that tokens name: tokens (…) and table (rows, n) give (…, n).
   */
  public static Tensor embedding(Tensor tokens, Tensor table) {
    return new Embedding(tokens, table, null, null).lookUp();
  }

  /**
   * The sum of two embeddings, of the tokens and of where they stand.
   *
   * @param tokens (…, time), I32 or I64
   * @param tokenTable (rows, n)
   * @param positions of the tokens' shape, I32 or I64; null for 0, 1, 2 … along the last axis
   * @param positionTable (positions, n)
   * @throws IndexOutOfBoundsException for a token or a position that its table does not have
   */
  public static Tensor embedding(
      Tensor tokens, Tensor tokenTable, Tensor positions, Tensor positionTable) {
    Embedding embedding = new Embedding(tokens, tokenTable, positions, positionTable);
    embedding.checkPositions();
    return embedding.lookUp();
  }

  /** One use of the op; positions and their table may be null. */
  private record Embedding(Tensor tokens, Tensor table, Tensor positions, Tensor positionTable) {

    Embedding {
      Checks.index("embedding", tokens);
      checkTable(tokens, table);
    }

    private static void checkTable(Tensor tokens, Tensor table) {
      Checks.floating("embedding", table);
      Checks.sameDevice("embedding", tokens, table);
      if (table.rank() != 2) {
        throw new IllegalArgumentException(
            "embedding: the table must have a row for each token: " + table.shape());
      }
    }

    void checkPositions() {
      checkTable(tokens, positionTable);
      Checks.sameType("embedding", table, positionTable);
      if (table.dim(1) != positionTable.dim(1)) {
        throw new IllegalArgumentException(
            "embedding: the tables' rows differ in size: "
                + table.shape()
                + " and "
                + positionTable.shape());
      }
      if (positions != null) {
        Checks.index("embedding", positions);
        Checks.sameDevice("embedding", tokens, positions);
        Checks.sameShape("embedding", tokens, positions);
      } else if (tokens.rank() < 1 || tokens.dim(-1) > positionTable.dim(0)) {
        throw new IllegalArgumentException(
            "embedding: more positions than the table has: "
                + tokens.shape()
                + " and "
                + positionTable.shape()
                + "; shorten the sequences");
      }
    }

    Tensor lookUp() {
      long[] dims = Arrays.copyOf(tokens.shape().toArray(), tokens.rank() + 1);
      dims[tokens.rank()] = table.dim(1);
      Tensor y = Tensor.empty(Shape.of(dims), table.dtype(), table.device());
      Checks.indexed(
          () ->
              table
                  .backend()
                  .embedding(
                      table.typeCode(),
                      tokens.typeCode(),
                      tokens.address(),
                      table.address(),
                      positions == null ? DType.I32.code() : positions.typeCode(),
                      positions == null ? 0 : positions.address(),
                      positionTable == null ? 0 : positionTable.address(),
                      y.address(),
                      table.dim(0),
                      positionTable == null ? 0 : positionTable.dim(0),
                      table.dim(1),
                      tokens.size(),
                      tokens.rank() == 0 ? 1 : tokens.dim(-1)));
      if (positionTable == null) {
        return Tape.record("embedding", y, wrtRows(table, tokens), constant(tokens));
      }
      if (positions == null) {
        Wrt wrtPositions = wrt(positionTable, this::positionGrad, this::addPositions);
        return Tape.record("embedding", y, wrtRows(table, tokens), wrtPositions, constant(tokens));
      }
      return Tape.record(
          "embedding",
          y,
          wrtRows(table, tokens),
          wrtRows(positionTable, positions),
          constant(tokens),
          constant(positions));
    }

    /** Each sequence adds to the table's first rows, those that it has positions for. */
    private Tensor positionGrad(Tensor dy) {
      if (Tape.isRecording()) {
        long time = tokens.dim(-1);
        Tensor sum = Reductions.sum(Shapes.reshape(dy, sequences(), time, table.dim(1)), 0);
        long rest = positionTable.dim(0) - time;
        Shape rows = positionTable.shape().with(0, rest);
        return Shapes.concat(0, sum, Tensor.zeros(rows, dy.dtype(), dy.device()));
      }
      Tensor dx = Tensor.empty(positionTable.shape(), dy.dtype(), dy.device());
      addPositions(dy, dx, false);
      return dx;
    }

    private long sequences() {
      return tokens.shape().size(0, tokens.rank() - 1);
    }

    private void addPositions(Tensor dy, Tensor dx, boolean accumulate) {
      long n = tokens.dim(-1) * table.dim(1); // the elements of the positions that are in use
      if (!accumulate && n < dx.size()) {
        dx.fill(0);
      }
      dy.backend()
          .columnSums(
              dy.typeCode(),
              dy.address(),
              dx.typeCode(),
              dx.address(),
              sequences(),
              n,
              accumulate || n < dx.size());
    }
  }

  /** F32 of shape (…, classes): 1 in the column that the index (…) names, else 0. */
  public static Tensor oneHot(Tensor index, long classes) {
    Checks.index("oneHot", index);
    if (classes < 0) {
      throw new IllegalArgumentException(
          "oneHot: the number of classes must not be negative: " + classes);
    }
    long[] dims = Arrays.copyOf(index.shape().toArray(), index.rank() + 1);
    dims[index.rank()] = classes;
    Tensor y = Tensor.empty(Shape.of(dims), DType.F32, index.device());
    Checks.indexed(
        () ->
            index
                .backend()
                .oneHot(
                    index.typeCode(),
                    index.address(),
                    y.typeCode(),
                    y.address(),
                    index.size(),
                    classes));
    return Tape.record("oneHot", y, constant(index));
  }
}
