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

/** The sum of w * x; a weight of 0 keeps an infinite score out of it. */
double weightedSum(const float* w, const float* x, int64_t n) {
  alignas(64) float products[kBlock];
  double sum = 0;
  blocks(0, n, [&](int64_t at, int64_t m) {
    for (int64_t i = 0; i < m; ++i) {
      products[i] = math::select(w[at + i] == 0.0f, 0.0f, w[at + i] * x[at + i]);
    }
    sum += rowSum(products, m);
  });
  return sum;
}

/** What the classes of a row are worth: the label's share of the loss, and everyone's. */
struct Shares {
  Shares(const float* weights, int64_t cols, double smoothing)
      : weights(weights),
        cols(cols),
        own(1 - smoothing),
        even(smoothing / static_cast<double>(cols)),
        all(weights == nullptr || smoothing == 0 ? static_cast<double>(cols)
                                                 : rowSum(weights, cols)) {}

  double weight(int64_t label) const { return weights == nullptr ? 1 : weights[label]; }

  /** The loss of a row. */
  double loss(const float* x, double logSum, int64_t label) const {
    const double unlikely = own * weight(label) * (logSum - x[label]);
    if (even == 0) return unlikely;
    const double sum = weights == nullptr ? rowSum(x, cols) : weightedSum(weights, x, cols);
    return unlikely + even * (all * logSum - sum);
  }

  /** dx = the gradient of d times that loss. */
  void gradient(const float* x, float logSum, int64_t label, double d, float* dx) const {
    const double scale = d * (own * weight(label) + even * all);
    // Without a difference of two numbers near each other where the label is certain.
    const double rest = d * even * (all - weight(label));
    const double mine = (math::exp(x[label] - logSum) - 1.0f) * scale + rest;
    expRow(x, dx, cols, logSum, static_cast<float>(scale));
    if (even != 0) {
      const auto shift = static_cast<float>(d * even);
      if (weights == nullptr) {
        for (int64_t i = 0; i < cols; ++i) dx[i] -= shift;
      } else {
        for (int64_t i = 0; i < cols; ++i) dx[i] -= shift * weights[i];
      }
    }
    dx[label] = static_cast<float>(mine);
  }

  const float* weights;
  int64_t cols;
  double own, even, all;
};

/** Rows of a piece whose losses are added up by themselves: their number depends on cols alone. */
int64_t rowsInPiece(int64_t cols) { return kGrain / std::min(std::max<int64_t>(cols, 1), kGrain); }

enum Reduction { kMean, kSum, kNone };

}  // namespace

void CpuBackend::addLosses() {
  crossEntropy = [](Type t, In logits, Type labelType, In labels, In weights, Out loss, Out lse,
                    Out divisor, int64_t rows, int64_t cols, int64_t stride, int64_t ignored,
                    double smoothing, int64_t reduction) {
    struct Partial {
      double loss, weight;
    };
    const Shares shares(weights.as<float>(), cols, smoothing);
    float* each = reduction == kNone ? loss.as<float>() : nullptr;
    const int64_t grain = rowsInPiece(cols);
    std::vector<Partial> partials(static_cast<size_t>((rows + grain - 1) / grain));
    withIndices(labelType, labels, [&](auto* label) {
      checkLabels(label, rows, cols, ignored);
      pool().split(rows, grain, [&](int64_t begin, int64_t end) {
        std::vector<float> buffer(static_cast<size_t>(t == DType::F32 ? 0 : cols));
        Partial sum{0, 0};
        for (int64_t row = begin; row < end; ++row) {
          const float* x = load(t, logits, row * stride, buffer.data(), cols);
          const double logSum = logSumExp(x, cols);
          lse.as<float>()[row] = static_cast<float>(logSum);
          if (each != nullptr) each[row] = 0.0f;
          if (label[row] == ignored) continue;
          const double own = shares.loss(x, logSum, label[row]);
          if (each != nullptr) each[row] = static_cast<float>(own);
          sum.loss += own;
          sum.weight += shares.weight(label[row]);
        }
        partials[static_cast<size_t>(begin / grain)] = sum;
      });
    });
    Partial all{0, 0};
    for (const Partial& partial : partials) {
      all.loss += partial.loss;
      all.weight += partial.weight;
    }
    if (reduction != kMean) all.weight = 1;
    // No row at all: 0 / 0 is NaN, as it should be.
    if (each == nullptr) *loss.as<float>() = static_cast<float>(all.loss / all.weight);
    *divisor.as<float>() = static_cast<float>(all.weight);
  };

  crossEntropyGrad = [](Type t, In logits, Type labelType, In labels, In weights, In lse,
                        In divisor, In dloss, Out dx, int64_t rows, int64_t cols, int64_t stride,
                        int64_t ignored, double smoothing, bool each) {
    const Shares shares(weights.as<float>(), cols, smoothing);
    const double by = *divisor.as<float>();
    withIndices(labelType, labels, [&](auto* label) {
      checkLabels(label, rows, cols, ignored);
      rowRanges(rows, cols, [&](int64_t begin, int64_t end) {
        const auto length = static_cast<size_t>(t == DType::F32 ? 0 : stride);
        std::vector<float> xs(length), dxs(length);
        for (int64_t row = begin; row < end; ++row) {
          float* to = target(t, dx, row * stride, dxs.data());
          if (label[row] == ignored || by == 0) {
            std::fill(to, to + cols, 0.0f);
          } else {
            const float* x = load(t, logits, row * stride, xs.data(), cols);
            const double d = dloss.as<float>()[each ? row : 0] / by;
            shares.gradient(x, lse.as<float>()[row], label[row], d, to);
          }
          std::fill(to + cols, to + stride, 0.0f);
          flush(t, to, dx, row * stride, stride);
        }
      });
    });
  };
}

}  // namespace gradus
