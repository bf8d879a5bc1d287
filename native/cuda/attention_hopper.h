// Attention by Hopper's tensor cores (Shah et al., "FlashAttention-3", 2024): a warpgroup owns 64
// rows of scores, and while it makes weights of a tile's scores, tensor cores multiply those of the
// tile before. What the elements of its fragments are called is as in attention_tensor.h.
#pragma once

#include "cuda/attention_softmax.h"
#include "cuda/attention_tensor.h"
#include "cuda/panels.h"

namespace gradus::attention::hopper {

constexpr int kRows = 64;  // of a warpgroup

/** How a block of a head size is cut. */
template <int D>
struct Shape {
  // As many warpgroups as have the registers for their scores, weights and results.
  static constexpr int kGroups = D == 64 ? 3 : 2;
  static constexpr int kThreads = kGroups * ptx::kWarpgroup;
  static constexpr int kQueries = kGroups * kRows, kKeys = D == 64 ? 96 : 128;
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
