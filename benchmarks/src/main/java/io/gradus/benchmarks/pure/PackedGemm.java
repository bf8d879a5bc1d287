package io.gradus.benchmarks.pure;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * GEMM on {@code jdk.incubator.vector} in the usual shape: A and B packed into panels, and a
 * register tile of 6 rows by 2 vectors, whose 12 accumulators hide the latency of the FMA and leave
 * AVX2's 16 registers room for B and the broadcast of A.
 */
final class PackedGemm {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final int MR = 6;
  private static final int NR = 2 * LANES;
  private static final int KC = 256; // a panel of B, KC x NR, stays in L1

  private final Workers workers;
  private final ThreadLocal<float[]> panel = ThreadLocal.withInitial(() -> new float[KC * NR]);
  private final ThreadLocal<float[]> edge = ThreadLocal.withInitial(() -> new float[MR * NR]);
  private float[] packedA = new float[0];

  PackedGemm(Workers workers) {
    this.workers = workers;
  }

  void gemm(boolean ta, boolean tb, int m, int n, int k, float[] a, float[] b, float[] c) {
    int strips = (m + MR - 1) / MR;
    if (packedA.length < strips * MR * k) {
      packedA = new float[strips * MR * k];
    }
    workers.run(strips, strip -> packA(strip, ta, m, k, a, packedA));

    // The longer side is split, in parts of whole tiles; few columns leave the rows to split.
    int panels = (n + NR - 1) / NR;
    if (panels >= workers.size()) {
      workers.run(panels, j -> tiles(0, strips, j, tb, m, n, k, b, c));
    } else {
      int parts = Math.min(strips, workers.size());
      workers.run(
          parts,
          part -> {
            for (int j = 0; j < panels; j++) {
              tiles(strips * part / parts, strips * (part + 1) / parts, j, tb, m, n, k, b, c);
            }
          });
    }
  }

  /** One panel of columns against the strips {@code from} to {@code to}, block after block of k. */
  private void tiles(
      int from, int to, int j, boolean tb, int m, int n, int k, float[] b, float[] c) {
    float[] packedB = panel.get();
    int column = j * NR;
    int columns = Math.min(NR, n - column);
    for (int k0 = 0; k0 < k; k0 += KC) {
      int kc = Math.min(KC, k - k0);
      packB(tb, k0, kc, column, columns, n, k, b, packedB);
      for (int strip = from; strip < to; strip++) {
        int row = strip * MR;
        int a0 = strip * MR * k + k0 * MR;
        if (columns == NR && row + MR <= m) {
          tile(kc, packedA, a0, packedB, c, row * n + column, n, k0 > 0);
        } else {
          edgeTile(kc, a0, packedB, c, row, Math.min(MR, m - row), column, columns, n, k0 > 0);
        }
      }
    }
  }

  private void edgeTile(
      int kc,
      int a0,
      float[] packedB,
      float[] c,
      int row,
      int rows,
      int column,
      int columns,
      int n,
      boolean accumulate) {
    float[] whole = edge.get();
    tile(kc, packedA, a0, packedB, whole, 0, NR, false);
    for (int i = 0; i < rows; i++) {
      int to = (row + i) * n + column;
      for (int j = 0; j < columns; j++) {
        c[to + j] = (accumulate ? c[to + j] : 0) + whole[i * NR + j];
      }
    }
  }

  private static void packA(int strip, boolean ta, int m, int k, float[] a, float[] packedA) {
    int row = strip * MR;
    int rows = Math.min(MR, m - row);
    int to = row * k;
    if (rows < MR) {
      Arrays.fill(packedA, to, to + MR * k, 0);
    }
    for (int i = 0; i < rows; i++) {
      int from = ta ? row + i : (row + i) * k;
      int step = ta ? m : 1;
      for (int p = 0; p < k; p++) {
        packedA[to + p * MR + i] = a[from + p * step];
      }
    }
  }

  private static void packB(
      boolean tb,
      int k0,
      int kc,
      int column,
      int columns,
      int n,
      int k,
      float[] b,
      float[] packedB) {
    if (columns < NR) {
      Arrays.fill(packedB, 0, kc * NR, 0);
    }
    if (tb) {
      for (int j = 0; j < columns; j++) {
        int from = (column + j) * k + k0;
        for (int p = 0; p < kc; p++) {
          packedB[p * NR + j] = b[from + p];
        }
      }
    } else {
      for (int p = 0; p < kc; p++) {
        System.arraycopy(b, (k0 + p) * n + column, packedB, p * NR, columns);
      }
    }
  }

  // Twelve names instead of an array: only locals stay in registers.
  private static void tile(
      int kc, float[] a, int a0, float[] b, float[] c, int c0, int ldc, boolean accumulate) {
    FloatVector c00 = FloatVector.zero(SPECIES);
    FloatVector c01 = c00;
    FloatVector c10 = c00;
    FloatVector c11 = c00;
    FloatVector c20 = c00;
    FloatVector c21 = c00;
    FloatVector c30 = c00;
    FloatVector c31 = c00;
    FloatVector c40 = c00;
    FloatVector c41 = c00;
    FloatVector c50 = c00;
    FloatVector c51 = c00;
    for (int p = 0; p < kc; p++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, p * NR);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, p * NR + LANES);
      int ap = a0 + p * MR;
      FloatVector v = FloatVector.broadcast(SPECIES, a[ap]);
      c00 = v.fma(b0, c00);
      c01 = v.fma(b1, c01);
      v = FloatVector.broadcast(SPECIES, a[ap + 1]);
      c10 = v.fma(b0, c10);
      c11 = v.fma(b1, c11);
      v = FloatVector.broadcast(SPECIES, a[ap + 2]);
      c20 = v.fma(b0, c20);
      c21 = v.fma(b1, c21);
      v = FloatVector.broadcast(SPECIES, a[ap + 3]);
      c30 = v.fma(b0, c30);
      c31 = v.fma(b1, c31);
      v = FloatVector.broadcast(SPECIES, a[ap + 4]);
      c40 = v.fma(b0, c40);
      c41 = v.fma(b1, c41);
      v = FloatVector.broadcast(SPECIES, a[ap + 5]);
      c50 = v.fma(b0, c50);
      c51 = v.fma(b1, c51);
    }
    store(c00, c01, c, c0, accumulate);
    store(c10, c11, c, c0 + ldc, accumulate);
    store(c20, c21, c, c0 + 2 * ldc, accumulate);
    store(c30, c31, c, c0 + 3 * ldc, accumulate);
    store(c40, c41, c, c0 + 4 * ldc, accumulate);
    store(c50, c51, c, c0 + 5 * ldc, accumulate);
  }

  private static void store(FloatVector v0, FloatVector v1, float[] c, int at, boolean accumulate) {
    if (accumulate) {
      v0 = v0.add(FloatVector.fromArray(SPECIES, c, at));
      v1 = v1.add(FloatVector.fromArray(SPECIES, c, at + LANES));
    }
    v0.intoArray(c, at);
    v1.intoArray(c, at + LANES);
  }
}
