package io.gradus.benchmarks.pure;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Loops over {@code jdk.incubator.vector}: the fastest that Java reaches without native code. */
public final class Packed implements Kernels {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final double EPS = 1e-5;
  private static final int GRAIN = 16_384; // elements that are worth a second thread

  private final Workers workers;
  private final PackedGemm gemm;

  public Packed(int threads) {
    workers = new Workers(threads);
    gemm = new PackedGemm(workers);
  }

  @Override
  public void gemm(boolean ta, boolean tb, int m, int n, int k, float[] a, float[] b, float[] c) {
    gemm.gemm(ta, tb, m, n, k, a, b, c);
  }

  @Override
  public void add(float[] x, float[] y, float[] z) {
    split(
        x.length,
        x.length,
        (from, to) -> {
          int i = from;
          for (; i <= to - LANES; i += LANES) {
            load(x, i).add(load(y, i)).intoArray(z, i);
          }
          for (; i < to; i++) {
            z[i] = x[i] + y[i];
          }
        });
  }

  @Override
  public void gelu(float[] x, float[] y) {
    split(
        x.length,
        x.length,
        (from, to) -> {
          int i = from;
          for (; i <= to - LANES; i += LANES) {
            gelu(load(x, i)).intoArray(y, i);
          }
          if (i < to) {
            var rest = SPECIES.indexInRange(i, to);
            gelu(FloatVector.fromArray(SPECIES, x, i, rest)).intoArray(y, i, rest);
          }
        });
  }

  /** {@code 0.5 v (1 + tanh u) = v / (1 + exp(-2u))}, which needs one exponential and no tanh. */
  private static FloatVector gelu(FloatVector v) {
    FloatVector u = v.mul(v).fma(0.044715f * 0.7978845608f, 0.7978845608f).mul(v);
    return v.div(exp(u.mul(-2)).add(1));
  }

  /** For columns in whole vectors, as everywhere where it is measured. */
  @Override
  public void biasGelu(int rows, int columns, float[] x, float[] bias, float[] y) {
    split(
        rows,
        (long) rows * columns,
        (from, to) -> {
          for (int r = from; r < to; r++) {
            for (int j = 0; j < columns; j += LANES) {
              int i = r * columns + j;
              gelu(load(x, i).add(load(bias, j))).intoArray(y, i);
            }
          }
        });
  }

  /** For columns in whole vectors. */
  @Override
  public void layerNorm(int rows, int columns, float[] x, float[] weight, float[] bias, float[] y) {
    split(
        rows,
        (long) rows * columns,
        (from, to) -> {
          for (int r = from; r < to; r++) {
            layerNormRow(r * columns, columns, x, weight, bias, y);
          }
        });
  }

  private static void layerNormRow(
      int at, int columns, float[] x, float[] weight, float[] bias, float[] y) {
    FloatVector sums = FloatVector.zero(SPECIES);
    for (int i = at; i < at + columns; i += LANES) {
      sums = sums.add(load(x, i));
    }
    float mean = sums.reduceLanes(VectorOperators.ADD) / columns;
    FloatVector squares = FloatVector.zero(SPECIES);
    for (int i = at; i < at + columns; i += LANES) {
      FloatVector d = load(x, i).sub(mean);
      squares = d.fma(d, squares);
    }
    float variance = squares.reduceLanes(VectorOperators.ADD) / columns;
    float scale = (float) (1 / Math.sqrt(variance + EPS));
    for (int j = 0; j < columns; j += LANES) {
      FloatVector n = load(x, at + j).sub(mean).mul(scale);
      n.fma(load(weight, j), load(bias, j)).intoArray(y, at + j);
    }
  }

  /** For columns in whole vectors. */
  @Override
  public void addLayerNorm(
      int rows,
      int columns,
      float[] x,
      float[] residual,
      float[] weight,
      float[] bias,
      float[] sum,
      float[] y) {
    split(
        rows,
        (long) rows * columns,
        (from, to) -> {
          for (int r = from; r < to; r++) {
            for (int i = r * columns; i < (r + 1) * columns; i += LANES) {
              load(x, i).add(load(residual, i)).intoArray(sum, i);
            }
            layerNormRow(r * columns, columns, sum, weight, bias, y);
          }
        });
  }

  @Override
  public void softmax(int rows, int columns, float[] x, float[] y) {
    split(
        rows,
        (long) rows * columns,
        (from, to) -> {
          for (int r = from; r < to; r++) {
            softmaxRow(r * columns, (r + 1) * columns, x, y);
          }
        });
  }

  private static void softmaxRow(int from, int to, float[] x, float[] y) {
    int body = to - (to - from) % LANES;
    FloatVector maxes = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    for (int i = from; i < body; i += LANES) {
      maxes = maxes.max(load(x, i));
    }
    float max = maxes.reduceLanes(VectorOperators.MAX);
    for (int i = body; i < to; i++) {
      max = Math.max(max, x[i]);
    }
    FloatVector sums = FloatVector.zero(SPECIES);
    for (int i = from; i < body; i += LANES) {
      FloatVector e = exp(load(x, i).sub(max));
      e.intoArray(y, i);
      sums = sums.add(e);
    }
    float sum = sums.reduceLanes(VectorOperators.ADD);
    for (int i = body; i < to; i++) {
      y[i] = (float) Math.exp(x[i] - max);
      sum += y[i];
    }
    float scale = 1 / sum;
    for (int i = from; i < body; i += LANES) {
      load(y, i).mul(scale).intoArray(y, i);
    }
    for (int i = body; i < to; i++) {
      y[i] *= scale;
    }
  }

  /**
   * The Vector API's own {@code EXP} runs lane by lane in Java wherever its native library lacks
   * the shape. Here {@code exp(x) = 2^n exp(r)}, {@code |r| <= ln(2) / 2}, with a Taylor polynomial
   * of degree 6 for {@code exp(r)} and the exponent bits for {@code 2^n}.
   */
  private static FloatVector exp(FloatVector x) {
    FloatVector clamped = x.max(-87).min(88);
    // Adding 1.5 x 2^23 rounds to a whole number and leaves it in the low bits.
    FloatVector shifted = clamped.fma(1.44269504f, 12582912f);
    FloatVector n = shifted.sub(12582912f);
    FloatVector r = n.fma(-0.693359375f, 0).add(clamped).add(n.mul(2.12194440e-4f));
    FloatVector p =
        r.fma(1 / 720f, 1 / 120f)
            .fma(r, FloatVector.broadcast(SPECIES, 1 / 24f))
            .fma(r, FloatVector.broadcast(SPECIES, 1 / 6f))
            .fma(r, FloatVector.broadcast(SPECIES, 1 / 2f))
            .fma(r, FloatVector.broadcast(SPECIES, 1))
            .fma(r, FloatVector.broadcast(SPECIES, 1));
    IntVector bits = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    return p.reinterpretAsInts().add(bits).reinterpretAsFloats();
  }

  @Override
  public void biasRelu(int rows, int columns, float[] h, float[] bias) {
    for (int r = 0; r < rows; r++) {
      int row = r * columns;
      int j = 0;
      for (; j <= columns - LANES; j += LANES) {
        load(h, row + j).add(load(bias, j)).max(0).intoArray(h, row + j);
      }
      for (; j < columns; j++) {
        h[row + j] = Math.max(0, h[row + j] + bias[j]);
      }
    }
  }

  @Override
  public void reluGrad(float[] h, float[] dh) {
    int i = 0;
    for (; i <= h.length - LANES; i += LANES) {
      var dead = load(h, i).eq(0);
      load(dh, i).blend(0, dead).intoArray(dh, i);
    }
    for (; i < h.length; i++) {
      if (h[i] == 0) {
        dh[i] = 0;
      }
    }
  }

  @Override
  public void sumRows(int rows, int columns, float[] dy, float[] db) {
    int j = 0;
    for (; j <= columns - LANES; j += LANES) {
      FloatVector sum = load(dy, j);
      for (int r = 1; r < rows; r++) {
        sum = sum.add(load(dy, r * columns + j));
      }
      sum.intoArray(db, j);
    }
    for (; j < columns; j++) {
      db[j] = 0;
      for (int r = 0; r < rows; r++) {
        db[j] += dy[r * columns + j];
      }
    }
  }

  @Override
  public void sgd(float[] w, float[] dw, float learningRate) {
    split(
        w.length,
        w.length,
        (from, to) -> {
          FloatVector step = FloatVector.broadcast(SPECIES, -learningRate);
          int i = from;
          for (; i <= to - LANES; i += LANES) {
            load(dw, i).fma(step, load(w, i)).intoArray(w, i);
          }
          for (; i < to; i++) {
            w[i] -= learningRate * dw[i];
          }
        });
  }

  private static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(SPECIES, x, at);
  }

  private interface Range {
    void run(int from, int to);
  }

  private void split(int length, long work, Range range) {
    int parts = work < GRAIN ? 1 : Math.min(workers.size(), length);
    workers.run(
        parts,
        part ->
            range.run(
                (int) ((long) length * part / parts), (int) ((long) length * (part + 1) / parts)));
  }

  @Override
  public void close() {
    workers.close();
  }
}
