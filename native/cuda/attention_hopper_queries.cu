#include "cuda/attention_hopper.h"

namespace gradus::attention::hopper {

namespace {

constexpr int kQueries = 2 * kRows, kThreads = 2 * ptx::kWarpgroup, kStages = 3;

/** Keys of a tile: as many as there are registers for their scores, and for what scores' gradients
 * are beside. */
template <int D>
constexpr int kKeys = D == 64 ? 96 : 64;

/** What a block has in shared memory. */
template <int D, class E>
struct Tiles {
  E queries[kQueries * D], dys[kQueries * D];
  E stages[kStages][2][kKeys<D> * D];  // of keys and values
  Range ranges[kQueries];
};

/** dq. In turn t, warpgroups begin the scores of tile t, what dy makes of its values, and the
 * results of the tile before; those of turn t + 1 come in meanwhile. */
template <int D, class E>
__global__ void __launch_bounds__(kThreads, 1)
    queriesGrad(Problem p, int tiles, const E* q, const E* k, const E* v, const E* dy,
                const Statistic* statistics, E* dq) {
#if defined(GRADUS_WGMMA)
  constexpr int N = kKeys<D>;
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, E>*>(alignPanels(memory));
  const Place<kQueries, N> place(p, tiles);
  const int b = place.b, h = place.h, i = place.i, end = place.end;
  const Range seen = place.seen;

  auto stage = [&](int t, int which) { return ptx::addressOf(tile.stages[t % kStages][which]); };
  auto begin = [&](int t) {
    if (t < place.count) {
      const int first = seen.from + t * N;
      const Rows<const E> keys = rowsOf(k, p.ks, b, first, place.kvHead, seen.to);
      const Rows<const E> values = rowsOf(v, p.vs, b, first, place.kvHead, seen.to);
      copyPanels<D, N, kThreads>(keys.first, keys.step, keys.count, stage(t, 0));
      copyPanels<D, N, kThreads>(values.first, values.step, values.count, stage(t, 1));
    }
    ptx::cpAsyncCommit();
  };
  const Rows<const E> rows = rowsOf(q, p.qs, b, i, h, end), dyRows = rowsOf(dy, p.ys, b, i, h, end);
  copyPanels<D, kQueries, kThreads>(rows.first, rows.step, rows.count,
                                    ptx::addressOf(tile.queries));
  copyPanels<D, kQueries, kThreads>(dyRows.first, dyRows.step, dyRows.count,
                                    ptx::addressOf(tile.dys));
  begin(0);
  place.findRanges(p, tile.ranges);
  arrive();

  const Lane lane;
  const int strip = 16 * lane.warp, mine = warpgroup() * kRows;
  const ptx::Address queries = ptx::addressOf(tile.queries) + mine * kPanelRow;
  const ptx::Address dys = ptx::addressOf(tile.dys) + mine * kPanelRow;
  const Range own = place.tilesOf(tile.ranges, mine);
  const float factor = p.scale * kLog2e;
  Statistic statistic[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int wanted = i + strip + 8 * half + lane.g, query = wanted < end ? wanted : end - 1;
    statistic[half] = statistics[(static_cast<int64_t>(b) * p.heads + h) * p.tq + query];
    statistic[half].shift *= kLog2e;
  }
  float x[N / 8][4], dx[N / 8][4], dqs[D / 8][4] = {};
  uint32_t dscores[N / kSlice][4];

  auto weigh = [&] {
#pragma unroll
    for (int n = 0; n < N / 8; ++n) {
#pragma unroll
      for (int c = 0; c < 4; ++c) x[n][c] = ptx::exp2(x[n][c] * factor - statistic[c / 2].shift);
    }
  };
  auto score = [&](int t) {
    const int j = seen.from + t * N;
    // All see all where the last query and the first one do.
    const bool whole = j >= tile.ranges[mine + kRows - 1].from && j + N <= tile.ranges[mine].to;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int n = 0; n < N / 8; ++n) {
#pragma unroll
        for (int c = 2 * half; c < 2 * half + 2; ++c) {
          dx[n][c] = x[n][c] * (dx[n][c] - statistic[half].delta);
        }
      }
      if (!whole) hide(tile.ranges[strip + 8 * half + lane.g], j + 2 * lane.t, half, 0.0f, dx);
    }
  };

  // Turns in which this warpgroup has nothing to do but to copy, then its own, then such again.
  int t = 0;
  auto skip = [&](int to) {
    for (; t < to; ++t) {
      begin(t + 1);
      arrive();
    }
  };
  auto beginTile = [&] {
    ptx::wgmmaFence();
    beginScores<D, kQueries, N, E>(queries, stage(t, 0), x);
    ptx::wgmmaCommit();
    beginScores<D, kQueries, N, E>(dys, stage(t, 1), dx);
    ptx::wgmmaCommit();
  };
  skip(own.from);
  if (own.from < own.to) {
    beginTile();
    begin(t + 1);
    ptx::wgmmaWait<1>(x);
    weigh();
    ptx::wgmmaWait<0>(dx);
    score(t);
    packWeights<E>(dx, dscores);
    arrive();
    for (++t; t < own.to; ++t) {
      beginTile();
      beginResults<N, E>(dscores, stage(t - 1, 0), dqs);
      ptx::wgmmaCommit();
      begin(t + 1);
      ptx::wgmmaWait<2>(x);
      weigh();
      ptx::wgmmaWait<1>(dx);
      score(t);
      ptx::wgmmaWait<0>(dqs);
      packWeights<E>(dx, dscores);
      arrive();
    }
    ptx::wgmmaFence();
    beginResults<N, E>(dscores, stage(t - 1, 0), dqs);
    ptx::wgmmaCommit();
    if (t < place.count) begin(t + 1);
    ptx::wgmmaWait<0>(dqs);
    if (t < place.count) {
      arrive();
      ++t;
    }
  }
  skip(place.count);
  __syncthreads();  // results take the place of queries

  const Rows<E> to = rowsOf(dq, p.qs, b, i + strip, h, end);
  storeStrip<D, inPanels<kQueries>>(dqs, p.scale, p.scale,
                                    reinterpret_cast<unsigned char*>(tile.queries), strip, to.first,
                                    to.step, to.count, D);
#endif
}

}  // namespace

void queries(Gpu& gpu, const Problem& p, DType type, const Backward& operands) {
  const int64_t tiles = ceilDivide(p.tq, kQueries);
  withSize(p, type, [&](auto element, auto size) {
    using E = decltype(element);
    constexpr int D = size();
    launch(gpu, "attentionGrad",
           blocksFor(tiles * p.batch * p.heads, kThreads, sizeof(Tiles<D, E>) + kPanelAlign),
           queriesGrad<D, E>, p, static_cast<int>(tiles), operands.q.as<E>(), operands.k.as<E>(),
           operands.v.as<E>(), operands.dy.as<E>(), operands.statistics, operands.dq.as<E>());
  });
}

}  // namespace gradus::attention::hopper
