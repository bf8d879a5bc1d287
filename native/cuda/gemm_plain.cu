// The product that multiplies what cuBLASLt does not: each block a tile of y, each thread 4 x 4 of
// its elements.
#include "cuda/device.h"
#include "cuda/gemm.h"
#include "cuda/launch.h"

namespace gradus {

namespace {

constexpr int kTile = 64, kDepth = 16;
constexpr int kEdge = 16;            // threads along an edge of a tile
constexpr int kRow = kTile + 1;      // columns of a tile are spread over the banks
constexpr int kOwn = kTile / kEdge;  // elements of a thread along an edge, kEdge apart
static_assert(kEdge * kEdge == kThreads, "a block is a square of threads");

/** A matrix of (rows, columns): (i, j) stands i * row + j * column elements from the first. */
template <class E>
struct Operand {
  const E* data;
  int64_t rows, columns, row, column, stride;
};

/** to[l][i] = x at (first + i, depth + l), or its transpose's; 0 outside. */
template <class E>
__device__ void load(const Operand<E>& x, const E* data, int64_t first, int64_t depth,
                     float (*to)[kRow]) {
  // Neighbours read neighbours.
  const bool alongRows = x.column == 1;
  for (int at = static_cast<int>(threadIdx.x); at < kTile * kDepth; at += kThreads) {
    const int i = alongRows ? at / kDepth : at % kTile;
    const int l = alongRows ? at % kDepth : at / kTile;
    const int64_t row = first + i, column = depth + l;
    const bool inside = row < x.rows && column < x.columns;
    to[l][i] = inside ? math::toFloat(data[row * x.row + column * x.column]) : 0.0f;
  }
}

/** a is (m, k), b is (n, k): the transpose of what it stands for. */
template <class E, class Y>
__global__ void __launch_bounds__(kThreads, 2)
    multiplyTiles(Operand<E> a, Operand<E> b, const Y* bias, const Y* c, Y* y, int64_t across,
                  int64_t tiles, int64_t batch) {
  __shared__ float left[kDepth][kRow], right[kDepth][kRow];
  const int64_t block = blockIndex();
  if (block >= tiles * batch) return;
  const int64_t p = block / tiles, tile = block % tiles;
  const int64_t top = tile / across * kTile, side = tile % across * kTile;
  const int down = static_cast<int>(threadIdx.x) / kEdge;
  const int over = static_cast<int>(threadIdx.x) % kEdge;
  float sums[kOwn][kOwn] = {};
  for (int64_t depth = 0; depth < a.columns; depth += kDepth) {
    load(a, a.data + p * a.stride, top, depth, left);
    load(b, b.data + p * b.stride, side, depth, right);
    __syncthreads();
#pragma unroll 2
    for (int l = 0; l < kDepth; ++l) {
      float x[kOwn], z[kOwn];
#pragma unroll
      for (int i = 0; i < kOwn; ++i) x[i] = left[l][down + i * kEdge];
#pragma unroll
      for (int j = 0; j < kOwn; ++j) z[j] = right[l][over + j * kEdge];
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
#pragma unroll
        for (int j = 0; j < kOwn; ++j) sums[i][j] += x[i] * z[j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kOwn; ++i) {
    const int64_t row = top + down + i * kEdge;
#pragma unroll
    for (int j = 0; j < kOwn; ++j) {
      const int64_t column = side + over + j * kEdge;
      if (row >= a.rows || column >= b.rows) continue;
      const int64_t at = (p * a.rows + row) * b.rows + column;
      float sum = sums[i][j];
      if (bias != nullptr) sum += math::toFloat(bias[column]);
      if (c != nullptr) sum += math::toFloat(c[at]);
      math::store(sum, y + at);
    }
  }
}

}  // namespace

void multiplyPlain(Gpu& gpu, const char* op, const Product& p) {
  const int64_t across = ceilDivide(p.n, kTile), tiles = across * ceilDivide(p.m, kTile);
  withFloating(p.operands, [&](auto operand) {
    withFloating(p.result, [&](auto element) {
      using E = decltype(operand);
      using Y = decltype(element);
      const Operand<E> a = {p.a.as<E>(), p.m, p.k, p.transposeA ? 1 : p.k, p.transposeA ? p.m : 1,
                            p.aStride};
      const Operand<E> b = {p.b.as<E>(), p.n, p.k, p.transposeB ? p.k : 1, p.transposeB ? 1 : p.n,
                            p.bStride};
      launch(gpu, op, blocksFor(tiles * p.batch), multiplyTiles<E, Y>, a, b, p.bias.as<Y>(),
             p.c.as<Y>(), p.y.as<Y>(), across, tiles, p.batch);
    });
  });
}

}  // namespace gradus
