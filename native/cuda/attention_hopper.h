// Attention by Hopper's tensor cores (Shah et al., "FlashAttention-3", 2024): a warpgroup owns 64
// rows of scores, and while it makes weights of a tile's scores, tensor cores multiply those of the
// tile before. What the elements of its fragments are called is as in attention_tensor.h.
#pragma once

#include "cuda/attention_tensor.h"
#include "cuda/panels.h"

namespace gradus::attention::hopper {

constexpr int kRows = 64;  // of a warpgroup

/** Calls f with the element and the head size. */
template <class F>
void withSize(const Problem& p, DType type, F&& f) {
  auto withElement = [&](auto element) {
    if (p.d == 64) return f(element, std::integral_constant<int, 64>());
    f(element, std::integral_constant<int, 128>());
  };
  type == DType::BF16 ? withElement(BF16()) : withElement(F16());
}

/** Of this thread, counted over the block; the compiler knows it to be the same in a warp. */
__device__ inline int warpgroup() {
  return __shfl_sync(~0u, static_cast<int>(threadIdx.x) / ptx::kWarpgroup, 0);
}

/** Until the copies that were begun are there for tensor cores, and all are done with what came
 * before. */
__device__ inline void arrive() {
  ptx::cpAsyncWait<0>();
  ptx::fenceAsync();
  __syncthreads();
}

/** Where a block stands that owns a tile of queries: one for each batch, head and tile, the last
 * ones first, which see the most where the attention is causal. */
template <int Queries, int Keys>
struct Place {
  __device__ Place(const Problem& p, int tiles) {
    const int pair = static_cast<int>(blockIndex() / tiles);
    h = pair % p.heads;
    b = pair / p.heads;
    kvHead = h / p.group();
    i = (tiles - 1 - static_cast<int>(blockIndex() % tiles)) * Queries;
    end = i + Queries < p.tq ? i + Queries : p.tq;
    seen = {p.range(b, i).from, p.range(b, end - 1).to};
    count = seen.from < seen.to ? (seen.to - seen.from + Keys - 1) / Keys : 0;
  }

  /** What each query of the block sees; beyond the last one, what that one does. */
  __device__ void findRanges(const Problem& p, Range* ranges) const {
    const int me = static_cast<int>(threadIdx.x);
    if (me < Queries) ranges[me] = p.range(b, i + me < end ? i + me : end - 1);
  }

  /** The tiles of keys of which a warpgroup sees anything, whose first row this is. */
  __device__ Range tilesOf(const Range* ranges, int first) const {
    const Range all = {ranges[first].from, ranges[first + kRows - 1].to};
    const bool none = i + first >= end || all.from >= all.to;
    const int from = none ? 0 : (all.from - seen.from) / Keys;
    const int to = none ? 0 : (all.to - seen.from + Keys - 1) / Keys;
    return {__shfl_sync(~0u, from, 0), __shfl_sync(~0u, to, 0)};
  }

  int b, h, kvHead, i, end, count;
  Range seen;
};

/** The scores of a warpgroup's rows: x = its rows of a tile times the transpose of another tile. */
template <int D, int Queries, int Keys, class E, int N>
__device__ void beginScores(ptx::Address queries, ptx::Address keys, float (&x)[N][4]) {
  static_assert(8 * N == Keys, "a column for each key");
#pragma unroll
  for (int k = 0; k < D / kSlice; ++k) {
    ptx::wgmma<E, false, false>(x, alongRows<Queries>(queries, k), alongRows<Keys>(keys, k), k > 0);
  }
}

/** o += weights times a tile. */
template <int Keys, class E, int N>
__device__ void beginResults(const uint32_t (&weights)[Keys / kSlice][4], ptx::Address values,
                             float (&o)[N][4]) {
#pragma unroll
  for (int k = 0; k < Keys / kSlice; ++k) {
    ptx::wgmma<E, true>(o, weights[k], alongColumns<Keys>(values, k), 1);
  }
}

/** What a product left in a thread, as the left factor of the next one. */
template <class E, int N>
__device__ void packWeights(const float (&x)[N][4], uint32_t (&weights)[N / 2][4]) {
#pragma unroll
  for (int k = 0; k < N / 2; ++k) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float* pair = &x[2 * k + i / 2][i % 2 * 2];
      weights[k][i] = ptx::pack<E>(pair[0], pair[1]);
    }
  }
}

}  // namespace gradus::attention::hopper
