package io.gradus.benchmarks.pure;

import java.util.Arrays;

/**
 * Plain loops, as one writes them: what the JIT compiler makes of them is all the speed there is.
 */
public final class Loops implements Kernels {
  private static final float SQRT_2_OVER_PI = 0.7978845608f;
  private static final double EPS = 1e-5;
  private static final int GRAIN = 16_384; // elements that are worth a second thread

  private final Workers workers;

  public Loops(int threads) {
    workers = new Workers(threads);
  }

  @Override
  public void gemm(boolean ta, boolean tb, int m, int n, int k, float[] a, float[] b, float[] c) {
    split(m, (long) m * n * k, (from, to) -> gemmRows(from, to, ta, tb, m, n, k, a, b, c));
  }

  private static void gemmRows(
      int from,
      int to,
      boolean ta,
      boolean tb,
      int m,
      int n,
      int k,
      float[] a,
      float[] b,
      float[] c) {
    for (int i = from; i < to; i++) {
      if (tb) {
        for (int j = 0; j < n; j++) {
          float sum = 0;
          for (int p = 0; p < k; p++) {
            sum += a[ta ? p * m + i : i * k + p] * b[j * k + p];
          }
          c[i * n + j] = sum;
        }
      } else {
        // k outside: the inner loop runs along rows of B and C, and the JIT compiler packs it.
        Arrays.fill(c, i * n, (i + 1) * n, 0);
        for (int p = 0; p < k; p++) {
          float v = a[ta ? p * m + i : i * k + p];
          for (int j = 0; j < n; j++) {
            c[i * n + j] += v * b[p * n + j];
          }
        }
      }
    }
  }

  @Override
  public void add(float[] x, float[] y, float[] z) {
    split(
        x.length,
        x.length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
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
          for (int i = from; i < to; i++) {
            y[i] = gelu(x[i]);
          }
        });
  }

  private static float gelu(float v) {
    double inner = SQRT_2_OVER_PI * (v + 0.044715f * v * v * v);
    return 0.5f * v * (1 + (float) Math.tanh(inner));
  }

  @Override
  public void biasGelu(int rows, int columns, float[] x, float[] bias, float[] y) {
    split(
        rows,
        (long) rows * columns,
        (from, to) -> {
          for (int r = from; r < to; r++) {
            for (int j = 0; j < columns; j++) {
              y[r * columns + j] = gelu(x[r * columns + j] + bias[j]);
            }
          }
        });
  }

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
    float mean = 0;
    for (int i = at; i < at + columns; i++) {
      mean += x[i];
    }
    mean /= columns;
    float variance = 0;
    for (int i = at; i < at + columns; i++) {
      variance += (x[i] - mean) * (x[i] - mean);
    }
    float scale = (float) (1 / Math.sqrt(variance / columns + EPS));
    for (int j = 0; j < columns; j++) {
      y[at + j] = (x[at + j] - mean) * scale * weight[j] + bias[j];
    }
  }

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
            for (int i = r * columns; i < (r + 1) * columns; i++) {
              sum[i] = x[i] + residual[i];
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
            softmaxRow(r * columns, columns, x, y);
          }
        });
  }

  private static void softmaxRow(int at, int columns, float[] x, float[] y) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + columns; i++) {
      max = Math.max(max, x[i]);
    }
    float sum = 0;
    for (int i = at; i < at + columns; i++) {
      y[i] = (float) Math.exp(x[i] - max);
      sum += y[i];
    }
    for (int i = at; i < at + columns; i++) {
      y[i] /= sum;
    }
  }

  @Override
  public void biasRelu(int rows, int columns, float[] h, float[] bias) {
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < columns; j++) {
        h[r * columns + j] = Math.max(0, h[r * columns + j] + bias[j]);
      }
    }
  }

  @Override
  public void reluGrad(float[] h, float[] dh) {
    for (int i = 0; i < h.length; i++) {
      if (h[i] == 0) {
        dh[i] = 0;
      }
    }
  }

  @Override
  public void sumRows(int rows, int columns, float[] dy, float[] db) {
    for (int j = 0; j < columns; j++) {
      db[j] = 0;
    }
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < columns; j++) {
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
          for (int i = from; i < to; i++) {
            w[i] -= learningRate * dw[i];
          }
        });
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
