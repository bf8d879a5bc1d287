package io.gradus.benchmarks;

import java.util.Random;

/** Every shape that is measured, and how much work each one is. */
public final class Sizes {
  public static final int THREADS = Integer.getInteger("gradus.threads", cores());

  public static final int MLP_IN = 784;
  public static final int MLP_HIDDEN = 256;
  public static final int MLP_OUT = 10;
  public static final float LEARNING_RATE = 0.01f;

  // m x n x k, then the layout of the operands: n as it is, t transposed. The MLP's own products
  // first, because they are small and decide its step; then a square one for the peak; then those
  // of
  // GPT-2 for 256 tokens, of small transformers for 2048, and of one generated token.
  public static final String FORWARD_B32 = "32x256x784 nt";
  public static final String FORWARD_B64 = "64x256x784 nt";
  public static final String FORWARD_B256 = "256x256x784 nt";
  public static final String WEIGHTS_B32 = "256x784x32 tn";
  public static final String WEIGHTS_B64 = "256x784x64 tn";
  public static final String WEIGHTS_B256 = "256x784x256 tn";
  public static final String LOGITS_B32 = "32x10x256 nt";
  public static final String SQUARE = "1024x1024x1024 nn";
  public static final String GPT2_QKV = "256x2304x768 nt";
  public static final String GPT2_OUT = "256x768x3072 nt";
  public static final String GPT2_INPUT_GRAD = "256x768x3072 nn";
  public static final String GPT2_WEIGHT_GRAD = "3072x768x256 tn";
  public static final String GPT2_HEAD = "256x50257x768 nt";
  public static final String SMALL_UP = "2048x1536x384 nt";
  public static final String SMALL_DOWN = "2048x384x1536 nt";
  public static final String BERT_UP = "1024x3072x768 nt";
  public static final String TOKEN_UP = "1x3072x768 nt";
  public static final String TOKEN_HEAD = "1x50257x768 nt";

  // rows x columns: one that stays in L2 and one that goes to memory.
  public static final String SMALL = "256x256";
  public static final String LARGE = "4096x3072";
  public static final String SOFTMAX = "12288x256";
  public static final String LAYER_NORM = "layerNorm 4096x768";
  public static final String ADD_LAYER_NORM = "addLayerNorm 4096x768";
  public static final String BIAS_GELU = "biasGelu 4096x3072";

  // batch x heads x time x head size: the layers of GPT-2 at its full length and at a quarter.
  public static final String ATTENTION_LONG = "1x12x1024x64";
  public static final String ATTENTION_SHORT = "4x12x256x64";

  /** One matrix product: {@code c = a · b} of sizes m x k and k x n. */
  public record Gemm(boolean ta, boolean tb, int m, int n, int k) {
    public static Gemm parse(String text) {
      String[] parts = text.split("[x ]");
      return new Gemm(
          parts[3].charAt(0) == 't',
          parts[3].charAt(1) == 't',
          Integer.parseInt(parts[0]),
          Integer.parseInt(parts[1]),
          Integer.parseInt(parts[2]));
    }

    public double flops() {
      return 2.0 * m * n * k;
    }

    /** Compares the corners of {@code c} with sums in double. */
    public void check(float[] a, float[] b, float[] c) {
      for (int i : new int[] {0, m - 1}) {
        for (int j : new int[] {0, n - 1}) {
          double sum = 0;
          for (int p = 0; p < k; p++) {
            sum += (double) a[ta ? p * m + i : i * k + p] * b[tb ? j * k + p : p * n + j];
          }
          if (!(Math.abs(sum - c[i * n + j]) < 1e-3)) {
            throw new IllegalStateException(
                "gemm: wrong product at (%d, %d): %s instead of %s"
                    .formatted(i, j, c[i * n + j], sum));
          }
        }
      }
    }
  }

  /** A matrix that an op reads and writes. */
  public record Matrix(int rows, int columns) {
    public static Matrix parse(String text) {
      String[] parts = text.split("x");
      return new Matrix(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
    }

    public int size() {
      return rows * columns;
    }

    /** The least traffic of an op that touches so many such matrices once each. */
    public double bytes(int matrices) {
      return 4.0 * size() * matrices;
    }
  }

  /** Causal attention. */
  public record Heads(int batch, int heads, int time, int size) {
    public static Heads parse(String text) {
      String[] parts = text.split("x");
      return new Heads(
          Integer.parseInt(parts[0]),
          Integer.parseInt(parts[1]),
          Integer.parseInt(parts[2]),
          Integer.parseInt(parts[3]));
    }

    /** Of scores that are seen alone: 2 products forward, 5 backward with the scores again. */
    public double flops(boolean backward) {
      return (backward ? 7 : 2) * 2.0 * batch * heads * size * time * (time + 1) / 2;
    }
  }

  /** Forward, and the gradients of both weights and of the hidden layer. */
  public static double mlpFlops(int batch) {
    return 2.0 * batch * (2 * MLP_IN * MLP_HIDDEN + 3 * MLP_HIDDEN * MLP_OUT);
  }

  /** Uniform in (-bound, bound), the same at every call. */
  public static float[] uniform(int size, float bound, long seed) {
    var random = new Random(seed);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (2 * random.nextFloat() - 1) * bound;
    }
    return values;
  }

  public static int[] labels(int size, long seed) {
    return new Random(seed).ints(size, 0, MLP_OUT).toArray();
  }

  private static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  private Sizes() {}
}
