package io.gradus.op;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Every op as its formula, in plain loops over doubles. Slow, obvious, and without a line in common
 * with the kernels it judges.
 */
final class Reference {

  private Reference() {}

  // Reductions

  /** Whether an axis is among those reduced; none named means all. */
  private static boolean reduced(int axis, int rank, int... axes) {
    for (int a : axes) {
      if ((a < 0 ? a + rank : a) == axis) {
        return true;
      }
    }
    return axes.length == 0;
  }

  private static Shape reducedShape(Shape shape, boolean keepDims, int... axes) {
    List<Long> dims = new ArrayList<>();
    for (int axis = 0; axis < shape.rank(); axis++) {
      if (!reduced(axis, shape.rank(), axes)) {
        dims.add(shape.dim(axis));
      } else if (keepDims) {
        dims.add(1L);
      }
    }
    return Shape.of(dims.stream().mapToLong(Long::longValue).toArray());
  }

  static Doubles sum(Doubles x, boolean keepDims, int... axes) {
    Shape narrow = reducedShape(x.shape(), true, axes);
    double[] y = new double[(int) narrow.size()];
    Doubles.of(
        x.shape(),
        i -> {
          long offset = 0;
          for (int axis = 0; axis < i.length; axis++) {
            offset = offset * narrow.dim(axis) + (reduced(axis, i.length, axes) ? 0 : i[axis]);
          }
          y[(int) offset] += x.at(i);
          return 0;
        });
    return new Doubles(reducedShape(x.shape(), keepDims, axes), y);
  }

  static Doubles mean(Doubles x, boolean keepDims, int... axes) {
    Doubles sums = sum(x, keepDims, axes);
    double count = (double) x.shape().size() / Math.max(1, sums.shape().size());
    return sums.map(s -> s / count);
  }

  static Doubles max(Doubles x, boolean keepDims, int... axes) {
    Shape narrow = reducedShape(x.shape(), true, axes);
    double[] y = new double[(int) narrow.size()];
    java.util.Arrays.fill(y, Double.NEGATIVE_INFINITY);
    Doubles.of(
        x.shape(),
        i -> {
          long offset = 0;
          for (int axis = 0; axis < i.length; axis++) {
            offset = offset * narrow.dim(axis) + (reduced(axis, i.length, axes) ? 0 : i[axis]);
          }
          y[(int) offset] = Math.max(y[(int) offset], x.at(i)); // NaN wins in Math.max
          return 0;
        });
    return new Doubles(reducedShape(x.shape(), keepDims, axes), y);
  }

  /** The first index of the largest element; a NaN counts as the largest. */
  static Doubles argmax(Doubles x, int axis) {
    int along = x.shape().axis(axis);
    return Doubles.of(
        x.shape().without(along),
        i -> {
          long best = 0;
          for (long j = 1; j < x.dim(along); j++) {
            double here = x.at(insert(i, along, j));
            double largest = x.at(insert(i, along, best));
            if (here > largest || Double.isNaN(here) && !Double.isNaN(largest)) {
              best = j;
            }
          }
          return best;
        });
  }

  private static long[] insert(long[] index, int axis, long value) {
    long[] longer = new long[index.length + 1];
    for (int i = 0; i < longer.length; i++) {
      longer[i] = i < axis ? index[i] : i == axis ? value : index[i - 1];
    }
    return longer;
  }

  private static long[] with(long[] index, int axis, long value) {
    long[] copy = index.clone();
    copy[axis] = value;
    return copy;
  }

  // Linear algebra

  /** The last two axes multiply; those before them are batches and broadcast. */
  static Doubles matmul(Doubles a, Doubles b) {
    int rank = Math.max(a.rank(), b.rank());
    long m = a.dim(-2);
    long n = b.dim(-1);
    Shape batches = Doubles.broadcast(batches(a), batches(b));
    long[] dims = java.util.Arrays.copyOf(batches.toArray(), rank);
    dims[rank - 2] = m;
    dims[rank - 1] = n;
    return Doubles.of(
        Shape.of(dims),
        i -> {
          double sum = 0;
          for (long k = 0; k < a.dim(-1); k++) {
            sum += batched(a, i, i[rank - 2], k) * batched(b, i, k, i[rank - 1]);
          }
          return sum;
        });
  }

  private static Shape batches(Doubles x) {
    return Shape.of(java.util.Arrays.copyOf(x.shape().toArray(), x.rank() - 2));
  }

  /** Element (row, column) of the matrix that belongs to an index of the result. */
  private static double batched(Doubles x, long[] i, long row, long column) {
    long[] index = new long[x.rank()];
    for (int back = 3; back <= x.rank(); back++) {
      index[x.rank() - back] = x.dim(-back) == 1 ? 0 : i[i.length - back];
    }
    index[x.rank() - 2] = row;
    index[x.rank() - 1] = column;
    return x.at(index);
  }

  static Doubles matmulNT(Doubles a, Doubles b) {
    return matmul(a, transpose(b, -2, -1));
  }

  static Doubles matmulTN(Doubles a, Doubles b) {
    return matmul(transpose(a, -2, -1), b);
  }

  /** {@code y = x · wᵀ}, with w as (outputs, inputs). */
  static Doubles linear(Doubles x, Doubles w) {
    return Doubles.of(
        x.shape().with(-1, w.dim(0)),
        i -> {
          double sum = 0;
          for (long k = 0; k < w.dim(1); k++) {
            sum += x.at(with(i, i.length - 1, k)) * w.at(i[i.length - 1], k);
          }
          return sum;
        });
  }

  static Doubles linear(Doubles x, Doubles w, Doubles bias) {
    return linear(x, w).zip(bias, Double::sum);
  }

  // Softmax

  /** {@code y = exp(x) / Σ exp(x)} over the last axis, shifted by its largest element. */
  static Doubles softmax(Doubles x) {
    return logSoftmax(x).map(Math::exp);
  }

  // Attention

  /** Whether query i sees key j: of (queries, keys) with the last query at the last key. */
  private interface Sees {
    boolean test(long i, long j);
  }

  /**
   * Heads one by one, with all scores in memory: q (batch, queries, heads, d), k and v (batch,
   * keys, kvHeads, d).
   */
  static Doubles attention(Doubles q, Doubles k, Doubles v, boolean causal) {
    long offset = k.dim(1) - q.dim(1);
    return attention(q, k, v, (i, j) -> !causal || j <= i + offset);
  }

  private static Doubles attention(Doubles q, Doubles k, Doubles v, Sees sees) {
    int keys = (int) k.dim(1);
    int d = (int) q.dim(3);
    long group = q.dim(2) / k.dim(2);
    Doubles y = new Doubles(q.shape(), new double[q.values().length]);
    for (long b = 0; b < q.dim(0); b++) {
      for (long i = 0; i < q.dim(1); i++) {
        for (long h = 0; h < q.dim(2); h++) {
          double[] scores = new double[keys];
          boolean blind = true;
          for (int j = 0; j < keys; j++) {
            for (int e = 0; e < d; e++) {
              scores[j] += q.at(b, i, h, e) * k.at(b, j, h / group, e) / Math.sqrt(d);
            }
            scores[j] = sees.test(i, j) ? scores[j] : Double.NEGATIVE_INFINITY;
            blind &= !sees.test(i, j);
          }
          if (blind) {
            continue; // 0
          }
          double[] weights = softmax(new Doubles(Shape.of(keys), scores)).values();
          for (int e = 0; e < d; e++) {
            double sum = 0;
            for (int j = 0; j < keys; j++) {
              sum += weights[j] == 0 ? 0 : weights[j] * v.at(b, j, h / group, e);
            }
            y.values()[(int) (((b * q.dim(1) + i) * q.dim(2) + h) * d + e)] = sum;
          }
        }
      }
    }
    return y;
  }

  /** Of queries, keys and values beside each other in (batch, time, width). */
  static Doubles attention(Doubles qkv, int heads, int kvHeads, boolean causal) {
    int d = (int) qkv.dim(2) / (heads + 2 * kvHeads);
    Doubles y =
        attention(
            heads(qkv, 0, heads, d),
            heads(qkv, heads, kvHeads, d),
            heads(qkv, heads + kvHeads, kvHeads, d),
            causal);
    return y.reshape(Shape.of(qkv.dim(0), qkv.dim(1), (long) heads * d));
  }

  static Doubles attention(Doubles q, Doubles kv, int heads, int kvHeads, boolean causal) {
    int d = (int) q.dim(2) / heads;
    return attention(
            heads(q, 0, heads, d), heads(kv, 0, kvHeads, d), heads(kv, kvHeads, kvHeads, d), causal)
        .reshape(q.shape());
  }

  private static Doubles heads(Doubles qkv, int first, int heads, int d) {
    return Doubles.of(
        Shape.of(qkv.dim(0), qkv.dim(1), heads, d),
        i -> qkv.at(i[0], i[1], (first + i[2]) * d + i[3]));
  }

  static Doubles logSoftmax(Doubles x) {
    int last = x.rank() - 1;
    Doubles sums = Doubles.of(x.shape().with(last, 1), i -> logSumExp(x, i, last));
    return Doubles.of(x.shape(), i -> x.at(i) - sums.at(with(i, last, 0)));
  }

  private static double logSumExp(Doubles x, long[] index, int axis) {
    double largest = Double.NEGATIVE_INFINITY;
    for (long j = 0; j < x.dim(axis); j++) {
      largest = Math.max(largest, x.at(with(index, axis, j)));
    }
    double sum = 0;
    for (long j = 0; j < x.dim(axis); j++) {
      sum += Math.exp(x.at(with(index, axis, j)) - largest);
    }
    return largest + Math.log(sum);
  }

  // Activations

  /** The normal distribution below x: a series near 0, Laplace's continued fraction far out. */
  static double normal(double x) {
    double density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    if (Double.isNaN(x) || Math.abs(x) > 40) {
      return Double.isNaN(x) ? x : x > 0 ? 1 : 0;
    }
    if (Math.abs(x) > 4) {
      double fraction = Math.abs(x);
      for (int k = 200; k > 0; k--) {
        fraction = Math.abs(x) + k / fraction;
      }
      return x > 0 ? 1 - density / fraction : density / fraction;
    }
    double sum = 0;
    double term = x;
    for (int k = 1; k < 200; k++) {
      sum += term;
      term *= x * x / (2 * k + 1);
    }
    return 0.5 + density * sum;
  }

  /** A series near 0; further out, what the normal distribution leaves of 1. */
  static double erf(double x) {
    if (Math.abs(x) > 2) {
      return Math.signum(x) * (1 - 2 * normal(-Math.abs(x) * Math.sqrt(2)));
    }
    double sum = 0;
    double term = x;
    for (int k = 1; k < 100; k++) {
      sum += term;
      term *= 2 * x * x / (2 * k + 1);
    }
    return Math.copySign(2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum, x);
  }

  static double geluErf(double x) {
    return x * normal(x);
  }

  /** {@code silu(gate) · up}, the two halves of the last axis. */
  static Doubles swiglu(Doubles x) {
    int last = x.rank() - 1;
    long n = x.dim(-1) / 2;
    return Doubles.of(
        x.shape().with(last, n),
        i -> {
          double gate = x.at(i);
          return gate / (1 + Math.exp(-gate)) * x.at(with(i, last, i[last] + n));
        });
  }

  // Normalization

  /** {@code (x - mean) / sqrt(variance + eps)} over the last axis. */
  static Doubles layerNorm(Doubles x, double eps) {
    Doubles centred = x.zip(mean(x, true, -1), (a, m) -> a - m);
    return rmsNorm(centred, eps);
  }

  /** {@code x / sqrt(mean(x²) + eps)} over the last axis. */
  static Doubles rmsNorm(Doubles x, double eps) {
    return x.zip(mean(x.map(a -> a * a), true, -1), (a, m) -> a / Math.sqrt(m + eps));
  }

  // Losses

  /** The mean of {@code -logSoftmax(logits)[label]} over the rows whose label is not ignored. */
  static Doubles crossEntropy(Doubles logits, Doubles labels, long ignored) {
    Doubles rows = logits.reshape(Shape.of(labels.shape().size(), logits.dim(-1)));
    Doubles logs = logSoftmax(rows);
    double sum = 0;
    long count = 0;
    for (int row = 0; row < rows.dim(0); row++) {
      long label = (long) labels.values()[row];
      if (label != ignored) {
        sum -= logs.at(row, label);
        count++;
      }
    }
    return Doubles.scalar(sum / count);
  }

  // Shapes

  static Doubles slice(Doubles x, long from, long to) {
    return Doubles.of(x.shape().with(0, to - from), i -> x.at(with(i, 0, i[0] + from)));
  }

  static Doubles narrow(Doubles x, int axis, long from, long count) {
    int along = x.shape().axis(axis);
    return Doubles.of(x.shape().with(along, count), i -> x.at(with(i, along, i[along] + from)));
  }

  static Doubles permute(Doubles x, int... order) {
    long[] dims = new long[order.length];
    for (int axis = 0; axis < order.length; axis++) {
      dims[axis] = x.dim(order[axis]);
    }
    return Doubles.of(
        Shape.of(dims),
        i -> {
          long[] from = new long[order.length];
          for (int axis = 0; axis < order.length; axis++) {
            from[x.shape().axis(order[axis])] = i[axis];
          }
          return x.at(from);
        });
  }

  static Doubles transpose(Doubles x, int first, int second) {
    int[] order = new int[x.rank()];
    java.util.Arrays.setAll(order, axis -> axis);
    order[x.shape().axis(first)] = x.shape().axis(second);
    order[x.shape().axis(second)] = x.shape().axis(first);
    return permute(x, order);
  }

  static Doubles expand(Doubles x, Shape shape) {
    return Doubles.of(shape, x::spread);
  }

  static Doubles concat(int axis, Doubles... parts) {
    int along = parts[0].shape().axis(axis);
    long length = 0;
    for (Doubles part : parts) {
      length += part.dim(along);
    }
    return Doubles.of(
        parts[0].shape().with(along, length),
        i -> {
          long place = i[along];
          int part = 0;
          while (place >= parts[part].dim(along)) {
            place -= parts[part++].dim(along);
          }
          return parts[part].at(with(i, along, place));
        });
  }

  static Doubles stack(int axis, Doubles... parts) {
    int rank = parts[0].rank() + 1;
    int along = axis < 0 ? axis + rank : axis;
    Doubles[] raised = new Doubles[parts.length];
    for (int p = 0; p < parts.length; p++) {
      raised[p] = parts[p].reshape(Shape.of(insert(parts[p].shape().toArray(), along, 1)));
    }
    return concat(along, raised);
  }

  // Positions

  /** Pair (i, i + size / 2) of each head turned by {@code position · theta^(-2i / size)}. */
  static Doubles rotary(Doubles x, int heads, int size, double theta, Doubles positions) {
    return Doubles.of(
        x.shape(),
        i -> {
          if (i[2] >= (long) heads * size) {
            return x.at(i);
          }
          long place = i[2] % size;
          boolean first = place < size / 2;
          double angle =
              positions.at(i[0], i[1]) * Math.pow(theta, -2.0 * (place % (size / 2)) / size);
          double other = x.at(with(i, 2, i[2] + (first ? size / 2 : -size / 2)));
          return x.at(i) * Math.cos(angle) + (first ? -other : other) * Math.sin(angle);
        });
  }

  /** From a first position on, as (batch, time). */
  static Doubles counted(Doubles x, int first) {
    return Doubles.of(Shape.of(x.dim(0), x.dim(1)), i -> first + i[1]);
  }

  // Indexing

  /** {@code y[..j..] = x[..index[..j..]..]}, the index standing in for one axis. */
  static Doubles gather(Doubles x, int axis, Doubles index) {
    int along = x.shape().axis(axis);
    return Doubles.of(index.shape(), i -> x.at(with(i, along, (long) index.at(i))));
  }

  static Doubles takeRows(Doubles x, Doubles index) {
    int lead = index.rank();
    long[] dims = new long[lead + x.rank() - 1];
    for (int axis = 0; axis < dims.length; axis++) {
      dims[axis] = axis < lead ? index.dim(axis) : x.dim(axis - lead + 1);
    }
    return Doubles.of(
        Shape.of(dims),
        i -> {
          long[] from = new long[x.rank()];
          from[0] = (long) index.at(java.util.Arrays.copyOf(i, lead));
          System.arraycopy(i, lead, from, 1, x.rank() - 1);
          return x.at(from);
        });
  }

  static Doubles addRows(Doubles x, Doubles index, long rows) {
    return Doubles.of(
        x.shape().with(0, rows),
        i -> {
          double sum = 0;
          for (long j = 0; j < x.dim(0); j++) {
            sum += index.at(j) == i[0] ? x.at(with(i, 0, j)) : 0;
          }
          return sum;
        });
  }

  static Doubles oneHot(Doubles index, long classes) {
    long[] dims = java.util.Arrays.copyOf(index.shape().toArray(), index.rank() + 1);
    dims[index.rank()] = classes;
    return Doubles.of(
        Shape.of(dims),
        i -> index.at(java.util.Arrays.copyOf(i, index.rank())) == i[index.rank()] ? 1 : 0);
  }

  static Doubles where(Doubles mask, Doubles a, Doubles b) {
    Shape wide = Doubles.broadcast(mask.shape(), Doubles.broadcast(a.shape(), b.shape()));
    return Doubles.of(wide, i -> mask.spread(i) != 0 ? a.spread(i) : b.spread(i));
  }

  // Random numbers

  /** Word {@code i % 4} of block {@code i / 4}, with the stream in the counter's upper half. */
  private static long word(Seed seed, long i) {
    return philox(new long[] {i / 4 & 0xffffffffL, i / 4 >>> 32, 0, 0}, seed.value())[
        (int) (i % 4)];
  }

  /** Philox4x32-10, as in table 2 of Salmon et al. 2011. */
  static long[] philox(long[] counter, long key) {
    long mask = 0xffffffffL;
    long[] c = counter.clone();
    long k0 = key & mask;
    long k1 = key >>> 32;
    for (int round = 0; round < 10; round++) {
      long p0 = 0xD2511F53L * c[0];
      long p1 = 0xCD9E8D57L * c[2];
      c = new long[] {(p1 >>> 32) ^ c[1] ^ k0, p1 & mask, (p0 >>> 32) ^ c[3] ^ k1, p0 & mask};
      k0 = (k0 + 0x9E3779B9L) & mask;
      k1 = (k1 + 0xBB67AE85L) & mask;
    }
    return c;
  }

  static Doubles uniform(Shape shape, Seed seed, double low, double high) {
    Doubles y = new Doubles(shape, new double[(int) shape.size()]);
    for (int i = 0; i < y.values().length; i++) {
      y.values()[i] = low + (high - low) * (word(seed, i) >>> 8) * 0x1p-24;
    }
    return y;
  }

  /** Box and Muller 1958: a radius from one word, an angle from the next. */
  static Doubles normal(Shape shape, Seed seed, double mean, double deviation) {
    Doubles y = new Doubles(shape, new double[(int) shape.size()]);
    for (int i = 0; i < y.values().length; i++) {
      double u = ((word(seed, i & ~1) >>> 1) + 0.5) * 0x1p-31;
      double angle = 2 * Math.PI * word(seed, i | 1) * 0x1p-32;
      double turn = (i & 1) == 0 ? Math.cos(angle) : Math.sin(angle);
      y.values()[i] = mean + deviation * Math.sqrt(-2 * Math.log(u)) * turn;
    }
    return y;
  }

  static Doubles dropout(Doubles x, double p, Seed seed) {
    Doubles y = new Doubles(x.shape(), new double[x.values().length]);
    for (int i = 0; i < y.values().length; i++) {
      boolean kept = word(seed, i) >= Math.rint(p * 0x1p32);
      y.values()[i] = kept ? x.values()[i] / (1 - p) : 0;
    }
    return y;
  }
}
