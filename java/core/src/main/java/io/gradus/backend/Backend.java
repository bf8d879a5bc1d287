package io.gradus.backend;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.CriticalRegion;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * The native boundary as Java sees it: {@code gradus::Backend} of {@code
 * native/include/gradus/backend.h}, method by method, with that file's contracts. Element types are
 * codes, operands are addresses, and nothing is checked here: ops do that before they call.
 */
@Platform(include = "gradus/plugin.h", compiler = "cpp17", link = "dl")
@Namespace("gradus")
@Name("Backend")
public final class Backend extends Pointer {

  static {
    loadGlue();
  }

  /**
   * Not left to JavaCPP, which takes the glue of an earlier build for this one's where both have
   * the same size.
   */
  private static void loadGlue() {
    String platform = Loader.getPlatform();
    String name = System.mapLibraryName("jniBackend");
    Path glue = Unpacked.resource("io/gradus/backend/" + platform + "/" + name);
    if (glue == null) {
      throw new UnsatisfiedLinkError("no " + name + " for " + platform);
    }
    System.load(glue.toAbsolutePath().toString());
  }

  private Backend(Pointer pointer) {
    super(pointer);
  }

  /** Opens the backend library at a path; fails with the system's reason. */
  public static native Backend open(
      String path, String blasPath, int engine, int threads, @Cast("int64_t") long memoryLimit);

  /** Opens the library of a GPU's backend; settings are lines {@code name=value}. */
  public static native Backend openCuda(
      String path, int device, @Cast("int64_t") long memoryLimit, String settings);

  /** The x86-64 level of this processor, 1 to 4; 0 on another architecture. */
  public static native int cpuLevel();

  /** One line for people: instruction level and BLAS. */
  public native String description();

  // Moving bytes between Java and the device. The arrays are pinned, not copied.
  @CriticalRegion
  public native void upload(long to, @Cast("const void*") byte[] from, long bytes);

  @CriticalRegion
  public native void upload(long to, @Cast("const void*") int[] from, long bytes);

  @CriticalRegion
  public native void upload(long to, @Cast("const void*") long[] from, long bytes);

  @CriticalRegion
  public native void upload(long to, @Cast("const void*") float[] from, long bytes);

  /** A direct buffer's bytes, from its position. */
  public native void upload(long to, @Cast("const void*") ByteBuffer from, long bytes);

  /** From an address in the host's memory. */
  public native void upload(long to, @Cast("const void*") long from, long bytes);

  @CriticalRegion
  public native void download(@Cast("void*") byte[] to, long from, long bytes);

  @CriticalRegion
  public native void download(@Cast("void*") int[] to, long from, long bytes);

  @CriticalRegion
  public native void download(@Cast("void*") long[] to, long from, long bytes);

  @CriticalRegion
  public native void download(@Cast("void*") float[] to, long from, long bytes);

  public native void download(@Cast("void*") ByteBuffer to, long from, long bytes);

  /** To an address in the host's memory. */
  public native void download(@Cast("void*") long to, long from, long bytes);

  // About this backend
  public native int threads();

  // Memory
  public native long allocate(long bytes);

  public native void release(long address, long bytes);

  public native void trim();

  public native long usedBytes();

  public native long heldBytes();

  public native long limitBytes();

  public native long freeBytes();

  // Graphs
  public native void startCapture();

  public native void abandonCapture();

  public native long capturedCalls();

  public native long finishCapture(long[] inputs, long inputCount, long[] seeds, long seedCount);

  public native void replay(long graph, long[] inputs, long[] seeds, long times);

  public native void startAmend(long graph, long call);

  public native void endAmend();

  public native boolean isStale(long graph);

  public native void closeGraph(long graph);

  public native long stepCount(long graph);

  public native String stepName(long graph, long step);

  public native String stepShape(long graph, long step);

  public native double stepFlops(long graph, long step);

  public native double stepBytes(long graph, long step);

  public native long arenaBytes(long graph);

  public native long unplannedBytes(long graph);

  // Moving elements
  public native void copy(long x, long y, long bytes);

  public native void copyRows(long x, long xStride, long y, long yStride, long rowBytes, long rows);

  public native void stridedCopy(int t, long x, long y, long[] dims);

  public native void fill(int t, long y, double value, long n);

  public native void cast(int from, long x, int to, long y, long n);

  // Pointwise
  public native void add(int t, long a, long b, long y, long n, long[] dims);

  public native void sub(int t, long a, long b, long y, long n, long[] dims);

  public native void mul(int t, long a, long b, long y, long n, long[] dims);

  public native void div(int t, long a, long b, long y, long n, long[] dims);

  public native void powTensor(int t, long a, long b, long y, long n, long[] dims);

  // Comparisons
  public native void equal(int t, long a, long b, long y, long n, long[] dims);

  public native void notEqual(int t, long a, long b, long y, long n, long[] dims);

  public native void less(int t, long a, long b, long y, long n, long[] dims);

  public native void lessEqual(int t, long a, long b, long y, long n, long[] dims);

  public native void where(int t, long mask, long a, long b, long y, long n, long[] dims);

  // Pointwise
  public native void affine(int t, long x, long y, long n, double scale, double shift);

  public native void exp(int t, long x, long y, long n);

  public native void log(int t, long x, long y, long n);

  public native void erf(int t, long x, long y, long n);

  public native void sin(int t, long x, long y, long n);

  public native void cos(int t, long x, long y, long n);

  public native void sqrt(int t, long x, long y, long n);

  public native void pow(int t, long x, long y, long n, double exponent);

  public native void abs(int t, long x, long y, long n);

  public native void sign(int t, long x, long y, long n);

  public native void clamp(int t, long x, long y, long n, double low, double high);

  public native void clampGrad(int t, long x, long dy, long dx, long n, double low, double high);

  public native void relu(int t, long x, long y, long n);

  public native void reluGrad(int t, long y, long dy, long dx, long n);

  public native void sigmoid(int t, long x, long y, long n);

  public native void sigmoidGrad(int t, long y, long dy, long dx, long n);

  public native void tanh(int t, long x, long y, long n);

  public native void tanhGrad(int t, long y, long dy, long dx, long n);

  public native void gelu(int t, long x, long y, long n);

  public native void geluGrad(int t, long x, long dy, long dx, long n);

  public native void geluErf(int t, long x, long y, long n);

  public native void geluErfGrad(int t, long x, long dy, long dx, long n);

  public native void silu(int t, long x, long y, long n);

  public native void siluGrad(int t, long x, long dy, long dx, long n);

  public native void softplus(int t, long x, long y, long n);

  public native void softplusGrad(int t, long x, long dy, long dx, long n);

  public native void leakyRelu(int t, long x, long y, long n, double slope);

  public native void leakyReluGrad(int t, long x, long dy, long dx, long n, double slope);

  public native void elu(int t, long x, long y, long n, double alpha);

  public native void eluGrad(int t, long x, long dy, long dx, long n, double alpha);

  public native void lerp(int t, long a, long b, long y, long n, double weight);

  // Pointwise along rows of (rows, cols)
  public native void biasGelu(int t, long x, int bt, long bias, long y, long rows, long cols);

  public native void biasGeluGrad(
      int t,
      long x,
      int bt,
      long bias,
      long dy,
      long dx,
      boolean accumulate,
      long dbias,
      long rows,
      long cols);

  public native void biasGeluErf(int t, long x, int bt, long bias, long y, long rows, long cols);

  public native void biasGeluErfGrad(
      int t,
      long x,
      int bt,
      long bias,
      long dy,
      long dx,
      boolean accumulate,
      long dbias,
      long rows,
      long cols);

  public native void swiglu(int t, long x, long y, long rows, long cols);

  public native void swigluGrad(
      int t, long x, long dy, long dx, boolean accumulate, long rows, long cols);

  // Reductions
  public native void sum(int t, long x, long y, long yn, double scale, long[] dims);

  public native void max(int t, long x, long y, long yn, long[] dims);

  public native void argmax(int t, long x, long y, long outer, long n, long inner);

  public native void sumSquares(int t, long x, long y, long n);

  // Linear algebra
  public native void matmul(
      int aType,
      long a,
      int bType,
      long b,
      int biasType,
      long bias,
      int yType,
      long y,
      long batch,
      long m,
      long n,
      long k,
      long aStride,
      long bStride,
      boolean transposeA,
      boolean transposeB,
      boolean accumulate);

  public native void columnSums(
      int t, long x, int yType, long y, long rows, long cols, boolean accumulate);

  // Softmax over the last axis of (rows
  public native void softmax(int t, long x, long y, long rows, long cols);

  public native void softmaxGrad(int t, long y, long dy, long dx, long rows, long cols);

  public native void logSoftmax(int t, long x, long y, long rows, long cols);

  public native void logSoftmaxGrad(int t, long y, long dy, long dx, long rows, long cols);

  // Attention
  public native void attention(
      int t,
      long q,
      long k,
      long v,
      long lengths,
      long documents,
      long mask,
      long slopes,
      long y,
      long lse,
      long[] dims,
      double scale,
      double dropout,
      long seed);

  public native void attentionGrad(
      int t,
      long q,
      long k,
      long v,
      long lengths,
      long documents,
      long mask,
      long slopes,
      long y,
      long lse,
      long dy,
      long dq,
      long dk,
      long dv,
      long[] dims,
      double scale,
      double dropout,
      long seed);

  // Normalization of the rows of (rows, cols)
  public native void layerNorm(
      int t,
      long x,
      int wt,
      long weight,
      long bias,
      long y,
      long mean,
      long rstd,
      long rows,
      long cols,
      double eps);

  public native void addLayerNorm(
      int t,
      long x,
      long residual,
      int wt,
      long weight,
      long bias,
      long sum,
      long y,
      long mean,
      long rstd,
      long rows,
      long cols,
      double eps,
      long seed,
      double p);

  public native void layerNormGrad(
      int t,
      long dy,
      long x,
      int wt,
      long weight,
      long mean,
      long rstd,
      long dx,
      boolean accumulate,
      long dweight,
      long dbias,
      long rows,
      long cols);

  public native void rmsNorm(
      int t, long x, int wt, long weight, long y, long rstd, long rows, long cols, double eps);

  public native void addRmsNorm(
      int t,
      long x,
      long residual,
      int wt,
      long weight,
      long sum,
      long y,
      long rstd,
      long rows,
      long cols,
      double eps,
      long seed,
      double p);

  public native void rmsNormGrad(
      int t,
      long dy,
      long x,
      int wt,
      long weight,
      long rstd,
      long dx,
      boolean accumulate,
      long dweight,
      long rows,
      long cols);

  public native void batchNorm(
      int t,
      long x,
      int wt,
      long weight,
      long bias,
      long y,
      long mean,
      long rstd,
      long runningMean,
      long runningVariance,
      long batches,
      long batch,
      long channels,
      long inner,
      double momentum,
      double eps);

  public native void batchNormApply(
      int t,
      long x,
      int wt,
      long weight,
      long bias,
      long mean,
      long variance,
      long y,
      long batch,
      long channels,
      long inner,
      double eps);

  public native void batchNormGrad(
      int t,
      long dy,
      long x,
      int wt,
      long weight,
      long mean,
      long rstd,
      long dx,
      boolean accumulate,
      long dweight,
      long dbias,
      long batch,
      long channels,
      long inner);

  public native void groupNorm(
      int t,
      long x,
      int wt,
      long weight,
      long bias,
      long y,
      long mean,
      long rstd,
      long batch,
      long channels,
      long groups,
      long inner,
      double eps);

  public native void groupNormGrad(
      int t,
      long dy,
      long x,
      int wt,
      long weight,
      long mean,
      long rstd,
      long dx,
      boolean accumulate,
      long dweight,
      long dbias,
      long batch,
      long channels,
      long groups,
      long inner);

  // Convolution and pooling
  public native void conv2d(int t, long x, int wt, long weight, long bias, long y, long[] window);

  public native void conv2dGradInput(
      int t, long dy, int wt, long weight, long bias, long dx, boolean accumulate, long[] window);

  public native void conv2dGradWeight(
      int t, long x, long dy, int wt, long dweight, boolean accumulate, long[] window);

  public native void channelSums(
      int t, long x, int yType, long y, long batch, long channels, long inner, boolean accumulate);

  public native void maxPool2d(int t, long x, long y, long index, long[] window);

  public native void maxPool2dGrad(int t, long dy, long index, long dx, long[] window);

  public native void avgPool2d(int t, long x, long y, boolean countPadding, long[] window);

  public native void avgPool2dGrad(int t, long dy, long dx, boolean countPadding, long[] window);

  public native void adaptiveAvgPool2d(
      int t, long x, long y, long planes, long height, long width, long outHeight, long outWidth);

  public native void adaptiveAvgPool2dGrad(
      int t, long dy, long dx, long planes, long height, long width, long outHeight, long outWidth);

  // Recurrent layers
  public native void rnn(
      int t,
      long gates,
      int wt,
      long weight,
      int bt,
      long bias,
      long lengths,
      long h,
      long y,
      long times,
      long rows,
      long size,
      boolean reverse,
      boolean relu);

  public native void rnnGrad(
      int t,
      long h,
      int wt,
      long weight,
      long lengths,
      long dy,
      long dh,
      long dgates,
      long times,
      long rows,
      long size,
      boolean reverse,
      boolean relu);

  public native void lstm(
      int t,
      long gates,
      int wt,
      long weight,
      int bt,
      long bias,
      long lengths,
      long c,
      long h,
      long y,
      long times,
      long rows,
      long size,
      boolean reverse);

  public native void lstmGrad(
      int t,
      long gates,
      long c,
      int wt,
      long weight,
      long lengths,
      long dy,
      long dh,
      long dc,
      long dgates,
      long times,
      long rows,
      long size,
      boolean reverse);

  public native void gru(
      int t,
      long gates,
      long hidden,
      int wt,
      long weight,
      int bt,
      long bias,
      long lengths,
      long h,
      long y,
      long times,
      long rows,
      long size,
      boolean reverse);

  public native void gruGrad(
      int t,
      long gates,
      long hidden,
      long h,
      int wt,
      long weight,
      long lengths,
      long dy,
      long dh,
      long dgates,
      long dhidden,
      long times,
      long rows,
      long size,
      boolean reverse);

  // Positions
  public native void rotary(
      int t,
      long x,
      int positionType,
      long positions,
      long first,
      long y,
      long rows,
      long time,
      long width,
      long heads,
      long size,
      double theta,
      boolean inverse);

  // Losses
  public native void crossEntropy(
      int t,
      long logits,
      int labelType,
      long labels,
      long weights,
      long loss,
      long lse,
      long divisor,
      long rows,
      long cols,
      long stride,
      long ignored,
      double smoothing,
      long reduction);

  public native void crossEntropyGrad(
      int t,
      long logits,
      int labelType,
      long labels,
      long weights,
      long lse,
      long divisor,
      long dloss,
      long dx,
      long rows,
      long cols,
      long stride,
      long ignored,
      double smoothing,
      boolean each);

  public native void ctc(
      int t,
      long logProbs,
      int targetType,
      long targets,
      long inputLengths,
      long targetLengths,
      long loss,
      long alpha,
      long time,
      long batch,
      long classes,
      long targetTime,
      long blank,
      boolean zeroInfinity);

  public native void ctcGrad(
      int t,
      long logProbs,
      int targetType,
      long targets,
      long inputLengths,
      long targetLengths,
      long alpha,
      long dloss,
      long dx,
      long time,
      long batch,
      long classes,
      long targetTime,
      long blank,
      boolean zeroInfinity);

  // Optimizers
  public native void sgd(
      long p,
      long g,
      long velocity,
      long n,
      double learningRate,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov,
      boolean firstStep,
      double gradScale,
      long factor);

  public native void adamw(
      long p,
      long g,
      long m,
      long v,
      long n,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      long step,
      double gradScale,
      long factor);

  public native void adam(
      long p,
      long g,
      long m,
      long v,
      long vmax,
      long n,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      boolean decoupled,
      long step,
      double gradScale,
      long factor);

  public native void adamax(
      long p,
      long g,
      long m,
      long u,
      long n,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      long step,
      double gradScale,
      long factor);

  public native void nadam(
      long p,
      long g,
      long m,
      long v,
      long n,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      boolean decoupled,
      double mu,
      double muNext,
      double muProduct,
      long step,
      double gradScale,
      long factor);

  public native void radam(
      long p,
      long g,
      long m,
      long v,
      long n,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      boolean decoupled,
      long step,
      double gradScale,
      long factor);

  public native void adagrad(
      long p,
      long g,
      long sum,
      long n,
      double learningRate,
      double epsilon,
      double weightDecay,
      double gradScale,
      long factor);

  public native void adadelta(
      long p,
      long g,
      long square,
      long delta,
      long n,
      double learningRate,
      double rho,
      double epsilon,
      double weightDecay,
      double gradScale,
      long factor);

  public native void rmsprop(
      long p,
      long g,
      long square,
      long average,
      long velocity,
      long n,
      double learningRate,
      double alpha,
      double epsilon,
      double momentum,
      double weightDecay,
      double gradScale,
      long factor);

  public native void lion(
      long p,
      long g,
      long m,
      long n,
      double learningRate,
      double beta1,
      double beta2,
      double weightDecay,
      double gradScale,
      long factor);

  public native void adafactor(
      long p,
      long g,
      long row,
      long column,
      long batch,
      long rows,
      long cols,
      double learningRate,
      double beta2Decay,
      double epsilon1,
      double epsilon2,
      double threshold,
      double weightDecay,
      long step,
      double gradScale,
      long factor);

  public native void clipFactor(
      long squares, long count, long norm, long factor, double scale, double max, boolean skip);

  // Random numbers
  public native void uniform(
      int t, long y, long n, long seed, long stream, double low, double high);

  public native void normal(
      int t, long y, long n, long seed, long stream, double mean, double deviation);

  public native void dropout(int t, long x, long y, long n, long seed, long stream, double p);

  // Indexing
  public native void gather(
      int t, long x, int indexType, long index, long y, long outer, long n, long k, long inner);

  public native void gatherGrad(
      int t, long dy, int indexType, long index, long dx, long outer, long n, long k, long inner);

  public native void takeRows(
      int t, long x, int indexType, long index, long y, long rows, long cols, long k);

  public native void embedding(
      int t,
      int tokenType,
      long tokens,
      long table,
      int positionType,
      long positions,
      long positionTable,
      long y,
      long rows,
      long positionRows,
      long cols,
      long k,
      long time);

  public native void takeRowsGrad(
      int t, long dy, int indexType, long index, long dx, long rows, long cols, long k);

  public native void oneHot(int indexType, long index, int t, long y, long n, long classes);
}
