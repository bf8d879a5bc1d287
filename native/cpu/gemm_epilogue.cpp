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

const float* load(const Result& x, int64_t at, float* buffer, int64_t n) {
  return load(x.type, x.data, at, buffer, n);
}

void add(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

}  // namespace

void finish(const float* x, int64_t xRow, const Product& p) {
  alignas(64) float sums[kBlock], buffer[kBlock];
  const Epilogue& e = p.epilogue;
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; j += kBlock) {
      const int64_t n = std::min(kBlock, p.n - j);
      std::copy_n(x + i * xRow + j, n, sums);
      if (p.bias != nullptr) add(p.bias + j, sums, n);
      if (e.residual.data) add(load(e.residual, i * e.residual.row + j, buffer, n), sums, n);
      if (e.before.data) narrow(e.before.type, sums, e.before.data, i * e.before.row + j, n);
      if (e.slopeAt.data) {
        const float* at = load(e.slopeAt, i * e.slopeAt.row + j, buffer, n);
        multiplyBySlope(e.activation, at, sums, n);
      } else {
        activate(e.activation, sums, n);
      }
      if (p.accumulate) add(load(p.y, i * p.y.row + j, buffer, n), sums, n);
      narrow(p.y.type, sums, p.y.data, i * p.y.row + j, n);
    }
  }
}

void sumRows(const Product& p) {
  // Along k where that is contiguous, else in rows of many sums.
  pool().split(p.m, std::max<int64_t>(kGrain / std::max<int64_t>(p.k, 1), 16),
               [&](int64_t begin, int64_t end) {
                 alignas(64) float buffer[kBlock];
                 for (int64_t i = begin; i < end; i += kBlock) {
                   const int64_t n = std::min(kBlock, end - i);
                   double sums[kBlock] = {};
                   if (p.a.column == 1) {
                     for (int64_t r = 0; r < n; ++r) {
                       for (int64_t l = 0; l < p.k; l += kBlock) {
                         const int64_t size = std::min(kBlock, p.k - l);
                         const float* x =
                             load(p.a.type, p.a.data, (i + r) * p.a.row + l, buffer, size);
                         for (int64_t at = 0; at < size; ++at) sums[r] += x[at];
                       }
                     }
                   } else {
                     for (int64_t l = 0; l < p.k; ++l) {
                       const float* x = load(p.a.type, p.a.data, i + l * p.a.column, buffer, n);
                       for (int64_t r = 0; r < n; ++r) sums[r] += x[r];
                     }
                   }
                   for (int64_t r = 0; r < n; ++r) {
                     float before = p.accumulate ? p.rowSums[i + r] : 0;
                     p.rowSums[i + r] = before + static_cast<float>(sums[r]);
                   }
                 }
               });
}

}  // namespace gradus
