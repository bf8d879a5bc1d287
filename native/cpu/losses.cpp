#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/backend.h"
#include "cpu/indices.h"
#include "cpu/loops.h"
#include "cpu/softmax.h"
#include "math/functions.h"

namespace gradus {

namespace {

template <class Label>
void checkLabels(const Label* labels, int64_t rows, int64_t cols, int64_t ignored) {
  checkIndices("crossEntropy: label", "row", labels, rows, cols,
               [=](int64_t label) { return label == ignored || inside(label, cols); });
}

/** log(sum(exp(x))); in double, as the loss is its difference from another number near it. */
double logSumExp(const float* x, int64_t n) {
  const float largest = rowMax(x, n);
  const float shift = largest == -HUGE_VALF ? 0.0f : largest;
  return shift + std::log(rowSumExp(x, n, shift));
}

/** Rows of a piece whose losses are added up by themselves: their number depends on cols alone. */
int64_t rowsInPiece(int64_t cols) { return kGrain / std::min(std::max<int64_t>(cols, 1), kGrain); }

}  // namespace

void CpuBackend::addLosses() {
  crossEntropy = [](Type t, In logits, Type labelType, In labels, Out loss, Out lse, Out count,
                    int64_t rows, int64_t cols, int64_t ignored) {
    struct Partial {
      double loss;
      int64_t count;
    };
    const int64_t grain = rowsInPiece(cols);
    std::vector<Partial> partials(static_cast<size_t>((rows + grain - 1) / grain));
    withIndices(labelType, labels, [&](auto* label) {
      checkLabels(label, rows, cols, ignored);
      pool().split(rows, grain, [&](int64_t begin, int64_t end) {
        std::vector<float> buffer(static_cast<size_t>(t == DType::F32 ? 0 : cols));
        Partial sum{0, 0};
        for (int64_t row = begin; row < end; ++row) {
          const float* x = load(t, logits, row * cols, buffer.data(), cols);
          const double logSum = logSumExp(x, cols);
          lse.as<float>()[row] = static_cast<float>(logSum);
          if (label[row] == ignored) continue;
          sum.loss += logSum - x[label[row]];
          ++sum.count;
        }
        partials[static_cast<size_t>(begin / grain)] = sum;
      });
    });
    Partial all{0, 0};
    for (const Partial& partial : partials) {
      all.loss += partial.loss;
      all.count += partial.count;
    }
    // No row at all: 0 / 0 is NaN, as it should be.
    *loss.as<float>() = static_cast<float>(all.loss / static_cast<double>(all.count));
    *count.as<float>() = static_cast<float>(all.count);
  };

  crossEntropyGrad = [](Type t, In logits, Type labelType, In labels, In lse, In count, In dloss,
                        Out dx, int64_t rows, int64_t cols, int64_t ignored) {
    const float rowCount = *count.as<float>();
    const float scale = rowCount == 0.0f ? 0.0f : *dloss.as<float>() / rowCount;
    withIndices(labelType, labels, [&](auto* label) {
      checkLabels(label, rows, cols, ignored);
      rowRanges(rows, cols, [&](int64_t begin, int64_t end) {
        const auto length = static_cast<size_t>(t == DType::F32 ? 0 : cols);
        std::vector<float> xs(length), dxs(length);
        for (int64_t row = begin; row < end; ++row) {
          float* to = target(t, dx, row * cols, dxs.data());
          if (label[row] == ignored) {
            for (int64_t i = 0; i < cols; ++i) to[i] = 0.0f;
          } else {
            const float* x = load(t, logits, row * cols, xs.data(), cols);
            const float logSum = lse.as<float>()[row];
            const float own = (math::exp(x[label[row]] - logSum) - 1.0f) * scale;
            expRow(x, to, cols, logSum, scale);
            to[label[row]] = own;
          }
          flush(t, to, dx, row * cols, cols);
        }
      });
    });
  };
}

}  // namespace gradus
