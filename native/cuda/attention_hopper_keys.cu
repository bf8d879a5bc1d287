#include "cuda/attention_hopper.h"

namespace gradus::attention::hopper {

namespace {

constexpr int kKeys = 2 * kRows, kThreads = 2 * ptx::kWarpgroup, kQueries = 64;

/** What a block has in shared memory. */
template <int D, class E>
struct Tiles {
  E keys[kKeys * D], values[kKeys * D];
  E queries[2][kQueries * D], dys[2][kQueries * D];  // two stages of each
  Statistic statistics[2][kQueries];
  Range ranges[2][kQueries];
};

/** dk and dv: a block for each batch, head of keys and tile of keys, which goes over the queries
 * that see them in two stages by turns. Scores are transposed: rows are keys. While tensor cores
 * make the second product of a turn, weights come of the first one; while they make dv of those,
 * the scores' gradients of the second one. */
template <int D, class E>
__global__ void __launch_bounds__(kThreads, 1)
    keysGrad(Problem p, int tiles, const E* q, const E* k, const E* v, const E* dy,
             const Statistic* statistics, E* dk, E* dv) {
#if defined(GRADUS_WGMMA)
  constexpr int N = kQueries;
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, E>*>(alignPanels(memory));
  const int pair = static_cast<int>(blockIndex() / tiles);
  const int kvHead = pair % p.kvHeads, b = pair / p.kvHeads, length = p.length(b);
  const int j = static_cast<int>(blockIndex() % tiles) * kKeys;
  const Range seers = p.seers(b, j, j + kKeys);
  const int me = static_cast<int>(threadIdx.x);

  auto begin = [&](int h, int i, int n) {
    const Rows<const E> rows = rowsOf(q, p.qs, b, i, h, seers.to);
    const Rows<const E> dyRows = rowsOf(dy, p.ys, b, i, h, seers.to);
    copyPanels<D, N, kThreads>(rows.first, rows.step, rows.count, ptx::addressOf(tile.queries[n]));
    copyPanels<D, N, kThreads>(dyRows.first, dyRows.step, dyRows.count,
                               ptx::addressOf(tile.dys[n]));
    if (me >= N) return;
    const Statistic* from = statistics + (static_cast<int64_t>(b) * p.heads + h) * p.tq;
    const bool there = i + me < seers.to;
    ptx::cpAsync<sizeof(Statistic)>(ptx::addressOf(tile.statistics[n] + me), from + i + me, there);
    tile.ranges[n][me] = there ? p.range(b, i + me) : Range{0, 0};
  };
  const Rows<const E> keyRows = rowsOf(k, p.ks, b, j, kvHead, length);
  const Rows<const E> valueRows = rowsOf(v, p.vs, b, j, kvHead, length);
  copyPanels<D, kKeys, kThreads>(keyRows.first, keyRows.step, keyRows.count,
                                 ptx::addressOf(tile.keys));
  copyPanels<D, kKeys, kThreads>(valueRows.first, valueRows.step, valueRows.count,
                                 ptx::addressOf(tile.values));
  const int endHead = seers.from < seers.to ? (kvHead + 1) * p.group() : 0;
  if (endHead > 0) begin(kvHead * p.group(), seers.from, 0);
  ptx::cpAsyncCommit();
  arrive();

  const Lane lane;
  const int strip = 16 * lane.warp, mine = warpgroup() * kRows;
  const ptx::Address keys = ptx::addressOf(tile.keys) + mine * kPanelRow;
  const ptx::Address values = ptx::addressOf(tile.values) + mine * kPanelRow;
  const Range own = p.seers(b, j + mine, j + mine + kRows);
  const Range whole = p.seers(b, j + mine + kRows - 1, j + mine + 1);  // these see all of the keys
  const float factor = p.scale * kLog2e;
  float dks[D / 8][4] = {}, dvs[D / 8][4] = {};
  // A head's tiles of queries, then those of the next one.
  for (int h = kvHead * p.group(), i = seers.from, n = 0; h < endHead; n ^= 1) {
    const bool more = i + N < seers.to;
    const int nextHead = more ? h : h + 1, next = more ? i + N : seers.from;
    const bool sees = own.from < own.to && i < own.to && i + N > own.from;
    const bool takes = __shfl_sync(~0u, sees, 0);
    if (takes) {
      const ptx::Address queries = ptx::addressOf(tile.queries[n]);
      const ptx::Address dys = ptx::addressOf(tile.dys[n]);
      const bool hides = i < whole.from || i + N > whole.to;
      float x[N / 8][4], dx[N / 8][4];
      uint32_t weights[N / kSlice][4], dscores[N / kSlice][4];
      ptx::wgmmaFence();
      beginScores<D, kKeys, N, E>(keys, queries, x);
      ptx::wgmmaCommit();
      beginScores<D, kKeys, N, E>(values, dys, dx);
      ptx::wgmmaCommit();
      if (nextHead < endHead) begin(nextHead, next, n ^ 1);
      ptx::cpAsyncCommit();
      auto everyScore = [&](auto&& f) {
#pragma unroll
        for (int m = 0; m < N / 8; ++m) {
#pragma unroll
          for (int c = 0; c < 2; ++c) {
            const int column = 8 * m + 2 * lane.t + c;
            const Statistic statistic = tile.statistics[n][column];
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              const int key = j + strip + lane.g + 8 * half;
              const bool seen = !hides || tile.ranges[n][column].has(key);
              f(x[m][2 * half + c], dx[m][2 * half + c], statistic, seen);
            }
          }
        }
      };
      ptx::wgmmaWait<1>(x);
      everyScore([&](float& weight, float&, const Statistic& statistic, bool seen) {
        weight = seen ? ptx::exp2(weight * factor - statistic.shift * kLog2e) : 0.0f;
      });
      packWeights<E>(x, weights);
      ptx::wgmmaFence();
      beginResults<N, E>(weights, dys, dvs);
      ptx::wgmmaCommit();
      ptx::wgmmaWait<1>(dx);
      everyScore([&](float& weight, float& dscore, const Statistic& statistic, bool seen) {
        dscore = seen ? weight * (dscore - statistic.delta) : 0.0f;
      });
      packWeights<E>(dx, dscores);
      ptx::wgmmaFence();
      beginResults<N, E>(dscores, queries, dks);
      ptx::wgmmaCommit();
      ptx::wgmmaWait<0>(dks);
      ptx::wgmmaWait<0>(dvs);
    } else {
      if (nextHead < endHead) begin(nextHead, next, n ^ 1);
      ptx::cpAsyncCommit();
    }
    arrive();
    h = nextHead;
    i = next;
  }

  // Results take the place of keys and values, of which none are multiplied any more.
  const Rows<E> toKeys = rowsOf(dk, p.ks, b, j + strip, kvHead, p.tk);
  const Rows<E> toValues = rowsOf(dv, p.vs, b, j + strip, kvHead, p.tk);
  storeStrip<D, inPanels<kKeys>>(dks, p.scale, p.scale, reinterpret_cast<unsigned char*>(tile.keys),
                                 strip, toKeys.first, toKeys.step, toKeys.count, D);
  storeStrip<D, inPanels<kKeys>>(dvs, 1.0f, 1.0f, reinterpret_cast<unsigned char*>(tile.values),
                                 strip, toValues.first, toValues.step, toValues.count, D);
#endif
}

}  // namespace

void keys(Gpu& gpu, const Problem& p, DType type, const Backward& operands) {
  const int64_t tiles = ceilDivide(p.tk, kKeys);
  withSize(p, type, [&](auto element, auto size) {
    using E = decltype(element);
    constexpr int D = size();
    launch(gpu, "attentionGrad",
           blocksFor(tiles * p.batch * p.kvHeads, kThreads, sizeof(Tiles<D, E>) + kPanelAlign),
           keysGrad<D, E>, p, static_cast<int>(tiles), operands.q.as<E>(), operands.k.as<E>(),
           operands.v.as<E>(), operands.dy.as<E>(), operands.statistics, operands.dk.as<E>(),
           operands.dv.as<E>());
  });
}

}  // namespace gradus::attention::hopper
