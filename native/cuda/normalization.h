// What normalization and its gradient share: teams of threads that go over a row each (lanes of a
// warp, a warp, or several), packs of elements, and vectors of parameters.
#pragma once

#include "cuda/teams.h"

namespace gradus {

/** layerNormGrad, or without a mean rmsNormGrad: see gradus/backend.h. */
void normalizeGrad(Gpu& gpu, const char* name, DType t, In dy, In x, DType wt, In weight, In mean,
                   In rstd, Out dx, bool accumulate, Out dweight, Out dbias, int64_t rows,
                   int64_t cols);

/** N elements from there, which are aligned as one pack. */
template <int N, class E>
__device__ Pack<E, N> loadPack(const E* x) {
  return *reinterpret_cast<const Pack<E, N>*>(x);
}

template <int N, class E>
__device__ void storePack(const Pack<E, N>& pack, E* y) {
  *reinterpret_cast<Pack<E, N>*>(y) = pack;
}

/** As floats. */
template <int N, class E>
__device__ void widen(const Pack<E, N>& pack, float* values) {
#pragma unroll
  for (int j = 0; j < N; ++j) values[j] = math::toFloat(pack.elements[j]);
}

template <int N, class E>
__device__ void narrow(const float* values, Pack<E, N>* pack) {
#pragma unroll
  for (int j = 0; j < N; ++j) math::store(values[j], &pack->elements[j]);
}

/** A vector of parameters of any floating type, or of one value where there is none. */
struct Parameter {
  Parameter(DType type, In x, float otherwise)
      : x(x.as<void>()), type(type), otherwise(otherwise) {}

  /** N of them from there on, which are aligned to 16 bytes or to all of them. */
  template <int N>
  __device__ void load(int64_t at, float* values) const {
    if (x == nullptr) {
#pragma unroll
      for (int j = 0; j < N; ++j) values[j] = otherwise;
    } else if (type == DType::F32) {
      loadAs<N, float>(at, values);
    } else if (type == DType::BF16) {
      loadAs<N, BF16>(at, values);
    } else {
      loadAs<N, F16>(at, values);
    }
  }

  const void* x;
  DType type;
  float otherwise;

 private:
  template <int N, class E>
  __device__ void loadAs(int64_t at, float* values) const {
    constexpr int M = N < kPack<E> ? N : kPack<E>;
#pragma unroll
    for (int j = 0; j < N; j += M) {
      widen<M>(loadPack<M>(static_cast<const E*>(x) + at + j), values + j);
    }
  }
};

}  // namespace gradus
