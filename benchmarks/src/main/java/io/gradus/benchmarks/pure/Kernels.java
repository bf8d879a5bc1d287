package io.gradus.benchmarks.pure;

/** The kernels that both pure-Java rivals have: matrices are row-major, as in Gradus. */
public interface Kernels extends AutoCloseable {

  /**
   * {@code c = a · b}, of sizes m x k and k x n; a flag says that the operand is stored transposed.
   */
  void gemm(boolean ta, boolean tb, int m, int n, int k, float[] a, float[] b, float[] c);

  void add(float[] x, float[] y, float[] z);

  void gelu(float[] x, float[] y);

  /** {@code y = gelu(x + bias)}, the bias along the columns. */
  void biasGelu(int rows, int columns, float[] x, float[] bias, float[] y);

  /** Each row at mean 0 and variance 1, times weight plus bias. */
  void layerNorm(int rows, int columns, float[] x, float[] weight, float[] bias, float[] y);

  /** {@code sum = residual + x}, and its rows normalized. */
  void addLayerNorm(
      int rows,
      int columns,
      float[] x,
      float[] residual,
      float[] weight,
      float[] bias,
      float[] sum,
      float[] y);

  void softmax(int rows, int columns, float[] x, float[] y);

  /** {@code h = max(0, h + bias)} in place, the bias along the columns. */
  void biasRelu(int rows, int columns, float[] h, float[] bias);

  /** {@code dh = 0} where {@code h} is 0, in place. */
  void reluGrad(float[] h, float[] dh);

  /** {@code db = } the sum of the rows of {@code dy}. */
  void sumRows(int rows, int columns, float[] dy, float[] db);

  void sgd(float[] w, float[] dw, float learningRate);

  @Override
  void close();
}
