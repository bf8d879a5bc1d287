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

/** lse of each row, and the loss of those that count. In double, as that is a difference of two
 * numbers that may lie close together. */
template <class Team, int N, class E, class Label>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks)
    rowLosses(const E* logits, const Label* labels, float* lse, double* losses, int64_t rows,
              int64_t cols, int64_t ignored) {
  const int64_t index = Team::index();
  if (index >= rows) return;
  const E* x = logits + index * cols;
  const Row<Team, N, E> row(x, cols);
  SumExp sumExp;
  if (row.hasEdge) sumExp.add(Pack<E, 1>{x[row.edge]});
  eachPack(x, row, [&](int64_t, const Pack<E, N>& pack) { sumExp.add(pack); });
  const double sum = sumExp.template total<Team>();
  if (Team::thread() != 0) return;
  const double logSum = shiftOf(sumExp.largest) + std::log(sum);
  lse[index] = static_cast<float>(logSum);
  const Label label = labels[index];
  if (counts(label, cols, ignored)) {
    losses[index] = logSum - static_cast<double>(math::toFloat(x[label]));
  }
}

/** By one block. */
template <class Label>
__global__ void meanLoss(const Label* labels, const double* losses, float* loss, float* count,
                         int64_t rows, int64_t cols, int64_t ignored) {
  double sum = 0, terms = 0;
#pragma unroll 4
  for (int64_t row = threadIdx.x; row < rows; row += blockDim.x) {
    const bool counted = counts(labels[row], cols, ignored);
    sum += counted ? losses[row] : 0.0;
    terms += counted ? 1.0 : 0.0;
  }
  sum = blockReduce(sum, 0.0, Plus());
  terms = blockReduce(terms, 0.0, Plus());
  if (threadIdx.x != 0) return;
  *loss = static_cast<float>(sum / terms);  // no row at all: 0 / 0 is NaN, as it should be
  *count = static_cast<float>(terms);
}

template <class Team, int N, class E, class Label>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks)
    rowGrads(const E* logits, const Label* labels, const float* lse, const float* count,
             const float* dloss, E* dx, int64_t rows, int64_t cols, int64_t ignored) {
  const int64_t index = Team::index();
  if (index >= rows) return;
  const E* x = logits + index * cols;
  E* to = dx + index * cols;
  const Row<Team, N, E> row(to, cols);
  const int64_t label = labels[index];
  if (!counts(label, cols, ignored)) {
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
  const float logSum = lse[index], scale = *dloss / *count;
  auto grad = [=](E logit, bool own) {
    const float p = expOf(math::toFloat(logit) - logSum);
    return (own ? p - 1.0f : p) * scale;
  };
  eachPack(x, row, [&](int64_t i, Pack<E, N> pack) {
    Pack<E, N> result;
#pragma unroll
    for (int j = 0; j < N; ++j) math::store(grad(pack.elements[j], false), &result.elements[j]);
    if (static_cast<uint64_t>(label - i) < N) {  // one pack of the row
#pragma unroll
      for (int j = 0; j < N; ++j) {
        if (i + j == label) math::store(grad(pack.elements[j], true), &result.elements[j]);
      }
    }
    *reinterpret_cast<Pack<E, N>*>(to + i) = result;
  });
  if (row.hasEdge) math::store(grad(x[row.edge], row.edge == label), to + row.edge);
}

constexpr int64_t kEach = 32;  // elements of a thread at least, where a block goes over a row

void checkLabels(Gpu& gpu, DType type, In labels, int64_t rows, int64_t cols, int64_t ignored) {
  checkIndices(gpu, "crossEntropy: label", "row", type, labels, rows, cols, ignored);
}

}  // namespace

void CudaBackend::addLosses() {
  crossEntropy = [this](Type t, In logits, Type labelType, In labels, Out loss, Out lse, Out count,
                        int64_t rows, int64_t cols, int64_t ignored) {
    checkLabels(gpu_, labelType, labels, rows, cols, ignored);
    const Scratch<double> losses(gpu_.memory(), rows);
    withFloating(t, [&](auto element) {
      withIndex(labelType, [&](auto index) {
        using E = decltype(element);
        using Label = decltype(index);
        withRows<E>(rows, cols, kEach, true, [&](auto team, const Grid& grid, auto n) {
          launch(gpu_, "crossEntropy", grid,
                 rowLosses<decltype(team), decltype(n)::value, E, Label>, logits.as<E>(),
                 labels.as<Label>(), lse.as<float>(), losses.data(), rows, cols, ignored);
        });
        launch(gpu_, "crossEntropy", Block::over(1, 1024), meanLoss<Label>, labels.as<Label>(),
               losses.data(), loss.as<float>(), count.as<float>(), rows, cols, ignored);
      });
    });
  };

  crossEntropyGrad = [this](Type t, In logits, Type labelType, In labels, In lse, In count,
                            In dloss, Out dx, int64_t rows, int64_t cols, int64_t ignored) {
    checkLabels(gpu_, labelType, labels, rows, cols, ignored);
    withFloating(t, [&](auto element) {
      withIndex(labelType, [&](auto index) {
        using E = decltype(element);
        using Label = decltype(index);
        withRows<E>(rows, cols, kEach, isAlignedAs(logits, dx),
                    [&](auto team, const Grid& grid, auto n) {
                      launch(gpu_, "crossEntropyGrad", grid,
                             rowGrads<decltype(team), decltype(n)::value, E, Label>, logits.as<E>(),
                             labels.as<Label>(), lse.as<float>(), count.as<float>(),
                             dloss.as<float>(), dx.as<E>(), rows, cols, ignored);
                    });
      });
    });
  };
}

}  // namespace gradus
