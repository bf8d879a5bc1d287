#include "cuda/attention_tensor.h"

namespace gradus::attention {

namespace {

constexpr int kKeys = 16 * kWarps, kQueries = 32;

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
};

/** dk and dv: a block for each batch, head of keys and tile of keys, which goes over the queries
 * that see them in two stages by turns. Scores are transposed: rows are keys. */
template <int D, bool Adjusts, class E>
__global__ void __launch_bounds__(kBlock, kTogether)
    keysGrad(Problem p, int tiles, const E* q, const E* k, const E* v, const E* dy,
             const Statistic* statistics, E* dk, E* dv) {
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, E>*>(memory);
  const int pair = static_cast<int>(blockIndex() / tiles);
  const int kvHead = pair % p.kvHeads, b = pair / p.kvHeads, length = p.length(b);
  const int j = static_cast<int>(blockIndex() % tiles) * kKeys;
  const Range seers = p.seers(b, j, j + kKeys);
  const Range whole = p.seers(b, j + kKeys - 1, j + 1);  // these see all of the keys

  auto copyStage = [&](int h, int i, int n) {
    auto& stage = tile.stages[n];
    copyRows<D, kQueries>(rowsOf(q, p.qs, b, i, h, seers.to), p.d, ptx::addressOf(stage.queries));
    copyRows<D, kQueries>(rowsOf(dy, p.ys, b, i, h, seers.to), p.d, ptx::addressOf(stage.dys));
    const int query = static_cast<int>(threadIdx.x);
    if (query >= kQueries) return;
    const Statistic* from = statistics + (static_cast<int64_t>(b) * p.heads + h) * p.tq;
    const bool there = i + query < seers.to;
    ptx::cpAsync<sizeof(Statistic)>(ptx::addressOf(stage.statistics + query), from + i + query,
                                    there);
    stage.ranges[query] = there ? p.range(b, i + query) : Range{0, 0};
  };
  copyRows<D, kKeys>(rowsOf(k, p.ks, b, j, kvHead, length), p.d, ptx::addressOf(tile.keys));
  copyRows<D, kKeys>(rowsOf(v, p.vs, b, j, kvHead, length), p.d, ptx::addressOf(tile.values));
  const int endHead = seers.from < seers.to ? (kvHead + 1) * p.group() : 0;
  if (endHead > 0) copyStage(kvHead * p.group(), seers.from, 0);
  ptx::cpAsyncCommit();
  ptx::cpAsyncWait<0>();
  __syncthreads();

  const Lane lane;
  const int strip = lane.warp * 16;
  const Left<1, D, D <= 64, E> keys(ptx::addressOf(tile.keys), strip);
  const Left<1, D, D <= 64, E> values(ptx::addressOf(tile.values), strip);
  const float factor = p.scale * kLog2e;
  float dks[1][D / 8][4] = {}, dvs[1][D / 8][4] = {};
  // A head's tiles of queries, then those of the next one.
  for (int h = kvHead * p.group(), i = seers.from, n = 0; h < endHead; n ^= 1) {
    const bool more = i + kQueries < seers.to;
    const int nextHead = more ? h : h + 1, next = more ? i + kQueries : seers.from;
    if (nextHead < endHead) copyStage(nextHead, next, n ^ 1);
    ptx::cpAsyncCommit();
    const auto& stage = tile.stages[n];
    float x[1][kQueries / 8][4] = {}, dx[1][kQueries / 8][4] = {};
    keys.multiply(ptx::addressOf(stage.queries), x);
    values.multiply(ptx::addressOf(stage.dys), dx);
    const bool hides = i < whole.from || i + kQueries > whole.to;
#pragma unroll
    for (int m = 0; m < kQueries / 8; ++m) {
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const int column = 8 * m + 2 * lane.t + c;
        const Statistic statistic = stage.statistics[column];
        const float shift = statistic.shift * kLog2e;
        const int query = i + column < seers.to ? i + column : seers.to - 1;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int key = j + strip + lane.g + 8 * half;
          float &weight = x[0][m][2 * half + c], &dscore = dx[0][m][2 * half + c];
          if constexpr (Adjusts) {
            const Row row(p, b, h, query);
            const float bias = row.sees(key) ? row.bias(p, key) * kLog2e : 0.0f;
            weight = ptx::exp2(weight * factor + bias - shift);
            if (p.drops) dscore = p.dropout.apply(dscore, p.element(b, h, query, key));
            dscore = weight * (dscore - statistic.delta);
            if (p.drops) weight = p.dropout.apply(weight, p.element(b, h, query, key));
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
    multiplyRows<D, E>(x, ptx::addressOf(stage.dys), dvs);
    multiplyRows<D, E>(dx, ptx::addressOf(stage.queries), dks);
    ptx::cpAsyncWait<0>();
    __syncthreads();  // the next stage is there, and this one may be written
    h = nextHead;
    i = next;
  }

  const Rows<E> toKeys = rowsOf(dk, p.ks, b, j + strip, kvHead, p.tk);
  const Rows<E> toValues = rowsOf(dv, p.vs, b, j + strip, kvHead, p.tk);
  storeStrip<D>(dks[0], p.scale, p.scale, reinterpret_cast<unsigned char*>(tile.keys), strip,
                toKeys.first, toKeys.step, toKeys.count, p.d);
  storeStrip<D>(dvs[0], 1.0f, 1.0f, reinterpret_cast<unsigned char*>(tile.values), strip,
                toValues.first, toValues.step, toValues.count, p.d);
}

}  // namespace

void tensorKeys(Gpu& gpu, const Problem& p, DType type, const Backward& operands) {
  const int64_t tiles = ceilDivide(p.tk, kKeys);
  withTensor(p, type, [&](auto element, auto row, auto adjusts) {
    using E = decltype(element);
    launch(gpu, "attentionGrad",
           blocksFor(tiles * p.batch * p.kvHeads, kBlock, sizeof(Tiles<row(), E>)),
           keysGrad<row(), adjusts(), E>, p, static_cast<int>(tiles), operands.q.as<E>(),
           operands.k.as<E>(), operands.v.as<E>(), operands.dy.as<E>(), operands.statistics,
           operands.dk.as<E>(), operands.dv.as<E>());
  });
}

}  // namespace gradus::attention
