// Comparisons of two operands and the choice between two.
#include "cpu/backend.h"
#include "cpu/loops.h"

namespace gradus {

namespace {

/** y = f(a, b), on floats for floating types and on int64_t for the others. */
template <class F>
void compare(DType t, In a, In b, Out y, int64_t n, Dims dims, F f) {
  const Space space(dims, 2, n);
  const int64_t aStride = space.innerStride(0), bStride = space.innerStride(1);
  ranges(n, [&](int64_t begin, int64_t end) {
    walk(space, begin, end, [&](int64_t start, int64_t length, const int64_t* offsets) {
      blocks(0, length, [&](int64_t j, int64_t m) {
        const int64_t aAt = offsets[0] + j * aStride, bAt = offsets[1] + j * bStride;
        auto* to = y.as<uint8_t>() + start + j;
        if (isFloating(t)) {
          alignas(64) float as[kBlock], bs[kBlock];
          const float* left = load(t, a, aAt, aStride, as, m);
          const float* right = load(t, b, bAt, bStride, bs, m);
          for (int64_t i = 0; i < m; ++i) to[i] = f(left[i], right[i]) ? 1 : 0;
        } else {
          alignas(64) int64_t as[kBlock], bs[kBlock];
          widenInts(t, a, aAt, aStride, as, m);
          widenInts(t, b, bAt, bStride, bs, m);
          for (int64_t i = 0; i < m; ++i) to[i] = f(as[i], bs[i]) ? 1 : 0;
        }
      });
    });
  });
}

}  // namespace

void CpuBackend::addComparisons() {
  equal = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(t, a, b, y, n, dims, [](auto u, auto v) { return u == v; });
  };

  notEqual = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(t, a, b, y, n, dims, [](auto u, auto v) { return u != v; });
  };

  less = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(t, a, b, y, n, dims, [](auto u, auto v) { return u < v; });
  };

  lessEqual = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(t, a, b, y, n, dims, [](auto u, auto v) { return u <= v; });
  };

  where = [](Type t, In mask, In a, In b, Out y, int64_t n, Dims dims) {
    const Space space(dims, 3, n);
    const int64_t maskStride = space.innerStride(0);
    const int64_t aStride = space.innerStride(1), bStride = space.innerStride(2);
    withBits(t, [&](auto bits) {
      using T = decltype(bits);
      ranges(n, [&](int64_t begin, int64_t end) {
        walk(space, begin, end, [&](int64_t at, int64_t m, const int64_t* offsets) {
          const auto* choice = mask.as<uint8_t>() + offsets[0];
          const auto* left = a.as<T>() + offsets[1];
          const auto* right = b.as<T>() + offsets[2];
          T* to = y.as<T>() + at;
          if (maskStride == 1 && aStride == 1 && bStride == 1) {
            GRADUS_INDEPENDENT
            for (int64_t i = 0; i < m; ++i) to[i] = choice[i] != 0 ? left[i] : right[i];
          } else {
            for (int64_t i = 0; i < m; ++i) {
              to[i] = choice[i * maskStride] != 0 ? left[i * aStride] : right[i * bStride];
            }
          }
        });
      });
    });
  };
}

}  // namespace gradus
