// The products that attention is made of, in float and for any head size: a block of threads takes
// 64 x 64 of them at a time, 4 x 4 in each thread.
//
// Thread (x, y) of 16 x 16 has rows 4y to 4y + 3 and columns 4x to 4x + 3, so the 16 threads of a
// row are half a warp.
#pragma once

#include "cuda/attention.h"
#include "cuda/launch.h"

namespace gradus::attention {

constexpr int kTile = 64;          // queries and keys
constexpr int kChunk = 32;         // elements of their rows that are multiplied at a time
constexpr int kPitch = kTile + 4;  // keeps 16 bytes aligned and columns in different banks
constexpr int kMostHead = 256;     // the largest head size
constexpr int kHalf = kWarp / 2;   // threads of a row

using Square = float[4][4];

struct alignas(16) Shared {
  union {
    float factors[2][kChunk][kPitch];  // transposed: [element][row]
    float rows[2 * kChunk * kPitch];
  };
  float weights[kTile][kPitch];  // transposed: [column][row]
};

/** Blocks that a multiprocessor has registers for. */
template <int D>
constexpr int kTogether = D <= 64 ? 2 : 1;

/** Calls f with a number of columns that the head size fits into, as a constant. */
template <class F>
void withColumns(int d, F&& f) {
  if (d <= 64) return f(std::integral_constant<int, 64>());
  return d <= 128 ? f(std::integral_constant<int, 128>())
                  : f(std::integral_constant<int, kMostHead>());
}

__device__ inline int tileX() { return static_cast<int>(threadIdx.x) % kHalf; }
__device__ inline int tileY() { return static_cast<int>(threadIdx.x) / kHalf; }

__device__ inline const float4& four(const float* x) { return *reinterpret_cast<const float4*>(x); }

template <class E>
__device__ float element(const Rows<const E>& x, int row, int column, int d) {
  return row < x.count && column < d ? math::toFloat(x.first[row * x.step + column]) : 0.0f;
}

/** Columns [first, first + kChunk) of kTile rows, transposed. A warp takes 8 columns of 4 rows:
 * whole sectors of memory, and no two lanes in one bank. */
template <class E>
__device__ void stage(const Rows<const E>& x, int first, int d, float (*to)[kPitch]) {
  constexpr int kAcross = 8, kDown = kWarp / kAcross, kSteps = kThreads / kAcross;
  const int me = static_cast<int>(threadIdx.x), row = me / kWarp * kDown + me % kWarp / kAcross;
#pragma unroll 1
  for (int r = 0; r < kTile; r += kSteps) {
#pragma unroll
    for (int c = 0; c < kChunk; c += kAcross) {
      const int column = c + me % kAcross;
      to[column][r + row] = element(x, r + row, first + column, d);
    }
  }
}

/** y = a times the transpose of b. */
template <class E>
__device__ void multiply(const Rows<const E>& a, const Rows<const E>& b, int d, Shared& shared,
                         Square& y) {
  for (auto& row : y) {
    for (float& x : row) x = 0;
  }
  for (int first = 0; first < d; first += kChunk) {
    __syncthreads();
    stage(a, first, d, shared.factors[0]);
    stage(b, first, d, shared.factors[1]);
    __syncthreads();
#pragma unroll 2
    for (int e = 0; e < kChunk; ++e) {
      const float4 u = four(&shared.factors[0][e][4 * tileY()]);
      const float4 v = four(&shared.factors[1][e][4 * tileX()]);
      const float left[4] = {u.x, u.y, u.z, u.w}, right[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) y[i][j] += left[i] * right[j];
      }
    }
  }
}

/** y += weights times b, whose rows are as many as the weights have columns. Of the D columns of y,
 * a thread has 4 in every 64. */
template <int D, class E>
__device__ void accumulate(const Square& weights, const Rows<const E>& b, int d, Shared& shared,
                           float (&y)[4][D / kHalf]) {
  constexpr int kFit = static_cast<int>(sizeof(shared.rows) / sizeof(float)) / D;
  constexpr int kRows = kFit < kTile ? kFit / 16 * 16 : kTile;  // of b at a time
  const int x = 4 * tileX(), row = 4 * tileY(), count = b.count < kTile ? b.count : kTile;
  __syncthreads();
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    *reinterpret_cast<float4*>(&shared.weights[x + j][row]) =
        make_float4(weights[0][j], weights[1][j], weights[2][j], weights[3][j]);
  }
  for (int first = 0; first < count; first += kRows) {
    __syncthreads();
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < kRows * D; i += kThreads) {
      shared.rows[i] = element(b, first + i / D, i % D, d);
    }
    __syncthreads();
#pragma unroll 2
    for (int k = 0; k < kRows; ++k) {
      const float4 u = four(&shared.weights[first + k][row]);
      const float left[4] = {u.x, u.y, u.z, u.w};
#pragma unroll
      for (int n = 0; n < D / kTile; ++n) {
        const float4 v = four(&shared.rows[k * D + n * kTile + x]);
        const float right[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
          for (int j = 0; j < 4; ++j) y[i][4 * n + j] += left[i] * right[j];
        }
      }
    }
  }
}

/** to = y times each row's scale, those of its rows and columns that there are. */
template <int D, class E>
__device__ void storeRows(const float (&y)[4][D / kHalf], const float (&scale)[4],
                          const Rows<E>& to, int d) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = 4 * tileY() + i;
    if (row >= to.count) continue;
#pragma unroll
    for (int n = 0; n < D / kHalf; ++n) {
      const int column = n / 4 * kTile + 4 * tileX() + n % 4;
      if (column < d) math::store(y[i][n] * scale[i], to.first + row * to.step + column);
    }
  }
}

}  // namespace gradus::attention
