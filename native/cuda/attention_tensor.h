// Attention by tensor cores: blocks of kWarps warps, each with strips of 16 rows of scores of its
// own. Scores, weights and their gradients never leave the registers: what a product leaves in a
// thread is what the next one takes from it as a left factor.
//
// A score of this thread: x[s][n][2 * half + c] is row 16 s + g + 8 half, column 8 n + 2 t + c.
#pragma once

#include "cuda/attention.h"
#include "cuda/tiles.h"

namespace gradus::attention {

constexpr int kWarps = 4, kBlock = kWarps * kWarp;
constexpr int kTogether = 2;  // blocks that a multiprocessor has registers and memory for
constexpr float kLog2e = 1.44269504f, kLog2 = 0.693147181f;

/** Where a thread stands. */
struct Lane {
  int warp = static_cast<int>(threadIdx.x) / kWarp;
  int g = laneIndex() / 4, t = laneIndex() % 4;
};

/** Calls f with the element, with the tile's row, which the head size fits into, and with whether
 * scores are more than products or weights are dropped. */
template <class F>
void withTensor(const Problem& p, DType type, F&& f) {
  auto withRow = [&](auto element, auto adjusts) {
    if (p.d <= 32) return f(element, std::integral_constant<int, 32>(), adjusts);
    if (p.d <= 64) return f(element, std::integral_constant<int, 64>(), adjusts);
    if (p.d <= 96) return f(element, std::integral_constant<int, 96>(), adjusts);
    if (p.d <= 128) return f(element, std::integral_constant<int, 128>(), adjusts);
    if (p.d <= 192) return f(element, std::integral_constant<int, 192>(), adjusts);
    return f(element, std::integral_constant<int, 256>(), adjusts);
  };
  auto withElement = [&](auto adjusts) {
    return type == DType::BF16 ? withRow(BF16(), adjusts) : withRow(F16(), adjusts);
  };
  // The largest product is the largest score only where the scale is positive.
  const bool adjusts = p.mask != nullptr || p.slopes != nullptr || p.drops || !(p.scale > 0);
  return adjusts ? withElement(std::true_type()) : withElement(std::false_type());
}

/** Begins to copy Size rows of an operand, as many as there are. */
template <int D, int Size, int Threads = kBlock, class E>
__device__ void copyRows(const Rows<const E>& rows, int d, ptx::Address tile) {
  copyTile<D, Size, Threads>(rows.first, rows.step, rows.count, d, tile);
}

/** Keys and values that arrive in two stages by turns, N of each at a time. */
template <int D, int N, class E>
struct Stages {
  struct Stage {
    E keys[N * D], values[N * D];
  };

  /** Begins to copy those from key j on, if the block's queries see any: a group of copies. */
  __device__ void begin(const Problem& p, const QueryTile& own, const E* k, const E* v, int j,
                        int turn) {
    if (j < own.seen.to) {
      copyRows<D, N>(rowsOf(k, p.ks, own.b, j, own.kvHead, own.seen.to), p.d,
                     ptx::addressOf(stages[turn].keys));
      copyRows<D, N>(rowsOf(v, p.vs, own.b, j, own.kvHead, own.seen.to), p.d,
                     ptx::addressOf(stages[turn].values));
    }
    ptx::cpAsyncCommit();
  }

  __device__ const Stage& operator[](int turn) const { return stages[turn]; }

  Stage stages[2];
};

/** Gives the columns from `column` on that a row does not see a value. */
template <int N>
__device__ void hide(const Range& range, int column, int half, float value, float (&x)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; ++n) {
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      if (!range.has(column + 8 * n + c)) x[n][2 * half + c] = value;
    }
  }
}

/** The scores of a row, in powers of two: products times scale, and what comes to them. Those of
 * keys that it does not see stay products. */
template <int N>
__device__ void adjust(const Problem& p, const Row& row, int column, int half, float (&x)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; ++n) {
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const int key = column + 8 * n + c;
      const float bias = row.sees(key) ? row.bias(p, key) : 0.0f;
      x[n][2 * half + c] = (x[n][2 * half + c] * p.scale + bias) * kLog2e;
    }
  }
}

/** Drops from a row; `element` is that of this thread's column 0. The four threads that share a row
 * draw for a quarter of its columns each, so that all words of a block are used, and pass on what
 * stays. */
template <int N>
__device__ void drop(const Dropout& dropout, int64_t element, int half, float (&x)[N][4]) {
  constexpr int kPart = N < 4 ? N : 4;  // fragments at a time: more would take registers
  constexpr int kOwn = 2 * kPart;       // columns that a thread draws for
  static_assert(N % kPart == 0, "whole parts");
  const int t = laneIndex() % 4, quad = laneIndex() - t;
#pragma unroll
  for (int first = 0; first < N; first += kPart) {
    const uint32_t own = dropout.kept<kOwn>(element - 2 * t + 8 * first + kOwn * t);
#pragma unroll
    for (int n = 0; n < kPart; ++n) {
      const int column = 8 * n + 2 * t;
      const uint32_t kept = __shfl_sync(~0u, own, quad + column / kOwn) >> column % kOwn;
      float* pair = &x[first + n][2 * half];
      pair[0] = dropout.apply(pair[0], (kept & 1) != 0);
      pair[1] = dropout.apply(pair[1], (kept & 2) != 0);
    }
  }
}

}  // namespace gradus::attention
