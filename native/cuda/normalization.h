// What normalization and its gradient share: teams of threads that go over a row each (lanes of a
// warp, a warp, or several), packs of elements, and vectors of parameters.
#pragma once

#include "cuda/rows.h"

namespace gradus {

/** layerNormGrad, or without a mean rmsNormGrad: see gradus/backend.h. */
void normalizeGrad(Gpu& gpu, const char* name, DType t, In dy, In x, DType wt, In weight, In mean,
                   In rstd, Out dx, bool accumulate, Out dweight, Out dbias, int64_t rows,
                   int64_t cols);

/** The team of this thread. A block is divided into teams of one size: a power of two up to a warp,
 * or whole warps. */
struct Team {
  __device__ explicit Team(int size)
      : size(size),
        rank(static_cast<int>(threadIdx.x) % size),
        index(static_cast<int>(threadIdx.x) / size),
        count(static_cast<int>(blockDim.x) / size) {}

  /** Calls f(p, column) for each pack of N elements of [0, cols) that is this thread's; there are P
   * at most, so that arrays of P packs stay in registers. */
  template <int N, int P, class F>
  __device__ void each(int cols, F f) const {
#pragma unroll
    for (int p = 0; p < P; ++p) {
      const int column = (p * size + rank) * N;
      if (column < cols) f(p, column);
    }
  }

  /** K sums over the team, in each of its threads and always in the same order; all threads of the
   * block must call it. */
  template <int K>
  __device__ void sum(float (&x)[K]) const {
    const int lanes = size < kWarp ? size : kWarp, warps = size / kWarp;
    for (int bits = lanes / 2; bits > 0; bits /= 2) {
#pragma unroll
      for (int k = 0; k < K; ++k) x[k] += __shfl_xor_sync(~0u, x[k], bits);
    }
    if (warps <= 1) return;
    __shared__ float parts[kWarp][K];
    __syncthreads();  // nobody reads what the last call left
    if (threadIdx.x % kWarp == 0) {
#pragma unroll
      for (int k = 0; k < K; ++k) parts[threadIdx.x / kWarp][k] = x[k];
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < K; ++k) x[k] = 0;
    for (int w = 0; w < warps; ++w) {
#pragma unroll
      for (int k = 0; k < K; ++k) x[k] += parts[index * warps + w][k];
    }
  }

  int size, rank, index, count;
};

/** The size of the teams for rows of so many packs, of which each thread holds `held` at most;
 * `most` threads together. */
inline int teamFor(int64_t packs, int held, int most) {
  int lanes = 1;
  while (lanes < kWarp && lanes < packs) lanes *= 2;
  return lanes < kWarp ? lanes : threadsFor(ceilDivide(packs, held), most);
}

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
