#include "cuda/attention_tensor.h"

namespace gradus::attention {

namespace {

constexpr int kKeys = 16 * kWarps, kQueries = 32;

/** Up to 128 elements a warp has dk and dv of its strip in registers, 2 * D in each thread. Beyond,
 * that would be all of them and more, so two warps share a strip: one has dk and makes the scores,
 * the other has dv and makes the gradients of the weights, and each passes on what it made. */
template <int D>
constexpr bool kPaired = D > 128;
template <int D>
constexpr int kThreadsOf = kPaired<D> ? 2 * kBlock : kBlock;

/** A strip's products with the queries of a stage, or what becomes of them. */
using Products = float[1][kQueries / 8][4];

/** What pairs of warps pass on: [what was made][fragment][thread]. */
template <bool Paired>
struct Passed {};
template <>
struct Passed<true> {
  float4 products[2][kQueries / 8][kBlock];
};

/** What a block has in shared memory. */
template <int D, class E>
struct Tiles {
  struct Stage {
    E queries[kQueries * D], dys[kQueries * D];
    Statistic statistics[kQueries];
    Range ranges[kQueries];
  };
  E keys[kKeys * D], values[kKeys * D];
  Stage stages[2];
  Passed<kPaired<D>> passed;
};

/** Gives mine to the other warp of the pair and gets what it made; `role` is 0 or 1. All threads of
 * the block must call it. */
__device__ void pass(Passed<true>& passed, int role, const Products& mine, Products& other) {
  const int me = static_cast<int>(threadIdx.x) % kBlock;
#pragma unroll
  for (int m = 0; m < kQueries / 8; ++m) {
    const float* x = mine[0][m];
    passed.products[role][m][me] = make_float4(x[0], x[1], x[2], x[3]);
  }
  __syncthreads();
#pragma unroll
  for (int m = 0; m < kQueries / 8; ++m) {
    const float4 x = passed.products[role ^ 1][m][me];
    other[0][m][0] = x.x;
    other[0][m][1] = x.y;
    other[0][m][2] = x.z;
    other[0][m][3] = x.w;
  }
}

/** dk and dv: a block for each batch, head of keys and tile of keys, which goes over the queries
 * that see them in two stages by turns. Scores are transposed: rows are keys. */
template <int D, bool Adjusts, class E>
__global__ void __launch_bounds__(kThreadsOf<D>, kPaired<D> ? 1 : kTogether)
    keysGrad(Problem p, int tiles, const E* q, const E* k, const E* v, const E* dy,
             const Statistic* statistics, E* dk, E* dv) {
  constexpr int kThreads = kThreadsOf<D>;
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, E>*>(memory);
  const int pair = static_cast<int>(blockIndex() / tiles);
  const int kvHead = pair % p.kvHeads, b = pair / p.kvHeads, length = p.length(b);
  const int j = static_cast<int>(blockIndex() % tiles) * kKeys;
  const Range seers = p.seers(b, j, j + kKeys);
  const Range whole = p.seers(b, j + kKeys - 1, j + 1);  // these see all of the keys

  auto copyStage = [&](int h, int i, int n) {
    auto& stage = tile.stages[n];
    copyRows<D, kQueries, kThreads>(rowsOf(q, p.qs, b, i, h, seers.to), p.d,
                                    ptx::addressOf(stage.queries));
    copyRows<D, kQueries, kThreads>(rowsOf(dy, p.ys, b, i, h, seers.to), p.d,
                                    ptx::addressOf(stage.dys));
    const int query = static_cast<int>(threadIdx.x);
    if (query >= kQueries) return;
    const Statistic* from = statistics + (static_cast<int64_t>(b) * p.heads + h) * p.tq;
    const bool there = i + query < seers.to;
    ptx::cpAsync<sizeof(Statistic)>(ptx::addressOf(stage.statistics + query), from + i + query,
                                    there);
    stage.ranges[query] = there ? p.range(b, i + query) : Range{0, 0};
  };
  copyRows<D, kKeys, kThreads>(rowsOf(k, p.ks, b, j, kvHead, length), p.d,
                               ptx::addressOf(tile.keys));
  copyRows<D, kKeys, kThreads>(rowsOf(v, p.vs, b, j, kvHead, length), p.d,
                               ptx::addressOf(tile.values));
  const int endHead = seers.from < seers.to ? (kvHead + 1) * p.group() : 0;
  if (endHead > 0) copyStage(kvHead * p.group(), seers.from, 0);
  ptx::cpAsyncCommit();
  ptx::cpAsyncWait<0>();
  __syncthreads();

  const Lane lane;
  const int role = lane.warp / kWarps, strip = lane.warp % kWarps * 16;
  const bool second = kPaired<D> && role == 1;
  const Left<1, D, D <= 64, E> keys(ptx::addressOf(second ? tile.values : tile.keys), strip);
  const Left<1, D, D <= 64, E> values(ptx::addressOf(tile.values), strip);
  const float factor = p.scale * kLog2e;
  // dk and dv; of a pair, the one that is the warp's.
  float sums[kPaired<D> ? 1 : 2][1][D / 8][4] = {};
  // A head's tiles of queries, then those of the next one.
  for (int h = kvHead * p.group(), i = seers.from, n = 0; h < endHead; n ^= 1) {
    const bool more = i + kQueries < seers.to;
    const int nextHead = more ? h : h + 1, next = more ? i + kQueries : seers.from;
    if (nextHead < endHead) copyStage(nextHead, next, n ^ 1);
    ptx::cpAsyncCommit();
    const auto& stage = tile.stages[n];
    const ptx::Address queries = ptx::addressOf(stage.queries), dys = ptx::addressOf(stage.dys);
    Products x = {}, dx = {};
    keys.multiply(second ? dys : queries, x);
    if constexpr (kPaired<D>) {
      pass(tile.passed, role, x, dx);
#pragma unroll
      for (int m = 0; m < kQueries / 8; ++m) {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          const float mine = x[0][m][c], other = dx[0][m][c];
          x[0][m][c] = second ? other : mine;
          dx[0][m][c] = second ? mine : other;
        }
      }
    } else {
      values.multiply(dys, dx);
    }
    const bool hides = i < whole.from || i + kQueries > whole.to;
    auto queryOf = [&](int column) { return i + column < seers.to ? i + column : seers.to - 1; };
    // The keys of a query lie side by side in the mask of dropout: of those that share a column's t
    // each lane draws for the strip at one query, and all get what they need from there.
    static_assert(kQueries == 32, "2 * 4 queries of a thread, one for each g");
    uint32_t own = 0;
    if (Adjusts && p.drops) {
      const int query = queryOf(lane.g / 2 * 8 + 2 * lane.t + lane.g % 2);
      own = p.dropout.template kept<16>(p.element(b, h, query, j + strip));
    }
#pragma unroll
    for (int m = 0; m < kQueries / 8; ++m) {
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const int column = 8 * m + 2 * lane.t + c;
        const Statistic statistic = stage.statistics[column];
        const float shift = statistic.shift * kLog2e;
        uint32_t kept = ~0u;
        if (Adjusts && p.drops) kept = __shfl_sync(~0u, own, 4 * (2 * m + c) + lane.t) >> lane.g;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int key = j + strip + lane.g + 8 * half;
          float &weight = x[0][m][2 * half + c], &dscore = dx[0][m][2 * half + c];
          if constexpr (Adjusts) {
            const Row row(p, b, h, queryOf(column));
            const float bias = row.sees(key) ? row.bias(p, key) * kLog2e : 0.0f;
            const bool stays = (kept >> 8 * half & 1) != 0;
            weight = ptx::exp2(weight * factor + bias - shift);
            if (p.drops) dscore = p.dropout.apply(dscore, stays);
            dscore = weight * (dscore - statistic.delta);
            if (p.drops) weight = p.dropout.apply(weight, stays);
          } else {
            weight = ptx::exp2(weight * factor - shift);
            dscore = weight * (dscore - statistic.delta);
          }
          if (hides) {
            const bool seen = stage.ranges[column].has(key);
            weight = seen ? weight : 0.0f;
            dscore = seen ? dscore : 0.0f;
          }
        }
      }
    }
    if constexpr (kPaired<D>) {
#pragma unroll
      for (int m = 0; m < kQueries / 8; ++m) {
#pragma unroll
        for (int c = 0; c < 4; ++c) dx[0][m][c] = second ? x[0][m][c] : dx[0][m][c];
      }
    } else {
      multiplyRows<D, E>(x, dys, sums[1]);
    }
    multiplyRows<D, E>(dx, second ? dys : queries, sums[0]);
    ptx::cpAsyncWait<0>();
    __syncthreads();  // the next stage is there, and this one may be written
    h = nextHead;
    i = next;
  }

  auto store = [&](const float(&sum)[1][D / 8][4], float scale, E* from, E* gradient,
                   const Steps& steps) {
    const Rows<E> to = rowsOf(gradient, steps, b, j + strip, kvHead, p.tk);
    storeStrip<D>(sum[0], scale, scale, reinterpret_cast<unsigned char*>(from), strip, to.first,
                  to.step, to.count, p.d);
  };
  if (!second) store(sums[0], p.scale, tile.keys, dk, p.ks);
  if (second || !kPaired<D>) store(sums[kPaired<D> ? 0 : 1], 1.0f, tile.values, dv, p.vs);
}

}  // namespace

void tensorKeys(Gpu& gpu, const Problem& p, DType type, const Backward& operands) {
  const int64_t tiles = ceilDivide(p.tk, kKeys);
  withTensor(p, type, [&](auto element, auto row, auto adjusts) {
    using E = decltype(element);
    launch(gpu, "attentionGrad",
           blocksFor(tiles * p.batch * p.kvHeads, kThreadsOf<row()>, sizeof(Tiles<row(), E>)),
           keysGrad<row(), adjusts(), E>, p, static_cast<int>(tiles), operands.q.as<E>(),
           operands.k.as<E>(), operands.v.as<E>(), operands.dy.as<E>(), operands.statistics,
           operands.dk.as<E>(), operands.dv.as<E>());
  });
}

}  // namespace gradus::attention
