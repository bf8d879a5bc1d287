// The whole boundary between Java and native code: one member for each kernel, called like a
// method. A backend gives code to those that it has; calling another throws.
//
// Java checks shapes and types before it calls; a kernel trusts its arguments, except for indices
// and labels, which only the kernel reads and which it therefore checks. Failures are thrown as
// std::exception and arrive in Java as exceptions. Operands are contiguous unless a Dims says
// otherwise. `n`, `rows`, `cols` count elements. Pointwise kernels compute in float whatever the
// stored type. Unless a comment says otherwise, an output must not overlap an input partially;
// pointwise kernels may write exactly over an input.
#pragma once

#include "gradus/kernel.h"

namespace gradus {

class Backend : public Watched {
 public:
  /** Opens the backend library at `path`; see plugin.h. */
  static Backend* open(const char* path, const char* blasPath, int engine, int threads,
                       int64_t memoryLimit);
  /** The same of a GPU's library. */
  static Backend* openCuda(const char* path, int device, int64_t memoryLimit, const char* settings);
  /** The x86-64 level of this processor, 1 to 4; 0 on another architecture. */
  static int cpuLevel();

  // About this backend
  virtual int threads() const = 0;

  // Memory
  /** 64-byte aligned and not cleared; 0 where the limit or the system refuses. */
  virtual int64_t allocate(int64_t bytes) = 0;
  /** `bytes` as they were allocated. */
  virtual void release(int64_t address, int64_t bytes) = 0;
  /** Gives cached blocks back to the system. */
  virtual void trim() = 0;
  /** Bytes that callers hold, and bytes taken from the system (held and cached). */
  virtual int64_t usedBytes() const = 0;
  virtual int64_t heldBytes() const = 0;
  virtual int64_t limitBytes() const = 0;
  /** Bytes that can still be had from the system. */
  virtual int64_t freeBytes() = 0;
  virtual void upload(Out to, const void* from, int64_t bytes) = 0;
  virtual void download(void* to, In from, int64_t bytes) = 0;

  // Graphs: what a thread calls, recorded once and made again
  /** Records the kernels that this thread calls from now on, which run all the same. */
  virtual void startCapture() = 0;
  virtual void abandonCapture() = 0;
  /** How many calls were recorded. */
  virtual int64_t capturedCalls() const = 0;
  /**
   * Ends the recording and plans the memory that was allocated and released meanwhile. inputs:
   * address and bytes of each of `inputCount` blocks that lie elsewhere in other replays; seeds:
   * `seedCount` arguments that are others then.
   *
   * @return the graph's handle
   */
  virtual int64_t finishCapture(Numbers inputs, int64_t inputCount, Numbers seeds,
                                int64_t seedCount) = 0;
  /**
   * Makes the calls of a graph again. inputs: an address for each; seeds: one in the place of each.
   * times: 0, or where to write, for each of its steps, the nanoseconds from the start to its start
   * and to its end (int64_t).
   */
  virtual void replay(int64_t graph, Numbers inputs, Numbers seeds, Out times) = 0;
  /**
   * From here to endAmend, kernels that this thread calls do not run: their numbers take the place
   * of those of the graph's calls from `call` on.
   */
  virtual void startAmend(int64_t graph, int64_t call) = 0;
  virtual void endAmend() = 0;
  /** Memory that the graph uses was released: it cannot be replayed. */
  virtual bool isStale(int64_t graph) const = 0;
  virtual void closeGraph(int64_t graph) = 0;
  /** The steps of a graph, calls or several in one, and what is known of each. */
  virtual int64_t stepCount(int64_t graph) const = 0;
  virtual const char* stepName(int64_t graph, int64_t step) const = 0;
  virtual const char* stepShape(int64_t graph, int64_t step) const = 0;
  virtual double stepFlops(int64_t graph, int64_t step) const = 0;
  virtual double stepBytes(int64_t graph, int64_t step) const = 0;
  /** Bytes of the graph's own memory, and what its tensors took one beside the other. */
  virtual int64_t arenaBytes(int64_t graph) const = 0;
  virtual int64_t unplannedBytes(int64_t graph) const = 0;

  // Moving elements
  Kernel<void(In x, Out y, int64_t bytes)> copy{this, "copy"};
  /** Copies `rows` runs of `rowBytes` bytes whose starts lie xStride and yStride bytes apart. */
  Kernel<void(In x, int64_t xStride, Out y, int64_t yStride, int64_t rowBytes, int64_t rows)>
      copyRows{this, "copyRows"};
  /** y[i] = x at the strides of operand 0; y is contiguous. Serves permute and expand. */
  Kernel<void(Type t, In x, Out y, DimsOf<1> dims)> stridedCopy{this, "stridedCopy"};
  Kernel<void(Type t, Out y, double value, int64_t n)> fill{this, "fill", Access::Elementwise};
  /**
   * Float to integer truncates towards zero and saturates (NaN gives 0); a narrower float is
   * rounded to nearest even; a narrower integer keeps the low bits.
   */
  Kernel<void(Type from, In x, Type to, Out y, int64_t n)> cast{this, "cast", Access::Elementwise};

  // Pointwise, two operands with broadcasting (strides of a, b); floating types
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> add{this, "add",
                                                                         Access::Elementwise};
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> sub{this, "sub",
                                                                         Access::Elementwise};
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> mul{this, "mul",
                                                                         Access::Elementwise};
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> div{this, "div",
                                                                         Access::Elementwise};
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> powTensor{this, "pow",
                                                                               Access::Elementwise};
  // Comparisons: any type in, U8 (0 or 1) out; comparisons with NaN are 0, notEqual 1
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> equal{this, "equal"};
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> notEqual{this, "notEqual"};
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> less{this, "less"};
  Kernel<void(Type t, In a, In b, Out y, int64_t n, DimsOf<2> dims)> lessEqual{this, "lessEqual"};
  /** y = mask ? a : b; mask is U8 (strides of mask, a, b); any type. */
  Kernel<void(Type t, In mask, In a, In b, Out y, int64_t n, DimsOf<3> dims)> where{this, "where"};

  /** y = a + weight * (b - a), of contiguous operands. */
  Kernel<void(Type t, In a, In b, Out y, int64_t n, double weight)> lerp{this, "lerp",
                                                                         Access::Elementwise};

  // Pointwise, one operand; floating types
  /** y = scale * x + shift. */
  Kernel<void(Type t, In x, Out y, int64_t n, double scale, double shift)> affine{
      this, "affine", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> exp{this, "exp", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> log{this, "log", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> erf{this, "erf", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> sin{this, "sin", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> cos{this, "cos", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> sqrt{this, "sqrt", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n, double exponent)> pow{this, "pow",
                                                                    Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> abs{this, "abs", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> sign{this, "sign", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n, double low, double high)> clamp{this, "clamp",
                                                                              Access::Elementwise};
  Kernel<void(Type t, In x, In dy, Out dx, int64_t n, double low, double high)> clampGrad{
      this, "clampGrad", Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> relu{this, "relu", Access::Elementwise};
  Kernel<void(Type t, In y, In dy, Out dx, int64_t n)> reluGrad{this, "reluGrad",
                                                                Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> sigmoid{this, "sigmoid", Access::Elementwise};
  Kernel<void(Type t, In y, In dy, Out dx, int64_t n)> sigmoidGrad{this, "sigmoidGrad",
                                                                   Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> tanh{this, "tanh", Access::Elementwise};
  Kernel<void(Type t, In y, In dy, Out dx, int64_t n)> tanhGrad{this, "tanhGrad",
                                                                Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> gelu{this, "gelu", Access::Elementwise};
  Kernel<void(Type t, In x, In dy, Out dx, int64_t n)> geluGrad{this, "geluGrad",
                                                                Access::Elementwise};
  /** With the normal distribution itself where gelu has its tanh form. */
  Kernel<void(Type t, In x, Out y, int64_t n)> geluErf{this, "geluErf", Access::Elementwise};
  Kernel<void(Type t, In x, In dy, Out dx, int64_t n)> geluErfGrad{this, "geluErfGrad",
                                                                   Access::Elementwise};
  Kernel<void(Type t, In x, Out y, int64_t n)> silu{this, "silu", Access::Elementwise};
  Kernel<void(Type t, In x, In dy, Out dx, int64_t n)> siluGrad{this, "siluGrad",
                                                                Access::Elementwise};

  /** y = log(1 + e^x). */
  Kernel<void(Type t, In x, Out y, int64_t n)> softplus{this, "softplus", Access::Elementwise};
  Kernel<void(Type t, In x, In dy, Out dx, int64_t n)> softplusGrad{this, "softplusGrad",
                                                                    Access::Elementwise};
  /** y = x where it is above 0, else slope * x. */
  Kernel<void(Type t, In x, Out y, int64_t n, double slope)> leakyRelu{this, "leakyRelu",
                                                                       Access::Elementwise};
  Kernel<void(Type t, In x, In dy, Out dx, int64_t n, double slope)> leakyReluGrad{
      this, "leakyReluGrad", Access::Elementwise};
  /** y = x where it is above 0, else alpha * (e^x - 1). */
  Kernel<void(Type t, In x, Out y, int64_t n, double alpha)> elu{this, "elu", Access::Elementwise};
  Kernel<void(Type t, In x, In dy, Out dx, int64_t n, double alpha)> eluGrad{this, "eluGrad",
                                                                             Access::Elementwise};

  // Pointwise along rows of (rows, cols); the bias (cols) is of type bt. In gradients `accumulate`
  // adds to dx, and dx and dbias may be 0.
  /** y = gelu(x + bias). */
  Kernel<void(Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols)> biasGelu{
      this, "biasGelu"};
  Kernel<void(Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate, Out dbias,
              int64_t rows, int64_t cols)>
      biasGeluGrad{this, "biasGeluGrad"};
  Kernel<void(Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols)> biasGeluErf{
      this, "biasGeluErf"};
  Kernel<void(Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate, Out dbias,
              int64_t rows, int64_t cols)>
      biasGeluErfGrad{this, "biasGeluErfGrad"};
  /** y (rows, cols) = silu(gate) * up, the two halves of a row of x (rows, 2 cols). */
  Kernel<void(Type t, In x, Out y, int64_t rows, int64_t cols)> swiglu{this, "swiglu"};
  Kernel<void(Type t, In x, In dy, Out dx, bool accumulate, int64_t rows, int64_t cols)> swigluGrad{
      this, "swigluGrad"};

  // Reductions. dims: sizes, strides of x, strides of y (0 where an axis is reduced). sum and
  // sumSquares take floating types, max and argmax any type.
  /** y = scale * sum of x, summed in an order that depends on the sizes alone. */
  Kernel<void(Type t, In x, Out y, int64_t yn, double scale, DimsOf<2> dims)> sum{this, "sum"};
  /** NaN wins over every number. */
  Kernel<void(Type t, In x, Out y, int64_t yn, DimsOf<2> dims)> max{this, "max"};
  /** x is (outer, n, inner), y is I64 (outer, inner): the first of the largest; NaN is the largest.
   */
  Kernel<void(Type t, In x, Out y, int64_t outer, int64_t n, int64_t inner)> argmax{this, "argmax"};
  /** y (F32 scalar) = sum of the squares of x, in double. */
  Kernel<void(Type t, In x, Out y, int64_t n)> sumSquares{this, "sumSquares"};

  // Linear algebra, row-major
  /**
   * y (m, n) = a (m, k) times b (k, n), for each of `batch` products whose operands lie aStride and
   * bStride elements apart (0 repeats one). Stored transposed where a flag says so. `accumulate`
   * adds to y. bias (n) is added to every row where it is given. Each operand has a floating type
   * of its own; sums are F32. Beside a 16-bit operand and a y of its type, a GPU rounds an F32
   * operand and bias to that type.
   */
  Kernel<void(Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType, Out y,
              int64_t batch, int64_t m, int64_t n, int64_t k, int64_t aStride, int64_t bStride,
              bool transposeA, bool transposeB, bool accumulate)>
      matmul{this, "matmul"};
  // One product with what follows it. Graphs make these of two calls, of such types as their
  // backend says: the CPU of F32 alone, a GPU of F32 and of 16 bits.
  /**
   * y = f(a b + bias), whose argument `before` takes where it is given; or, with slopeAt, y = (a b)
   * * f'(slopeAt). f is 1 relu, 2 gelu, 3 geluErf or 4 silu. before and slopeAt have y's type; what
   * becomes y need not be rounded to it in between.
   */
  Kernel<void(Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType, Out before,
              In slopeAt, Out y, int64_t m, int64_t n, int64_t k, int64_t f, bool transposeA,
              bool transposeB)>
      matmulActivation{this, "matmulActivation"};
  /** y = a b + bias + residual (m, n), which has y's type and is not y. */
  Kernel<void(Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType, In residual,
              Out y, int64_t m, int64_t n, int64_t k, bool transposeA, bool transposeB)>
      matmulAdd{this, "matmulAdd"};
  /** y (m, n) = a' b with a (k, m) and b (k, n), and sums (m) = those of a's columns, in y's type.
   */
  Kernel<void(Type aType, In a, Type bType, In b, Type yType, Out y, Out sums, int64_t m, int64_t n,
              int64_t k)>
      matmulSums{this, "matmulSums"};
  /** y (cols) = the sums of the columns of x (rows, cols), + y where it accumulates; two types. */
  Kernel<void(Type t, In x, Type yType, Out y, int64_t rows, int64_t cols, bool accumulate)>
      columnSums{this, "columnSums"};

  // Softmax over the last axis of (rows, cols)
  Kernel<void(Type t, In x, Out y, int64_t rows, int64_t cols)> softmax{this, "softmax"};
  Kernel<void(Type t, In y, In dy, Out dx, int64_t rows, int64_t cols)> softmaxGrad{this,
                                                                                    "softmaxGrad"};
  Kernel<void(Type t, In x, Out y, int64_t rows, int64_t cols)> logSoftmax{this, "logSoftmax"};
  Kernel<void(Type t, In y, In dy, Out dx, int64_t rows, int64_t cols)> logSoftmaxGrad{
      this, "logSoftmaxGrad"};

  // Attention
  /**
   * y = softmax(scale * q k' + mask + slopes) v, head for head, and lse (F32; batch, heads, tq) its
   * logSumExp, which the gradient needs. dims: batch, tq, tk, heads, kvHeads, d, whether it is
   * causal, the window (0: none), then the strides of batch, time and head of q, k, v and y, then
   * those of the mask's batch, head, query and key. Optional: lengths (I32; batch) and documents
   * (I32; batch, tk), mask (F32), slopes (F32; heads). Score e of (batch, heads, tq, tk) is dropped
   * as `dropout` drops element e. A query that sees no key gives 0 and an lse of -infinity.
   */
  Kernel<void(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, Out y,
              Out lse, DimsOf<0> dims, double scale, double dropout, int64_t seed)>
      attention{this, "attention"};
  /** dq, dk and dv lie as q, k and v do, dy as y. */
  Kernel<void(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, In y, In lse,
              In dy, Out dq, Out dk, Out dv, DimsOf<0> dims, double scale, double dropout,
              int64_t seed)>
      attentionGrad{this, "attentionGrad"};

  // Normalization of the rows of (rows, cols). weight and bias (cols) are of type wt; 0 for none.
  // mean and rstd (F32, rows) are what the gradient needs.
  /** y = (x - mean) * rstd * weight + bias, with rstd = 1 / sqrt(variance + eps). */
  Kernel<void(Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd, int64_t rows,
              int64_t cols, double eps)>
      layerNorm{this, "layerNorm"};
  /** sum = residual + dropout(x), as dropout has it with this seed and stream 0; y of the sum. */
  Kernel<void(Type t, In x, In residual, Type wt, In weight, In bias, Out sum, Out y, Out mean,
              Out rstd, int64_t rows, int64_t cols, double eps, int64_t seed, double p)>
      addLayerNorm{this, "addLayerNorm"};
  /** Each of dx, dweight and dbias may be 0; `accumulate` adds to dx. */
  Kernel<void(Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx, bool accumulate,
              Out dweight, Out dbias, int64_t rows, int64_t cols)>
      layerNormGrad{this, "layerNormGrad"};
  /** y = x * rstd * weight, with rstd = 1 / sqrt(mean(x * x) + eps). */
  Kernel<void(Type t, In x, Type wt, In weight, Out y, Out rstd, int64_t rows, int64_t cols,
              double eps)>
      rmsNorm{this, "rmsNorm"};
  Kernel<void(Type t, In x, In residual, Type wt, In weight, Out sum, Out y, Out rstd, int64_t rows,
              int64_t cols, double eps, int64_t seed, double p)>
      addRmsNorm{this, "addRmsNorm"};
  Kernel<void(Type t, In dy, In x, Type wt, In weight, In rstd, Out dx, bool accumulate,
              Out dweight, int64_t rows, int64_t cols)>
      rmsNormGrad{this, "rmsNormGrad"};

  // Normalization of the channels of (batch, channels, inner). weight and bias (channels) are of
  // type wt; 0 for none. mean and rstd are F32: one for each channel, or for each group of an
  // example.
  /**
   * y = (x - mean) * rstd * weight + bias with the mean and the (biased) variance of each channel
   * over the batch. runningMean and runningVariance (F32, channels; 0 for none) move towards the
   * mean and the unbiased variance: r += momentum * (new - r). batches (I64 scalar; 0 for none)
   * counts the calls; a negative momentum stands for 1 / batches, the average over all of them.
   */
  Kernel<void(Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd, Out runningMean,
              Out runningVariance, Out batches, int64_t batch, int64_t channels, int64_t inner,
              double momentum, double eps)>
      batchNorm{this, "batchNorm"};
  /** The same with a mean and a variance (F32, channels) from elsewhere. */
  Kernel<void(Type t, In x, Type wt, In weight, In bias, In mean, In variance, Out y, int64_t batch,
              int64_t channels, int64_t inner, double eps)>
      batchNormApply{this, "batchNormApply"};
  /** Of batchNorm. Each of dx, dweight and dbias may be 0; `accumulate` adds to dx. */
  Kernel<void(Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx, bool accumulate,
              Out dweight, Out dbias, int64_t batch, int64_t channels, int64_t inner)>
      batchNormGrad{this, "batchNormGrad"};
  /** Over the channels of each group in each example; mean and rstd are (batch, groups). */
  Kernel<void(Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd, int64_t batch,
              int64_t channels, int64_t groups, int64_t inner, double eps)>
      groupNorm{this, "groupNorm"};
  Kernel<void(Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx, bool accumulate,
              Out dweight, Out dbias, int64_t batch, int64_t channels, int64_t groups,
              int64_t inner)>
      groupNormGrad{this, "groupNormGrad"};

  // Convolution (cross-correlation, as everywhere in the field). x (batch, channels, height,
  // width), y (batch, outChannels, outHeight, outWidth), weight (outChannels, channels / groups,
  // kernelHeight, kernelWidth) of type wt, as is the bias; 0 for none. Sums are F32. Beside 16-bit
  // images, a GPU rounds F32 weights to their type, as matmul does.
  Kernel<void(Type t, In x, Type wt, In weight, In bias, Out y, Window window)> conv2d{this,
                                                                                       "conv2d"};
  /** dx; with a bias (channels) it is the transposed convolution of dy. `accumulate` adds to dx. */
  Kernel<void(Type t, In dy, Type wt, In weight, In bias, Out dx, bool accumulate, Window window)>
      conv2dGradInput{this, "conv2dGradInput"};
  Kernel<void(Type t, In x, In dy, Type wt, Out dweight, bool accumulate, Window window)>
      conv2dGradWeight{this, "conv2dGradWeight"};
  /** y (channels) = the sums of the channels of x (batch, channels, inner); + y if it accumulates.
   */
  Kernel<void(Type t, In x, Type yType, Out y, int64_t batch, int64_t channels, int64_t inner,
              bool accumulate)>
      channelSums{this, "channelSums"};

  // Pooling of each channel by itself: outChannels = channels = groups
  /** index (I32, as y): where in its plane of x the largest stands, the first of equals; NaN wins.
   * -1 of a window that has gaps and nothing inside, whose y is -infinity. */
  Kernel<void(Type t, In x, Out y, Out index, Window window)> maxPool2d{this, "maxPool2d"};
  Kernel<void(Type t, In dy, In index, Out dx, Window window)> maxPool2dGrad{this, "maxPool2dGrad"};
  /**
   * The mean of what lies inside; with countPadding, padding counts as zeros as far as it reaches.
   * Without dilation.
   */
  Kernel<void(Type t, In x, Out y, bool countPadding, Window window)> avgPool2d{this, "avgPool2d"};
  Kernel<void(Type t, In dy, Out dx, bool countPadding, Window window)> avgPool2dGrad{
      this, "avgPool2dGrad"};
  /** Output row i is the mean of rows floor(i h / oh) to ceil((i + 1) h / oh), columns likewise. */
  Kernel<void(Type t, In x, Out y, int64_t planes, int64_t height, int64_t width, int64_t outHeight,
              int64_t outWidth)>
      adaptiveAvgPool2d{this, "adaptiveAvgPool2d"};
  Kernel<void(Type t, In dy, Out dx, int64_t planes, int64_t height, int64_t width,
              int64_t outHeight, int64_t outWidth)>
      adaptiveAvgPool2dGrad{this, "adaptiveAvgPool2dGrad"};

  // Recurrent layers: one direction of one layer, all times of `rows` sequences, from the last time
  // on where `reverse` says so. gates (times, rows, gates * size) come in as what the input gives
  // with its bias; weight (gates * size, size) and bias (gates * size, or 0) are those of the
  // state. h (times + 1, rows, size) are the states in the order of time, with the one before all
  // steps, which is given: the first or, `reverse`, the last. y (times, rows, size) is what the
  // layer gives. Sequences of which lengths (I32, rows; 0 where all are long enough) says that they
  // have ended keep their state and give 0. In gradients dy is that of y; dh (rows, size) comes in
  // as that of the state after all steps and leaves as that of the one before them.
  /** h = f(gates + product), f = tanh or, with `relu`, max(0, .); gates leave as f's argument. */
  Kernel<void(Type t, Out gates, Type wt, In weight, Type bt, In bias, In lengths, Out h, Out y,
              int64_t times, int64_t rows, int64_t size, bool reverse, bool relu)>
      rnn{this, "rnn"};
  Kernel<void(Type t, In h, Type wt, In weight, In lengths, In dy, Out dh, Out dgates,
              int64_t times, int64_t rows, int64_t size, bool reverse, bool relu)>
      rnnGrad{this, "rnnGrad"};
  /**
   * The gates of input, forget, cell and output leave behind their sigmoid or tanh. c = forget * c0
   * + input * cell, laid out as h is; h = output * tanh(c).
   */
  Kernel<void(Type t, Out gates, Type wt, In weight, Type bt, In bias, In lengths, Out c, Out h,
              Out y, int64_t times, int64_t rows, int64_t size, bool reverse)>
      lstm{this, "lstm"};
  /** dc is to c what dh is to h. */
  Kernel<void(Type t, In gates, In c, Type wt, In weight, In lengths, In dy, Out dh, Out dc,
              Out dgates, int64_t times, int64_t rows, int64_t size, bool reverse)>
      lstmGrad{this, "lstmGrad"};
  /**
   * hidden, laid out as gates, takes what the state gives: r = sigmoid(gate + hidden), z alike,
   * n = tanh(gate + r * hidden), which take the place of the gates; h = (1 - z) * n + z * h0.
   */
  Kernel<void(Type t, Out gates, Out hidden, Type wt, In weight, Type bt, In bias, In lengths,
              Out h, Out y, int64_t times, int64_t rows, int64_t size, bool reverse)>
      gru{this, "gru"};
  Kernel<void(Type t, In gates, In hidden, In h, Type wt, In weight, In lengths, In dy, Out dh,
              Out dgates, Out dhidden, int64_t times, int64_t rows, int64_t size, bool reverse)>
      gruGrad{this, "gruGrad"};

  // Positions
  /**
   * Turns the first heads * size columns of the rows of x (rows, width) and copies the others:
   * elements i and i + size / 2 of a head by position * theta^(-2i / size), `inverse` back. A row's
   * position is positions[row], or first + row % time where there are none. y may be x.
   */
  Kernel<void(Type t, In x, Type positionType, In positions, int64_t first, Out y, int64_t rows,
              int64_t time, int64_t width, int64_t heads, int64_t size, double theta, bool inverse)>
      rotary{this, "rotary"};

  // Losses
  /**
   * The cross-entropy of each row whose label y is not `ignored`, (1 - smoothing) * w[y] *
   * (logSumExp(row) - row[y]) + smoothing / cols * sum of w[c] * (logSumExp(row) - row[c]), with
   * the weights w (F32, cols), 1 where there are none. Of these, loss is by `reduction`: 0, a
   * scalar, their sum by that of the rows' w[y]; 1, their sum; 2, each (rows), 0 where it is
   * ignored. lse (F32, rows) receives logSumExp, divisor (F32 scalar) what the sum was divided by.
   * Divided by 0: NaN or infinity. Throws where a label lies outside [0, cols). Rows begin `stride`
   * elements apart; what lies between them is not read.
   */
  Kernel<void(Type t, In logits, Type labelType, In labels, In weights, Out loss, Out lse,
              Out divisor, int64_t rows, int64_t cols, int64_t stride, int64_t ignored,
              double smoothing, int64_t reduction)>
      crossEntropy{this, "crossEntropy"};
  /**
   * dx for dloss, a scalar or, with `each`, one for each row; 0 where divisor is, and between the
   * rows, which lie as those of logits do. dx may be logits itself.
   */
  Kernel<void(Type t, In logits, Type labelType, In labels, In weights, In lse, In divisor,
              In dloss, Out dx, int64_t rows, int64_t cols, int64_t stride, int64_t ignored,
              double smoothing, bool each)>
      crossEntropyGrad{this, "crossEntropyGrad"};
  /**
   * loss (F32, batch) = -log of the probability of targets (batch, targetTime) without their
   * padding, over all alignments (connectionist temporal classification). logProbs (time, batch,
   * classes), of which the first inputLengths count; both lengths (batch) are of the targets' type.
   * alpha (F32; batch, time, 2 targetTime + 1) receives the forward log-probabilities, each step's
   * from their maximum. Where no alignment exists loss is infinite, or 0 with `zeroInfinity`.
   * Throws where a target or a length lies outside.
   */
  Kernel<void(Type t, In logProbs, Type targetType, In targets, In inputLengths, In targetLengths,
              Out loss, Out alpha, int64_t time, int64_t batch, int64_t classes, int64_t targetTime,
              int64_t blank, bool zeroInfinity)>
      ctc{this, "ctc"};
  /**
   * dx = -dloss (batch) * the probability that a step emits the class, given the targets; 0 beyond
   * the input's length. Where no alignment exists NaN, or 0 with `zeroInfinity`.
   */
  Kernel<void(Type t, In logProbs, Type targetType, In targets, In inputLengths, In targetLengths,
              In alpha, In dloss, Out dx, int64_t time, int64_t batch, int64_t classes,
              int64_t targetTime, int64_t blank, bool zeroInfinity)>
      ctcGrad{this, "ctcGrad"};

  // Optimizers, over flat F32 buffers of n elements; gradients are multiplied by gradScale first
  // and by *factor (F32) where it is given. Where *factor is NaN nothing changes.
  /** velocity may be 0 where momentum is 0. First step of momentum: velocity = g (as PyTorch). */
  Kernel<void(Out p, In g, Out velocity, int64_t n, double learningRate, double momentum,
              double dampening, double weightDecay, bool nesterov, bool firstStep, double gradScale,
              In factor)>
      sgd{this, "sgd"};
  /**
   * A step without momentum over a matrix p (m, n) whose gradient is the product a b, of F32, which
   * graphs make of two calls. g (m, n) is memory for the gradient.
   */
  Kernel<void(In a, In b, Out g, Out p, int64_t m, int64_t n, int64_t k, bool transposeA,
              bool transposeB, double learningRate, double weightDecay, double gradScale)>
      matmulSgd{this, "matmulSgd"};
  /** step counts from 1. */
  Kernel<void(Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1, double beta2,
              double epsilon, double weightDecay, int64_t step, double gradScale, In factor)>
      adamw{this, "adamw"};
  // As in PyTorch, whose documentation has the formulas. weightDecay adds to the gradient or, where
  // it is `decoupled`, shrinks the parameter instead.
  /** AMSGrad where vmax is given. */
  Kernel<void(Out p, In g, Out m, Out v, Out vmax, int64_t n, double learningRate, double beta1,
              double beta2, double epsilon, double weightDecay, bool decoupled, int64_t step,
              double gradScale, In factor)>
      adam{this, "adam"};
  Kernel<void(Out p, In g, Out m, Out u, int64_t n, double learningRate, double beta1, double beta2,
              double epsilon, double weightDecay, int64_t step, double gradScale, In factor)>
      adamax{this, "adamax"};
  /** mu: this step's momentum, and the next one's; product: of all to this step. */
  Kernel<void(Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1, double beta2,
              double epsilon, double weightDecay, bool decoupled, double mu, double muNext,
              double muProduct, int64_t step, double gradScale, In factor)>
      nadam{this, "nadam"};
  Kernel<void(Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1, double beta2,
              double epsilon, double weightDecay, bool decoupled, int64_t step, double gradScale,
              In factor)>
      radam{this, "radam"};
  Kernel<void(Out p, In g, Out sum, int64_t n, double learningRate, double epsilon,
              double weightDecay, double gradScale, In factor)>
      adagrad{this, "adagrad"};
  Kernel<void(Out p, In g, Out square, Out delta, int64_t n, double learningRate, double rho,
              double epsilon, double weightDecay, double gradScale, In factor)>
      adadelta{this, "adadelta"};
  /** Centered where average is given; velocity may be 0 where momentum is 0. */
  Kernel<void(Out p, In g, Out square, Out average, Out velocity, int64_t n, double learningRate,
              double alpha, double epsilon, double momentum, double weightDecay, double gradScale,
              In factor)>
      rmsprop{this, "rmsprop"};
  /** weightDecay is decoupled. */
  Kernel<void(Out p, In g, Out m, int64_t n, double learningRate, double beta1, double beta2,
              double weightDecay, double gradScale, In factor)>
      lion{this, "lion"};
  /**
   * p and g are `batch` matrices (rows, cols), row (batch, rows) and column (batch, cols) the
   * averages of the squares of their rows and columns; or, where column is 0, row (batch, rows,
   * cols) is that of every element. weightDecay is decoupled.
   */
  Kernel<void(Out p, In g, Out row, Out column, int64_t batch, int64_t rows, int64_t cols,
              double learningRate, double beta2Decay, double epsilon1, double epsilon2,
              double threshold, double weightDecay, int64_t step, double gradScale, In factor)>
      adafactor{this, "adafactor"};
  /**
   * norm (F32) = scale * sqrt(sum of `count` squares, F32); factor (F32) = max / (norm + 1e-6)
   * where that is below 1, else 1. With `skip` it is NaN where the norm is not finite.
   */
  Kernel<void(In squares, int64_t count, Out norm, Out factor, double scale, double max, bool skip)>
      clipFactor{this, "clipFactor"};

  // Random numbers: element i depends on seed, stream and i alone (Philox4x32-10)
  Kernel<void(Type t, Out y, int64_t n, int64_t seed, int64_t stream, double low, double high)>
      uniform{this, "uniform"};
  Kernel<void(Type t, Out y, int64_t n, int64_t seed, int64_t stream, double mean,
              double deviation)>
      normal{this, "normal"};
  /** y = x / (1 - p) with probability 1 - p, else 0. The same call on dy is its gradient. */
  Kernel<void(Type t, In x, Out y, int64_t n, int64_t seed, int64_t stream, double p)> dropout{
      this, "dropout"};

  // Indexing; indices are I32 or I64 and checked against their bound
  /** y[o][j][i] = x[o][index[o][j][i]][i]: x (outer, n, inner), index and y (outer, k, inner). */
  Kernel<void(Type t, In x, Type indexType, In index, Out y, int64_t outer, int64_t n, int64_t k,
              int64_t inner)>
      gather{this, "gather"};
  /** dx += dy at the places that gather read; dx is cleared by the caller. */
  Kernel<void(Type t, In dy, Type indexType, In index, Out dx, int64_t outer, int64_t n, int64_t k,
              int64_t inner)>
      gatherGrad{this, "gatherGrad"};
  /** y[j] = row index[j] of x (rows, cols); any type. */
  Kernel<void(Type t, In x, Type indexType, In index, Out y, int64_t rows, int64_t cols, int64_t k)>
      takeRows{this, "takeRows"};
  /**
   * y[j] = row tokens[j] of the table (rows, cols), plus row positions[j] of the positionTable
   * (positionRows, cols) where there is one, of the same type. Without positions, j % time.
   */
  Kernel<void(Type t, Type tokenType, In tokens, In table, Type positionType, In positions,
              In positionTable, Out y, int64_t rows, int64_t positionRows, int64_t cols, int64_t k,
              int64_t time)>
      embedding{this, "embedding"};
  /** dx[index[j]] += dy[j], in the order of j; dx is cleared by the caller. */
  Kernel<void(Type t, In dy, Type indexType, In index, Out dx, int64_t rows, int64_t cols,
              int64_t k)>
      takeRowsGrad{this, "takeRowsGrad"};
  /** y (n, classes) = 1 in column index[i] of row i, else 0. */
  Kernel<void(Type indexType, In index, Type t, Out y, int64_t n, int64_t classes)> oneHot{
      this, "oneHot"};
};

}  // namespace gradus
