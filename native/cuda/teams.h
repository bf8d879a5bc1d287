// Threads that work on one row, or on one result, together: one alone, a warp or a block.
//
// All of a team's threads run through the same code and ask for reductions together. A launch is
// given by over(); the row of a thread's team, index(), may lie past the last one.
#pragma once

#include "cuda/rows.h"

namespace gradus {

struct Alone {
  static Grid over(int64_t rows) { return blocksFor(ceilDivide(rows, kThreads)); }
  __device__ static int64_t index() { return blockIndex() * blockDim.x + threadIdx.x; }
  __device__ static int thread() { return 0; }
  __device__ static int size() { return 1; }
  template <class T, class Op>
  __device__ static T reduce(T x, T, Op) {
    return x;
  }
};

struct Warp {
  static Grid over(int64_t rows) { return blocksFor(ceilDivide(rows, kThreads / kWarp)); }
  __device__ static int64_t index() {
    return blockIndex() * (blockDim.x / kWarp) + threadIdx.x / kWarp;
  }
  __device__ static int thread() { return static_cast<int>(threadIdx.x) % kWarp; }
  __device__ static int size() { return kWarp; }
  template <class T, class Op>
  __device__ static T reduce(T x, T, Op op) {
    return warpReduce(x, op);
  }
};

struct Block {
  static Grid over(int64_t rows, int threads = kThreads) { return blocksFor(rows, threads); }
  __device__ static int64_t index() { return blockIndex(); }
  __device__ static int thread() { return static_cast<int>(threadIdx.x); }
  __device__ static int size() { return static_cast<int>(blockDim.x); }
  template <class T, class Op>
  __device__ static T reduce(T x, T neutral, Op op) {
    return blockReduce(x, neutral, op);
  }
};

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

}  // namespace gradus
