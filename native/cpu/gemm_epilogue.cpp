#include "cpu/gemm_epilogue.h"

#include <algorithm>

#include "cpu/loops.h"
#include "math/pointwise.h"

namespace gradus {

namespace {

/** x[i] = f(x[i]). */
template <class F>
void apply(float* x, int64_t n, F&& f) {
  for (int64_t i = 0; i < n; ++i) x[i] = f(x[i]);
}

void activate(Activation activation, float* x, int64_t n) {
  switch (activation) {
    case Activation::None:
      return;
    case Activation::Relu:
      return apply(x, n, [](float v) { return math::relu(v); });
    case Activation::Gelu:
      return apply(x, n, [](float v) { return math::gelu(v); });
    case Activation::GeluErf:
      return apply(x, n, [](float v) { return math::geluErf(v); });
    case Activation::Silu:
      return apply(x, n, [](float v) { return math::silu(v); });
  }
}

/** dy[i] = f(x[i], dy[i]). */
template <class F>
void apply(const float* x, float* dy, int64_t n, F&& f) {
  for (int64_t i = 0; i < n; ++i) dy[i] = f(x[i], dy[i]);
}

void multiplyBySlope(Activation activation, const float* x, float* dy, int64_t n) {
  switch (activation) {
    case Activation::None:
      return;
    case Activation::Relu:  // x > 0 where relu(x) > 0
      return apply(x, dy, n, [](float v, float d) { return math::reluGrad(v, d); });
    case Activation::Gelu:
      return apply(x, dy, n, [](float v, float d) { return math::geluGrad(v, d); });
    case Activation::GeluErf:
      return apply(x, dy, n, [](float v, float d) { return math::geluErfGrad(v, d); });
    case Activation::Silu:
      return apply(x, dy, n, [](float v, float d) { return math::siluGrad(v, d); });
  }
}

void add(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

/** Row i of x, from column j on. */
const float* load(const Result& x, int64_t i, int64_t j, float* buffer, int64_t n) {
  return load(x.type, x.data, i * x.row + j, buffer, n);
}

void narrow(const float* x, const Result& y, int64_t i, int64_t j, int64_t n) {
  narrow(y.type, x, y.data, i * y.row + j, n);
}

/**
 * Rows [i, i + rows) and columns [j, j + n) of a product, together no more than kBlock. The
 * activation goes over all of them at once: a row of a tile is too short to keep the processor
 * busy.
 */
void finishRows(const float* x, int64_t xRow, const Product& p, int64_t i, int64_t rows, int64_t j,
                int64_t n) {
  alignas(64) float sums[kBlock], slopes[kBlock], buffer[kBlock];
  const Epilogue& e = p.epilogue;
  for (int64_t r = 0; r < rows; ++r) {
    float* sum = sums + r * n;
    std::copy_n(x + (i + r) * xRow + j, n, sum);
    if (p.bias != nullptr) add(p.bias + j, sum, n);
    if (e.residual.data) add(load(e.residual, i + r, j, buffer, n), sum, n);
    if (e.before.data) narrow(sum, e.before, i + r, j, n);
    if (e.slopeAt.data) std::copy_n(load(e.slopeAt, i + r, j, buffer, n), n, slopes + r * n);
  }
  if (e.slopeAt.data) {
    multiplyBySlope(e.activation, slopes, sums, rows * n);
  } else {
    activate(e.activation, sums, rows * n);
  }
  for (int64_t r = 0; r < rows; ++r) {
    float* sum = sums + r * n;
    if (p.accumulate) add(load(p.y, i + r, j, buffer, n), sum, n);
    narrow(sum, p.y, i + r, j, n);
  }
}

}  // namespace

void finish(const float* x, int64_t xRow, const Product& p) {
  const int64_t columns = std::min(kBlock, p.n), rows = kBlock / columns;
  for (int64_t i = 0; i < p.m; i += rows) {
    for (int64_t j = 0; j < p.n; j += columns) {
      finishRows(x, xRow, p, i, std::min(rows, p.m - i), j, std::min(columns, p.n - j));
    }
  }
}

void sumColumns(DType t, In x, int64_t stride, int64_t rows, int64_t cols, DType yType, Out y,
                bool accumulate) {
  constexpr int64_t kColumns = 64;  // their sums stay in registers
  pool().split(cols, rows * cols <= kInline ? kInline : kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; j += kColumns) {
      const int64_t n = std::min(kColumns, end - j);
      alignas(64) float buffer[kColumns] = {}, sums[kColumns];
      double totals[kColumns] = {};
      for (int64_t first = 0; first < rows; first += kSummed) {
        std::fill_n(sums, kColumns, 0.0f);
        for (int64_t i = first; i < std::min(first + kSummed, rows); ++i) {
          const float* row = load(t, x, i * stride + j, buffer, n);
          if (n == kColumns) {
            for (int64_t l = 0; l < kColumns; ++l) sums[l] += row[l];
          } else {
            for (int64_t l = 0; l < n; ++l) sums[l] += row[l];
          }
        }
        for (int64_t l = 0; l < kColumns; ++l) totals[l] += sums[l];
      }
      if (accumulate) {
        const float* before = load(yType, y, j, buffer, n);
        for (int64_t l = 0; l < n; ++l) totals[l] += before[l];
      }
      for (int64_t l = 0; l < n; ++l) sums[l] = static_cast<float>(totals[l]);
      narrow(yType, sums, y, j, n);
    }
  });
}

void sumRows(const Product& p) {
  const Out y = p.rowSums;
  if (p.a.row == 1) {
    return sumColumns(p.a.type, p.a.data, p.a.column, p.k, p.m, DType::F32, y, p.accumulate);
  }
  pool().split(p.m, std::max<int64_t>(kGrain / std::max<int64_t>(p.k, 1), 16),
               [&](int64_t begin, int64_t end) {
                 alignas(64) float buffer[kSummed];
                 for (int64_t i = begin; i < end; ++i) {
                   double total = p.accumulate ? p.rowSums[i] : 0;
                   for (int64_t l = 0; l < p.k; l += kSummed) {
                     const int64_t n = std::min(kSummed, p.k - l);
                     const float* x = load(p.a.type, p.a.data, i * p.a.row + l, buffer, n);
                     float sum = 0;
                     for (int64_t at = 0; at < n; ++at) sum += x[at];
                     total += sum;
                   }
                   p.rowSums[i] = static_cast<float>(total);
                 }
               });
}

}  // namespace gradus
