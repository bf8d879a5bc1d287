// Rows are independent, and each takes several passes while it lies in a near cache.
#include "cpu/softmax.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "cpu/backend.h"
#include "cpu/loops.h"
#include "math/functions.h"

namespace gradus {

namespace {

// A compiler may not reorder a float sum, so vectors are spelled out here: partial results in the
// lanes of two of the widest registers there are, which narrower machines keep in several.
constexpr int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

inline void get(const float* x, Lanes* lanes) { std::memcpy(lanes, x, sizeof(*lanes)); }

/** Folds x into one number, op being a sum or a maximum and `neutral` changing nothing in it. */
template <class Op>
inline float fold(const float* x, int64_t n, float neutral, Op op) {
  Lanes even = Lanes{} + neutral, odd = even, last = even, next;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    get(x + i, &next);
    op(&even, next);
    get(x + i + kLanes, &next);
    op(&odd, next);
  }
  if (i + kLanes <= n) {
    get(x + i, &next);
    op(&even, next);
    i += kLanes;
  }
  if (i < n) std::memcpy(&last, x + i, static_cast<size_t>(n - i) * sizeof(float));
  op(&even, odd);
  op(&even, last);
  float lanes[kLanes];
  std::memcpy(lanes, &even, sizeof(lanes));
  for (int l = 0; l < 8; ++l) op(&lanes[l], lanes[l + 8]);
  for (int l = 0; l < 4; ++l) op(&lanes[l], lanes[l + 4]);
  op(&lanes[0], lanes[2]);
  op(&lanes[1], lanes[3]);
  op(&lanes[0], lanes[1]);
  return lanes[0];
}

struct Add {
  template <class V>
  void operator()(V* sum, const V& x) const {
    *sum += x;
  }
};

struct Max {
  template <class V>
  void operator()(V* largest, const V& x) const {
    *largest = x > *largest ? x : *largest;
  }
};

}  // namespace

float rowMax(const float* x, int64_t n) { return fold(x, n, -HUGE_VALF, Max{}); }

double rowSum(const float* x, int64_t n) {
  double sum = 0;
  blocks(0, n, [&](int64_t at, int64_t m) { sum += fold(x + at, m, 0.0f, Add{}); });
  return sum;
}

double rowSumExp(const float* x, int64_t n, float shift) {
  alignas(64) float buffer[kBlock];
  double sum = 0;
  blocks(0, n, [&](int64_t at, int64_t m) {
    expRow(x + at, buffer, m, shift, 1.0f);
    sum += fold(buffer, m, 0.0f, Add{});
  });
  return sum;
}

void expRow(const float* x, float* y, int64_t n, float shift, float scale) {
  const int64_t whole = n / kLanes * kLanes, rest = n - whole;
  GRADUS_INDEPENDENT
  for (int64_t i = 0; i < whole; ++i) y[i] = math::expNegative(x[i] - shift) * scale;
  if (rest == 0) return;
  // Element by element the rest of a row of 10 classes would cost more than all of a row of 64.
  float xs[kLanes] = {}, ys[kLanes];
  std::memcpy(xs, x + whole, static_cast<size_t>(rest) * sizeof(float));
  for (int64_t l = 0; l < kLanes; ++l) ys[l] = math::expNegative(xs[l] - shift) * scale;
  std::memcpy(y + whole, ys, static_cast<size_t>(rest) * sizeof(float));
}

namespace {

/** Calls row(x, y) for the rows of x and y as floats; y may be x. */
template <class Row>
void mapRows(DType t, In x, Out y, int64_t rows, int64_t cols, Row row) {
  rowRanges(rows, cols, [&](int64_t begin, int64_t end) {
    const auto length = static_cast<size_t>(t == DType::F32 ? 0 : cols);
    std::vector<float> xs(length), ys(length);
    for (int64_t at = begin * cols; at < end * cols; at += cols) {
      const float* from = load(t, x, at, xs.data(), cols);
      float* to = target(t, y, at, ys.data());
      row(from, to);
      flush(t, to, y, at, cols);
    }
  });
}

/** Calls row(a, b, y) for the rows of a, b and y as floats; y may be a or b. */
template <class Row>
void mapRows(DType t, In a, In b, Out y, int64_t rows, int64_t cols, Row row) {
  rowRanges(rows, cols, [&](int64_t begin, int64_t end) {
    const auto length = static_cast<size_t>(t == DType::F32 ? 0 : cols);
    std::vector<float> as(length), bs(length), ys(length);
    for (int64_t at = begin * cols; at < end * cols; at += cols) {
      const float* left = load(t, a, at, as.data(), cols);
      const float* right = load(t, b, at, bs.data(), cols);
      float* to = target(t, y, at, ys.data());
      row(left, right, to);
      flush(t, to, y, at, cols);
    }
  });
}

/** The sum of a * b, in the order of rowSum. */
float rowDot(const float* a, const float* b, int64_t n) {
  alignas(64) float products[kBlock];
  double sum = 0;
  blocks(0, n, [&](int64_t at, int64_t m) {
    for (int64_t i = 0; i < m; ++i) products[i] = a[at + i] * b[at + i];
    sum += fold(products, m, 0.0f, Add{});
  });
  return static_cast<float>(sum);
}

/** What to subtract from a row before exp: its maximum, or 0 where all of it is -infinity. */
float shiftOf(const float* x, int64_t n) {
  const float largest = rowMax(x, n);
  return largest == -HUGE_VALF ? 0.0f : largest;
}

}  // namespace

void CpuBackend::addSoftmax() {
  softmax = [](Type t, In x, Out y, int64_t rows, int64_t cols) {
    mapRows(t, x, y, rows, cols, [cols](const float* from, float* to) {
      expRow(from, to, cols, shiftOf(from, cols), 1.0f);
      const auto sum = static_cast<float>(rowSum(to, cols));
      const float scale = sum == 0.0f ? 0.0f : 1.0f / sum;  // a fully masked row gives 0
      for (int64_t i = 0; i < cols; ++i) to[i] *= scale;
    });
  };

  softmaxGrad = [](Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) {
    mapRows(t, y, dy, dx, rows, cols, [cols](const float* ys, const float* dys, float* dxs) {
      const float dot = rowDot(ys, dys, cols);
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < cols; ++i) dxs[i] = ys[i] * (dys[i] - dot);
    });
  };

  logSoftmax = [](Type t, In x, Out y, int64_t rows, int64_t cols) {
    mapRows(t, x, y, rows, cols, [cols](const float* from, float* to) {
      const float shift = shiftOf(from, cols);
      const double sum = rowSumExp(from, cols, shift);
      // A fully masked row stays -infinity.
      const float logSum = sum == 0.0 ? 0.0f : static_cast<float>(std::log(sum));
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < cols; ++i) to[i] = from[i] - shift - logSum;
    });
  };

  logSoftmaxGrad = [](Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) {
    mapRows(t, y, dy, dx, rows, cols, [cols](const float* ys, const float* dys, float* dxs) {
      const auto sum = static_cast<float>(rowSum(dys, cols));
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < cols; ++i) dxs[i] = dys[i] - math::exp(ys[i]) * sum;
    });
  };
}

}  // namespace gradus
