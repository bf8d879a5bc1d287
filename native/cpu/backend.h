// The CPU's side of the boundary. Each family of kernels stands in the file of its name.
#pragma once

#include <string>

#include "cpu/memory.h"
#include "gradus/backend.h"

namespace gradus {

class CpuBackend final : public Backend {
 public:
  CpuBackend(const char* blasPath, bool useBlas, int threads, int64_t memoryLimit);

  // About this backend
  const char* description() const override;
  int threads() const override;

  // Memory
  int64_t allocate(int64_t bytes) override;
  void release(int64_t address, int64_t bytes) override;
  void trim() override;
  int64_t usedBytes() const override;
  int64_t heldBytes() const override;
  int64_t limitBytes() const override;
  void upload(Out to, const void* from, int64_t bytes) override;
  void download(void* to, In from, int64_t bytes) override;

  // Moving elements
  void copy(In x, Out y, int64_t bytes) override;
  void copyRows(In x, int64_t xStride, Out y, int64_t yStride, int64_t rowBytes,
                int64_t rows) override;
  void stridedCopy(Type t, In x, Out y, Dims dims) override;
  void fill(Type t, Out y, double value, int64_t n) override;
  void cast(Type from, In x, Type to, Out y, int64_t n) override;

  // Pointwise
  void add(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void sub(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void mul(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void div(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void powTensor(Type t, In a, In b, Out y, int64_t n, Dims dims) override;

  // Comparisons
  void equal(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void notEqual(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void less(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void lessEqual(Type t, In a, In b, Out y, int64_t n, Dims dims) override;
  void where(Type t, In mask, In a, In b, Out y, int64_t n, Dims dims) override;

  // Pointwise
  void affine(Type t, In x, Out y, int64_t n, double scale, double shift) override;
  void exp(Type t, In x, Out y, int64_t n) override;
  void log(Type t, In x, Out y, int64_t n) override;
  void sqrt(Type t, In x, Out y, int64_t n) override;
  void pow(Type t, In x, Out y, int64_t n, double exponent) override;
  void abs(Type t, In x, Out y, int64_t n) override;
  void sign(Type t, In x, Out y, int64_t n) override;
  void clamp(Type t, In x, Out y, int64_t n, double low, double high) override;
  void clampGrad(Type t, In x, In dy, Out dx, int64_t n, double low, double high) override;
  void relu(Type t, In x, Out y, int64_t n) override;
  void reluGrad(Type t, In y, In dy, Out dx, int64_t n) override;
  void sigmoid(Type t, In x, Out y, int64_t n) override;
  void sigmoidGrad(Type t, In y, In dy, Out dx, int64_t n) override;
  void tanh(Type t, In x, Out y, int64_t n) override;
  void tanhGrad(Type t, In y, In dy, Out dx, int64_t n) override;
  void gelu(Type t, In x, Out y, int64_t n) override;
  void geluGrad(Type t, In x, In dy, Out dx, int64_t n) override;
  void geluErf(Type t, In x, Out y, int64_t n) override;
  void geluErfGrad(Type t, In x, In dy, Out dx, int64_t n) override;
  void silu(Type t, In x, Out y, int64_t n) override;
  void siluGrad(Type t, In x, In dy, Out dx, int64_t n) override;

  // Pointwise along rows of (rows, cols)
  void biasGelu(Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) override;
  void biasGeluGrad(Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate, Out dbias,
                    int64_t rows, int64_t cols) override;
  void biasGeluErf(Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) override;
  void biasGeluErfGrad(Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate, Out dbias,
                       int64_t rows, int64_t cols) override;
  void swiglu(Type t, In x, Out y, int64_t rows, int64_t cols) override;
  void swigluGrad(Type t, In x, In dy, Out dx, bool accumulate, int64_t rows,
                  int64_t cols) override;

  // Reductions
  void sum(Type t, In x, Out y, int64_t yn, double scale, Dims dims) override;
  void max(Type t, In x, Out y, int64_t yn, Dims dims) override;
  void argmax(Type t, In x, Out y, int64_t outer, int64_t n, int64_t inner) override;
  void sumSquares(Type t, In x, Out y, int64_t n) override;

  // Linear algebra
  void matmul(Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType, Out y,
              int64_t batch, int64_t m, int64_t n, int64_t k, int64_t aStride, int64_t bStride,
              bool transposeA, bool transposeB, bool accumulate) override;
  void columnSums(Type t, In x, Type yType, Out y, int64_t rows, int64_t cols,
                  bool accumulate) override;

  // Softmax over the last axis of (rows
  void softmax(Type t, In x, Out y, int64_t rows, int64_t cols) override;
  void softmaxGrad(Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) override;
  void logSoftmax(Type t, In x, Out y, int64_t rows, int64_t cols) override;
  void logSoftmaxGrad(Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) override;

  // Attention
  void attention(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, Out y,
                 Out lse, Dims dims, double scale, double dropout, int64_t seed) override;
  void attentionGrad(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, In y,
                     In lse, In dy, Out dq, Out dk, Out dv, Dims dims, double scale, double dropout,
                     int64_t seed) override;

  // Normalization of the rows of (rows, cols)
  void layerNorm(Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd, int64_t rows,
                 int64_t cols, double eps) override;
  void addLayerNorm(Type t, In x, In residual, Type wt, In weight, In bias, Out sum, Out y,
                    Out mean, Out rstd, int64_t rows, int64_t cols, double eps, int64_t seed,
                    double p) override;
  void layerNormGrad(Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                     bool accumulate, Out dweight, Out dbias, int64_t rows, int64_t cols) override;
  void rmsNorm(Type t, In x, Type wt, In weight, Out y, Out rstd, int64_t rows, int64_t cols,
               double eps) override;
  void addRmsNorm(Type t, In x, In residual, Type wt, In weight, Out sum, Out y, Out rstd,
                  int64_t rows, int64_t cols, double eps, int64_t seed, double p) override;
  void rmsNormGrad(Type t, In dy, In x, Type wt, In weight, In rstd, Out dx, bool accumulate,
                   Out dweight, int64_t rows, int64_t cols) override;

  // Positions
  void rotary(Type t, In x, Type positionType, In positions, int64_t first, Out y, int64_t rows,
              int64_t time, int64_t width, int64_t heads, int64_t size, double theta,
              bool inverse) override;

  // Losses
  void crossEntropy(Type t, In logits, Type labelType, In labels, Out loss, Out lse, Out count,
                    int64_t rows, int64_t cols, int64_t ignored) override;
  void crossEntropyGrad(Type t, In logits, Type labelType, In labels, In lse, In count, In dloss,
                        Out dx, int64_t rows, int64_t cols, int64_t ignored) override;

  // Optimizers
  void sgd(Out p, In g, Out velocity, int64_t n, double learningRate, double momentum,
           double dampening, double weightDecay, bool nesterov, bool firstStep,
           double gradScale) override;
  void adamw(Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1, double beta2,
             double epsilon, double weightDecay, int64_t step, double gradScale) override;

  // Random numbers
  void uniform(Type t, Out y, int64_t n, int64_t seed, int64_t stream, double low,
               double high) override;
  void normal(Type t, Out y, int64_t n, int64_t seed, int64_t stream, double mean,
              double deviation) override;
  void dropout(Type t, In x, Out y, int64_t n, int64_t seed, int64_t stream, double p) override;

  // Indexing
  void gather(Type t, In x, Type indexType, In index, Out y, int64_t outer, int64_t n, int64_t k,
              int64_t inner) override;
  void gatherGrad(Type t, In dy, Type indexType, In index, Out dx, int64_t outer, int64_t n,
                  int64_t k, int64_t inner) override;
  void takeRows(Type t, In x, Type indexType, In index, Out y, int64_t rows, int64_t cols,
                int64_t k) override;
  void embedding(Type t, Type tokenType, In tokens, In table, Type positionType, In positions,
                 In positionTable, Out y, int64_t rows, int64_t positionRows, int64_t cols,
                 int64_t k, int64_t time) override;
  void takeRowsGrad(Type t, In dy, Type indexType, In index, Out dx, int64_t rows, int64_t cols,
                    int64_t k) override;
  void oneHot(Type indexType, In index, Type t, Out y, int64_t n, int64_t classes) override;

 private:
  Memory memory_;
  std::string description_;
};

}  // namespace gradus
