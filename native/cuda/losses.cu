// Cross-entropy: one read of the logits, and one read and one write for its gradient.
#include "cuda/backend.h"
#include "cuda/indices.h"
#include "cuda/softmax.h"

namespace gradus {

namespace {

/** Whether a row has a part in the loss; a label outside is complained of elsewhere. */
template <class Label>
__device__ bool counts(Label label, int64_t cols, int64_t ignored) {
  return label != ignored && inside(label, cols);
}

/** What the classes of a row are worth beyond one for the label: weights, and a share of the loss
 * that all have part in. `all` is the sum of the weights. */
struct Shares {
  const float* weights;
  const double* all;
  double smoothing;

  __device__ float weight(int64_t i) const { return weights == nullptr ? 1.0f : weights[i]; }
  __device__ double sum(int64_t cols) const {
    return weights == nullptr ? static_cast<double>(cols) : *all;
  }
  __device__ double even(int64_t cols) const { return smoothing / static_cast<double>(cols); }
  /** w[i] * x; a weight of 0 keeps an infinite score out. */
  __device__ float weighted(int64_t i, float x) const {
    const float w = weight(i);
    return w == 0.0f ? 0.0f : w * x;
  }
};

/** By one block. */
__global__ void sumWeights(const float* weights, double* all, int64_t cols) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < cols; i += blockDim.x) sum += weights[i];
  sum = blockReduce(sum, 0.0, Plus());
  if (threadIdx.x == 0) *all = sum;
}

/** lse of each row, and the loss of those that count. In double, as that is a difference of two
 * numbers that may lie close together. */
template <bool kPlain, class Team, int N, class E, class Label>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks)
    rowLosses(const E* logits, const Label* labels, Shares shares, float* lse, double* losses,
              int64_t rows, int64_t cols, int64_t stride, int64_t ignored) {
  const int64_t index = Team::index();
  if (index >= rows) return;
  const E* x = logits + index * stride;
  const Row<Team, N, E> row(x, cols);
  SumExp sumExp;
  double scores = 0;
  if (row.hasEdge) {
    sumExp.add(Pack<E, 1>{x[row.edge]});
    if constexpr (!kPlain) scores = shares.weighted(row.edge, math::toFloat(x[row.edge]));
  }
  eachPack(x, row, [&](int64_t i, const Pack<E, N>& pack) {
    sumExp.add(pack);
    if constexpr (!kPlain) {
#pragma unroll
      for (int j = 0; j < N; ++j) {
        scores += shares.weighted(i + j, math::toFloat(pack.elements[j]));
      }
    }
  });
  const double sum = sumExp.template total<Team>();
  if constexpr (!kPlain) scores = Team::reduce(scores, 0.0, Plus());
  if (Team::thread() != 0) return;
  const double logSum = shiftOf(sumExp.largest) + std::log(sum);
  lse[index] = static_cast<float>(logSum);
  const Label label = labels[index];
  if (!counts(label, cols, ignored)) return;
  const double unlikely = logSum - static_cast<double>(math::toFloat(x[label]));
  if constexpr (kPlain) {
    losses[index] = unlikely;
  } else {
    losses[index] = (1 - shares.smoothing) * shares.weight(label) * unlikely;
    if (shares.smoothing > 0) {
      losses[index] += shares.even(cols) * (shares.sum(cols) * logSum - scores);
    }
  }
}

enum Reduction { kMean, kSum, kNone };

/** By one block. */
template <class Label>
__global__ void reduceLosses(const Label* labels, const float* weights, const double* losses,
                             float* loss, float* divisor, int64_t rows, int64_t cols,
                             int64_t ignored, int64_t reduction) {
  double sum = 0, weight = 0;
#pragma unroll 4
  for (int64_t row = threadIdx.x; row < rows; row += blockDim.x) {
    const Label label = labels[row];
    const bool counted = counts(label, cols, ignored);
    const double own = counted ? losses[row] : 0.0;
    sum += own;
    weight += !counted ? 0.0 : weights == nullptr ? 1.0 : weights[label];
    if (reduction == kNone) loss[row] = static_cast<float>(own);
  }
  sum = blockReduce(sum, 0.0, Plus());
  weight = blockReduce(weight, 0.0, Plus());
  if (threadIdx.x != 0) return;
  if (reduction != kMean) weight = 1;
  // No row at all: 0 / 0 is NaN, as it should be.
  if (reduction != kNone) *loss = static_cast<float>(sum / weight);
  *divisor = static_cast<float>(weight);
}

template <bool kPlain, class Team, int N, class E, class Label>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks)
    rowGrads(const E* logits, const Label* labels, Shares shares, const float* lse,
             const float* divisor, const float* dloss, E* dx, int64_t rows, int64_t cols,
             int64_t stride, int64_t ignored, bool each) {
  const int64_t index = Team::index();
  if (index >= rows) return;
  const E* x = logits + index * stride;
  E* to = dx + index * stride;
  for (int64_t i = cols + Team::thread(); i < stride; i += Team::size()) math::store(0.0f, to + i);
  const Row<Team, N, E> row(to, cols);
  const int64_t label = labels[index];
  if (!counts(label, cols, ignored) || *divisor == 0.0f) {
    E zero;
    math::store(0.0f, &zero);
    Pack<E, N> zeros;
    for (int j = 0; j < N; ++j) zeros.elements[j] = zero;
    for (int64_t i = Team::thread(); i < row.packs; i += Team::size()) {
      *reinterpret_cast<Pack<E, N>*>(to + row.middle + i * N) = zeros;
    }
    if (row.hasEdge) to[row.edge] = zero;
    return;
  }
  const float logSum = lse[index], d = dloss[each ? index : 0] / *divisor;
  float scale = d, rest = 0, shift = 0;
  if constexpr (!kPlain) {
    const double even = shares.even(cols), all = shares.sum(cols), own = shares.weight(label);
    scale = static_cast<float>(d * ((1 - shares.smoothing) * own + even * all));
    rest = static_cast<float>(d * even * (all - own));
    shift = static_cast<float>(d * even);
  }
  auto grad = [=](E logit, int64_t i, bool own) {
    const float p = expOf(math::toFloat(logit) - logSum);
    if constexpr (kPlain) return (own ? p - 1.0f : p) * scale;
    // Without a difference of two numbers near each other where the label is certain.
    return own ? (p - 1.0f) * scale + rest : p * scale - shift * shares.weight(i);
  };
  eachPack(x, row, [&](int64_t i, Pack<E, N> pack) {
    Pack<E, N> result;
#pragma unroll
    for (int j = 0; j < N; ++j)
      math::store(grad(pack.elements[j], i + j, false), &result.elements[j]);
    if (static_cast<uint64_t>(label - i) < N) {  // one pack of the row
#pragma unroll
      for (int j = 0; j < N; ++j) {
        if (i + j == label) math::store(grad(pack.elements[j], label, true), &result.elements[j]);
      }
    }
    *reinterpret_cast<Pack<E, N>*>(to + i) = result;
  });
  if (row.hasEdge) math::store(grad(x[row.edge], row.edge, row.edge == label), to + row.edge);
}

constexpr int64_t kEach = 32;  // elements of a thread at least, where a block goes over a row

void checkLabels(Gpu& gpu, DType type, In labels, int64_t rows, int64_t cols, int64_t ignored) {
  checkIndices(gpu, "crossEntropy: label", "row", type, labels, rows, cols, ignored);
}

/** Calls f(shares, plain) with the shares, and whether they are those of the label alone. */
template <class F>
void withShares(Gpu& gpu, const char* name, In weights, int64_t cols, double smoothing, F&& f) {
  const Scratch<double> all(gpu.memory(), weights ? 1 : 0);
  const Shares shares = {weights.as<float>(), all.data(), smoothing};
  if (weights) {
    launch(gpu, name, blocksFor(1), sumWeights, shares.weights, all.data(), cols);
  }
  if (!weights && smoothing == 0) {
    f(shares, std::true_type());
  } else {
    f(shares, std::false_type());
  }
}

}  // namespace

void CudaBackend::addLosses() {
  crossEntropy = [this](Type t, In logits, Type labelType, In labels, In weights, Out loss, Out lse,
                        Out divisor, int64_t rows, int64_t cols, int64_t stride, int64_t ignored,
                        double smoothing, int64_t reduction) {
    checkLabels(gpu_, labelType, labels, rows, cols, ignored);
    const Scratch<double> losses(gpu_.memory(), rows);
    withShares(
        gpu_, "crossEntropy", weights, cols, smoothing, [&](const Shares& shares, auto plain) {
          withFloating(t, [&](auto element) {
            withIndex(labelType, [&](auto index) {
              using E = decltype(element);
              using Label = decltype(index);
              withRows<E>(rows, cols, kEach, true, [&](auto team, const Grid& grid, auto n) {
                launch(
                    gpu_, "crossEntropy", grid,
                    rowLosses<decltype(plain)::value, decltype(team), decltype(n)::value, E, Label>,
                    logits.as<E>(), labels.as<Label>(), shares, lse.as<float>(), losses.data(),
                    rows, cols, stride, ignored);
              });
              launch(gpu_, "crossEntropy", Block::over(1, 1024), reduceLosses<Label>,
                     labels.as<Label>(), shares.weights, losses.data(), loss.as<float>(),
                     divisor.as<float>(), rows, cols, ignored, reduction);
            });
          });
        });
  };

  crossEntropyGrad = [this](Type t, In logits, Type labelType, In labels, In weights, In lse,
                            In divisor, In dloss, Out dx, int64_t rows, int64_t cols,
                            int64_t stride, int64_t ignored, double smoothing, bool each) {
    checkLabels(gpu_, labelType, labels, rows, cols, ignored);
    withShares(gpu_, "crossEntropyGrad", weights, cols, smoothing,
               [&](const Shares& shares, auto plain) {
                 withFloating(t, [&](auto element) {
                   withIndex(labelType, [&](auto index) {
                     using E = decltype(element);
                     using Label = decltype(index);
                     withRows<E>(rows, cols, kEach, isAlignedAs(logits, dx),
                                 [&](auto team, const Grid& grid, auto n) {
                                   launch(gpu_, "crossEntropyGrad", grid,
                                          rowGrads<decltype(plain)::value, decltype(team),
                                                   decltype(n)::value, E, Label>,
                                          logits.as<E>(), labels.as<Label>(), shares,
                                          lse.as<float>(), divisor.as<float>(), dloss.as<float>(),
                                          dx.as<E>(), rows, cols, stride, ignored, each);
                                 });
                   });
                 });
               });
  };
}

}  // namespace gradus
