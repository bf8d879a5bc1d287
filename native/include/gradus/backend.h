// The whole boundary between Java and native code: one virtual method for each kernel.
//
// Java checks shapes and types before it calls; a kernel trusts its arguments, except for indices
// and labels, which only the kernel reads and which it therefore checks. Failures are thrown as
// std::exception and arrive in Java as exceptions. Operands are contiguous unless a Dims says
// otherwise. `n`, `rows`, `cols` count elements. Pointwise kernels compute in float whatever the
// stored type. Unless a comment says otherwise, an output must not overlap an input partially;
// pointwise kernels may write exactly over an input.
#pragma once

#include "gradus/types.h"

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"  // the defaults below name what they ignore
#endif

namespace gradus {

class Backend {
 public:
  virtual ~Backend() = default;

  /** Opens the backend library at `path`; see plugin.h. */
  static Backend* open(const char* path, const char* blasPath, bool useBlas, int threads,
                       int64_t memoryLimit);
  /** The x86-64 level of this processor, 1 to 4; 0 on another architecture. */
  static int cpuLevel();

  // About this backend
  virtual const char* description() const = 0;
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
  virtual void upload(Out to, const void* from, int64_t bytes) = 0;
  virtual void download(void* to, In from, int64_t bytes) = 0;

  // Moving elements
  virtual void copy(In x, Out y, int64_t bytes) { unsupported("copy"); }
  /** Copies `rows` runs of `rowBytes` bytes whose starts lie xStride and yStride bytes apart. */
  virtual void copyRows(In x, int64_t xStride, Out y, int64_t yStride, int64_t rowBytes,
                        int64_t rows) {
    unsupported("copyRows");
  }
  /** y[i] = x at the strides of operand 0; y is contiguous. Serves permute and expand. */
  virtual void stridedCopy(Type t, In x, Out y, Dims dims) { unsupported("stridedCopy"); }
  virtual void fill(Type t, Out y, double value, int64_t n) { unsupported("fill"); }
  /**
   * Float to integer truncates towards zero and saturates (NaN gives 0); a narrower float is
   * rounded to nearest even; a narrower integer keeps the low bits.
   */
  virtual void cast(Type from, In x, Type to, Out y, int64_t n) { unsupported("cast"); }

  // Pointwise, two operands with broadcasting (strides of a, b); floating types
  virtual void add(Type t, In a, In b, Out y, int64_t n, Dims dims) { unsupported("add"); }
  virtual void sub(Type t, In a, In b, Out y, int64_t n, Dims dims) { unsupported("sub"); }
  virtual void mul(Type t, In a, In b, Out y, int64_t n, Dims dims) { unsupported("mul"); }
  virtual void div(Type t, In a, In b, Out y, int64_t n, Dims dims) { unsupported("div"); }
  virtual void powTensor(Type t, In a, In b, Out y, int64_t n, Dims dims) { unsupported("pow"); }
  // Comparisons: any type in, U8 (0 or 1) out; comparisons with NaN are 0, notEqual 1
  virtual void equal(Type t, In a, In b, Out y, int64_t n, Dims dims) { unsupported("equal"); }
  virtual void notEqual(Type t, In a, In b, Out y, int64_t n, Dims dims) {
    unsupported("notEqual");
  }
  virtual void less(Type t, In a, In b, Out y, int64_t n, Dims dims) { unsupported("less"); }
  virtual void lessEqual(Type t, In a, In b, Out y, int64_t n, Dims dims) {
    unsupported("lessEqual");
  }
  /** y = mask ? a : b; mask is U8 (strides of mask, a, b); any type. */
  virtual void where(Type t, In mask, In a, In b, Out y, int64_t n, Dims dims) {
    unsupported("where");
  }

  // Pointwise, one operand; floating types
  /** y = scale * x + shift. */
  virtual void affine(Type t, In x, Out y, int64_t n, double scale, double shift) {
    unsupported("affine");
  }
  virtual void exp(Type t, In x, Out y, int64_t n) { unsupported("exp"); }
  virtual void log(Type t, In x, Out y, int64_t n) { unsupported("log"); }
  virtual void sqrt(Type t, In x, Out y, int64_t n) { unsupported("sqrt"); }
  virtual void pow(Type t, In x, Out y, int64_t n, double exponent) { unsupported("pow"); }
  virtual void abs(Type t, In x, Out y, int64_t n) { unsupported("abs"); }
  virtual void sign(Type t, In x, Out y, int64_t n) { unsupported("sign"); }
  virtual void clamp(Type t, In x, Out y, int64_t n, double low, double high) {
    unsupported("clamp");
  }
  virtual void clampGrad(Type t, In x, In dy, Out dx, int64_t n, double low, double high) {
    unsupported("clampGrad");
  }
  virtual void relu(Type t, In x, Out y, int64_t n) { unsupported("relu"); }
  virtual void reluGrad(Type t, In y, In dy, Out dx, int64_t n) { unsupported("reluGrad"); }
  virtual void sigmoid(Type t, In x, Out y, int64_t n) { unsupported("sigmoid"); }
  virtual void sigmoidGrad(Type t, In y, In dy, Out dx, int64_t n) { unsupported("sigmoidGrad"); }
  virtual void tanh(Type t, In x, Out y, int64_t n) { unsupported("tanh"); }
  virtual void tanhGrad(Type t, In y, In dy, Out dx, int64_t n) { unsupported("tanhGrad"); }
  virtual void gelu(Type t, In x, Out y, int64_t n) { unsupported("gelu"); }
  virtual void geluGrad(Type t, In x, In dy, Out dx, int64_t n) { unsupported("geluGrad"); }
  /** With the normal distribution itself where gelu has its tanh form. */
  virtual void geluErf(Type t, In x, Out y, int64_t n) { unsupported("geluErf"); }
  virtual void geluErfGrad(Type t, In x, In dy, Out dx, int64_t n) { unsupported("geluErfGrad"); }
  virtual void silu(Type t, In x, Out y, int64_t n) { unsupported("silu"); }
  virtual void siluGrad(Type t, In x, In dy, Out dx, int64_t n) { unsupported("siluGrad"); }

  // Pointwise along rows of (rows, cols); the bias (cols) is of type bt. In gradients `accumulate`
  // adds to dx, and dx and dbias may be 0.
  /** y = gelu(x + bias). */
  virtual void biasGelu(Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) {
    unsupported("biasGelu");
  }
  virtual void biasGeluGrad(Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate,
                            Out dbias, int64_t rows, int64_t cols) {
    unsupported("biasGeluGrad");
  }
  virtual void biasGeluErf(Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) {
    unsupported("biasGeluErf");
  }
  virtual void biasGeluErfGrad(Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate,
                               Out dbias, int64_t rows, int64_t cols) {
    unsupported("biasGeluErfGrad");
  }
  /** y (rows, cols) = silu(gate) * up, the two halves of a row of x (rows, 2 cols). */
  virtual void swiglu(Type t, In x, Out y, int64_t rows, int64_t cols) { unsupported("swiglu"); }
  virtual void swigluGrad(Type t, In x, In dy, Out dx, bool accumulate, int64_t rows,
                          int64_t cols) {
    unsupported("swigluGrad");
  }

  // Reductions. dims: sizes, strides of x, strides of y (0 where an axis is reduced). sum and
  // sumSquares take floating types, max and argmax any type.
  /** y = scale * sum of x, summed in an order that depends on the sizes alone. */
  virtual void sum(Type t, In x, Out y, int64_t yn, double scale, Dims dims) { unsupported("sum"); }
  /** NaN wins over every number. */
  virtual void max(Type t, In x, Out y, int64_t yn, Dims dims) { unsupported("max"); }
  /** x is (outer, n, inner), y is I64 (outer, inner): the first of the largest; NaN is the largest.
   */
  virtual void argmax(Type t, In x, Out y, int64_t outer, int64_t n, int64_t inner) {
    unsupported("argmax");
  }
  /** y (F32 scalar) = sum of the squares of x, in double. */
  virtual void sumSquares(Type t, In x, Out y, int64_t n) { unsupported("sumSquares"); }

  // Linear algebra, row-major
  /**
   * y (m, n) = a (m, k) times b (k, n), for each of `batch` products whose operands lie aStride and
   * bStride elements apart (0 repeats one). Stored transposed where a flag says so. `accumulate`
   * adds to y. bias (n) is added to every row where it is given. Each operand has a floating type
   * of its own; sums are F32.
   */
  virtual void matmul(Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType, Out y,
                      int64_t batch, int64_t m, int64_t n, int64_t k, int64_t aStride,
                      int64_t bStride, bool transposeA, bool transposeB, bool accumulate) {
    unsupported("matmul");
  }
  /** y (cols) = the sums of the columns of x (rows, cols), + y where it accumulates; two types. */
  virtual void columnSums(Type t, In x, Type yType, Out y, int64_t rows, int64_t cols,
                          bool accumulate) {
    unsupported("columnSums");
  }

  // Softmax over the last axis of (rows, cols)
  virtual void softmax(Type t, In x, Out y, int64_t rows, int64_t cols) { unsupported("softmax"); }
  virtual void softmaxGrad(Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) {
    unsupported("softmaxGrad");
  }
  virtual void logSoftmax(Type t, In x, Out y, int64_t rows, int64_t cols) {
    unsupported("logSoftmax");
  }
  virtual void logSoftmaxGrad(Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) {
    unsupported("logSoftmaxGrad");
  }

  // Attention
  /**
   * y = softmax(scale * q k' + mask + slopes) v, head for head, and lse (F32; batch, heads, tq) its
   * logSumExp, which the gradient needs. dims: batch, tq, tk, heads, kvHeads, d, whether it is
   * causal, the window (0: none), then the strides of batch, time and head of q, k, v and y, then
   * those of the mask's batch, head, query and key. Optional: lengths (I32; batch) and documents
   * (I32; batch, tk), mask (F32), slopes (F32; heads). Score e of (batch, heads, tq, tk) is dropped
   * as `dropout` drops element e. A query that sees no key gives 0 and an lse of -infinity.
   */
  virtual void attention(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes,
                         Out y, Out lse, Dims dims, double scale, double dropout, int64_t seed) {
    unsupported("attention");
  }
  /** dq, dk and dv lie as q, k and v do, dy as y. */
  virtual void attentionGrad(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes,
                             In y, In lse, In dy, Out dq, Out dk, Out dv, Dims dims, double scale,
                             double dropout, int64_t seed) {
    unsupported("attentionGrad");
  }

  // Normalization of the rows of (rows, cols). weight and bias (cols) are of type wt; 0 for none.
  // mean and rstd (F32, rows) are what the gradient needs.
  /** y = (x - mean) * rstd * weight + bias, with rstd = 1 / sqrt(variance + eps). */
  virtual void layerNorm(Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd,
                         int64_t rows, int64_t cols, double eps) {
    unsupported("layerNorm");
  }
  /** sum = residual + dropout(x), as dropout has it with this seed and stream 0; y of the sum. */
  virtual void addLayerNorm(Type t, In x, In residual, Type wt, In weight, In bias, Out sum, Out y,
                            Out mean, Out rstd, int64_t rows, int64_t cols, double eps,
                            int64_t seed, double p) {
    unsupported("addLayerNorm");
  }
  /** Each of dx, dweight and dbias may be 0; `accumulate` adds to dx. */
  virtual void layerNormGrad(Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                             bool accumulate, Out dweight, Out dbias, int64_t rows, int64_t cols) {
    unsupported("layerNormGrad");
  }
  /** y = x * rstd * weight, with rstd = 1 / sqrt(mean(x * x) + eps). */
  virtual void rmsNorm(Type t, In x, Type wt, In weight, Out y, Out rstd, int64_t rows,
                       int64_t cols, double eps) {
    unsupported("rmsNorm");
  }
  virtual void addRmsNorm(Type t, In x, In residual, Type wt, In weight, Out sum, Out y, Out rstd,
                          int64_t rows, int64_t cols, double eps, int64_t seed, double p) {
    unsupported("addRmsNorm");
  }
  virtual void rmsNormGrad(Type t, In dy, In x, Type wt, In weight, In rstd, Out dx,
                           bool accumulate, Out dweight, int64_t rows, int64_t cols) {
    unsupported("rmsNormGrad");
  }

  // Positions
  /**
   * Turns the first heads * size columns of the rows of x (rows, width) and copies the others:
   * elements i and i + size / 2 of a head by position * theta^(-2i / size), `inverse` back. A row's
   * position is positions[row], or first + row % time where there are none. y may be x.
   */
  virtual void rotary(Type t, In x, Type positionType, In positions, int64_t first, Out y,
                      int64_t rows, int64_t time, int64_t width, int64_t heads, int64_t size,
                      double theta, bool inverse) {
    unsupported("rotary");
  }

  // Losses
  /**
   * loss (F32 scalar) = mean over the rows whose label is not `ignored` of logSumExp(row) -
   * row[label]; lse (F32, rows) receives logSumExp, count (F32 scalar) the number of such rows. No
   * such row: NaN. Throws where a label lies outside [0, cols).
   */
  virtual void crossEntropy(Type t, In logits, Type labelType, In labels, Out loss, Out lse,
                            Out count, int64_t rows, int64_t cols, int64_t ignored) {
    unsupported("crossEntropy");
  }
  /** dx = (softmax(logits) - oneHot(labels)) * dloss / count; dx may be logits itself. */
  virtual void crossEntropyGrad(Type t, In logits, Type labelType, In labels, In lse, In count,
                                In dloss, Out dx, int64_t rows, int64_t cols, int64_t ignored) {
    unsupported("crossEntropyGrad");
  }

  // Optimizers, over flat F32 buffers of n elements; gradients are multiplied by gradScale first
  /** velocity may be 0 where momentum is 0. First step of momentum: velocity = g (as PyTorch). */
  virtual void sgd(Out p, In g, Out velocity, int64_t n, double learningRate, double momentum,
                   double dampening, double weightDecay, bool nesterov, bool firstStep,
                   double gradScale) {
    unsupported("sgd");
  }
  /** step counts from 1. */
  virtual void adamw(Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1,
                     double beta2, double epsilon, double weightDecay, int64_t step,
                     double gradScale) {
    unsupported("adamw");
  }

  // Random numbers: element i depends on seed, stream and i alone (Philox4x32-10)
  virtual void uniform(Type t, Out y, int64_t n, int64_t seed, int64_t stream, double low,
                       double high) {
    unsupported("uniform");
  }
  virtual void normal(Type t, Out y, int64_t n, int64_t seed, int64_t stream, double mean,
                      double deviation) {
    unsupported("normal");
  }
  /** y = x / (1 - p) with probability 1 - p, else 0. The same call on dy is its gradient. */
  virtual void dropout(Type t, In x, Out y, int64_t n, int64_t seed, int64_t stream, double p) {
    unsupported("dropout");
  }

  // Indexing; indices are I32 or I64 and checked against their bound
  /** y[o][j][i] = x[o][index[o][j][i]][i]: x (outer, n, inner), index and y (outer, k, inner). */
  virtual void gather(Type t, In x, Type indexType, In index, Out y, int64_t outer, int64_t n,
                      int64_t k, int64_t inner) {
    unsupported("gather");
  }
  /** dx += dy at the places that gather read; dx is cleared by the caller. */
  virtual void gatherGrad(Type t, In dy, Type indexType, In index, Out dx, int64_t outer, int64_t n,
                          int64_t k, int64_t inner) {
    unsupported("gatherGrad");
  }
  /** y[j] = row index[j] of x (rows, cols); any type. */
  virtual void takeRows(Type t, In x, Type indexType, In index, Out y, int64_t rows, int64_t cols,
                        int64_t k) {
    unsupported("takeRows");
  }
  /**
   * y[j] = row tokens[j] of the table (rows, cols), plus row positions[j] of the positionTable
   * (positionRows, cols) where there is one, of the same type. Without positions, j % time.
   */
  virtual void embedding(Type t, Type tokenType, In tokens, In table, Type positionType,
                         In positions, In positionTable, Out y, int64_t rows, int64_t positionRows,
                         int64_t cols, int64_t k, int64_t time) {
    unsupported("embedding");
  }
  /** dx[index[j]] += dy[j], in the order of j; dx is cleared by the caller. */
  virtual void takeRowsGrad(Type t, In dy, Type indexType, In index, Out dx, int64_t rows,
                            int64_t cols, int64_t k) {
    unsupported("takeRowsGrad");
  }
  /** y (n, classes) = 1 in column index[i] of row i, else 0. */
  virtual void oneHot(Type indexType, In index, Type t, Out y, int64_t n, int64_t classes) {
    unsupported("oneHot");
  }

 protected:
  [[noreturn]] void unsupported(const char* op) const {
    throw std::runtime_error(std::string(op) + ": not supported by " + description());
  }
};

}  // namespace gradus

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
