// Sums and maxima over the threads of a warp or block, and over rows that many blocks have summed.
#pragma once

#include <algorithm>

#include "cuda/device.h"
#include "cuda/launch.h"
#include "runtime/scratch.h"

namespace gradus {

struct Plus {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Larger {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

/** Over the lanes of a warp, in each of them and always in the same order; all must call it. */
template <class T, class Op>
__device__ T warpReduce(T x, Op op) {
#pragma unroll
  for (int bits = kWarp / 2; bits > 0; bits /= 2) x = op(x, __shfl_xor_sync(~0u, x, bits));
  return x;
}

/** Over the threads of a block, whole warps, in each of them and always in the same order; all must
 * call it. */
template <class T, class Op>
__device__ T blockReduce(T x, T neutral, Op op) {
  __shared__ T parts[kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  x = warpReduce(x, op);
  __syncthreads();  // nobody reads what the last call left
  if (lane == 0) parts[warp] = x;
  __syncthreads();
  return warpReduce(lane < warps ? parts[lane] : neutral, op);
}

/** Threads for a block that goes over a row of `cols`: whole warps, up to so many. */
inline int threadsFor(int64_t cols, int most = kThreads) {
  const int64_t wanted = ceilDivide(cols, kWarp) * kWarp;
  return static_cast<int>(wanted < kWarp ? kWarp : wanted > most ? most : wanted);
}

/** How rows are shared out among blocks that each keep a sum for every column: by size alone, so
 * that the sums do not depend on the device. */
struct Chunks {
  /** `most` chunks, of `least` rows or more. */
  explicit Chunks(int64_t rows, int64_t most = 128, int64_t least = 32) {
    size = std::max(least, ceilDivide(rows, most));
    count = ceilDivide(rows, size);
  }
  int64_t size, count;
};

namespace detail {

/** Each block has the columns of a warp's lanes. Its warps share out the rows, as one thread would
 * wait for memory at each of them. */
template <class E>
__global__ void sumPartials(const float* partials, int64_t count, int64_t stride, E* y,
                            int64_t cols, bool accumulate) {
  __shared__ float parts[kWarp][kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int64_t column = blockIndex() * kWarp + lane;
  float sum = 0;
  if (column < cols) {
#pragma unroll 8
    for (int64_t c = warp; c < count; c += warps) sum += partials[c * stride + column];
  }
  parts[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || column >= cols) return;
  for (int w = 1; w < warps; ++w) sum += parts[w][lane];
  math::store(accumulate ? sum + math::toFloat(y[column]) : sum, y + column);
}

}  // namespace detail

/** y (cols) = the sum of the rows of partials (count rows, `stride` apart), + y where it
 * accumulates; in an order that depends on their count alone. */
inline void sumPartials(Gpu& gpu, const char* name, const float* partials, int64_t count,
                        int64_t stride, DType t, Out y, int64_t cols, bool accumulate = false) {
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    constexpr int64_t kMost = 512;
    const int threads = threadsFor(count * kWarp, kMost);
    launch(gpu, name, blocksFor(ceilDivide(cols, kWarp), threads), detail::sumPartials<E>, partials,
           count, stride, y.as<E>(), cols, accumulate);
  });
}

}  // namespace gradus
