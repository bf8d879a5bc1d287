#include "cuda/attention_tensor.h"

namespace gradus::attention {

namespace {

constexpr int kQueries = 16 * kWarps;

/** Keys of a tile: the longer dq's rows, the fewer registers there are for scores. */
template <int D>
constexpr int kKeys = D <= 64    ? 64
                      : D <= 128 ? 32
                                 : 16;

/** What a block has in shared memory. */
template <int D, class E>
struct Tiles {
  E queries[kQueries * D], dys[kQueries * D];
  E stages[2][2][kKeys<D> * D];  // of keys and values
  Range ranges[kQueries];
};

/** dq: a block for each batch, head and tile of queries, the last ones first, which goes over the
 * keys that they see in two stages by turns. */
template <int D, bool Adjusts, class E>
__global__ void __launch_bounds__(kBlock, kTogether)
    queriesGrad(Problem p, int tiles, const E* q, const E* k, const E* v, const E* dy,
                const Statistic* statistics, E* dq) {
  constexpr int N = kKeys<D>;
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, E>*>(memory);
  const int pair = static_cast<int>(blockIndex() / tiles), h = pair % p.heads, b = pair / p.heads;
  const int i = (tiles - 1 - static_cast<int>(blockIndex() % tiles)) * kQueries;
  const int end = i + kQueries < p.tq ? i + kQueries : p.tq, kvHead = h / p.group();
  const Range seen = {p.range(b, i).from, p.range(b, end - 1).to};

  auto copyStage = [&](int j, int stage) {
    const Rows<const E> keys = rowsOf(k, p.ks, b, j, kvHead, seen.to);
    const Rows<const E> values = rowsOf(v, p.vs, b, j, kvHead, seen.to);
    copyRows<D, N>(keys, p.d, ptx::addressOf(tile.stages[stage][0]));
    copyRows<D, N>(values, p.d, ptx::addressOf(tile.stages[stage][1]));
  };
  copyRows<D, kQueries>(rowsOf(q, p.qs, b, i, h, end), p.d, ptx::addressOf(tile.queries));
  copyRows<D, kQueries>(rowsOf(dy, p.ys, b, i, h, end), p.d, ptx::addressOf(tile.dys));
  if (seen.from < seen.to) copyStage(seen.from, 0);
  ptx::cpAsyncCommit();
  const int me = static_cast<int>(threadIdx.x);
  if (me < kQueries) tile.ranges[me] = p.range(b, i + me < end ? i + me : end - 1);
  ptx::cpAsyncWait<0>();
  __syncthreads();

  const Lane lane;
  const int strip = lane.warp * 16;
  const Left<1, D, D <= 64, E> queries(ptx::addressOf(tile.queries), strip),
      dys(ptx::addressOf(tile.dys), strip);
  int query[2];
  Statistic statistic[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int wanted = i + strip + 8 * half + lane.g;
    query[half] = wanted < end ? wanted : end - 1;
    statistic[half] = statistics[static_cast<int64_t>(pair) * p.tq + query[half]];
    statistic[half].shift *= kLog2e;
  }
  const float factor = Adjusts ? 1.0f : p.scale * kLog2e;
  float dqs[1][D / 8][4] = {};
  for (int j = seen.from, stage = 0; j < seen.to; j += N, stage ^= 1) {
    if (j + N < seen.to) copyStage(j + N, stage ^ 1);
    ptx::cpAsyncCommit();
    const ptx::Address keys = ptx::addressOf(tile.stages[stage][0]);
    const ptx::Address values = ptx::addressOf(tile.stages[stage][1]);
    // All see all where the last query and the first one do.
    const bool whole = j >= tile.ranges[kQueries - 1].from && j + N <= tile.ranges[0].to;
    const int column = j + 2 * lane.t;
    float x[1][N / 8][4] = {}, dx[1][N / 8][4] = {};
    queries.multiply(keys, x);
    dys.multiply(values, dx);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if constexpr (Adjusts) {
        adjust(p, Row(p, b, h, query[half]), column, half, x[0]);
        if (p.drops) drop(p.dropout, p.element(b, h, query[half], column), half, dx[0]);
      }
#pragma unroll
      for (int n = 0; n < N / 8; ++n) {
#pragma unroll
        for (int c = 2 * half; c < 2 * half + 2; ++c) {
          const float weight = ptx::exp2(x[0][n][c] * factor - statistic[half].shift);
          dx[0][n][c] = weight * (dx[0][n][c] - statistic[half].delta);
        }
      }
      if (!whole) hide(tile.ranges[strip + 8 * half + lane.g], column, half, 0.0f, dx[0]);
    }
    multiplyRows<D, E>(dx, keys, dqs);
    ptx::cpAsyncWait<0>();
    __syncthreads();  // the next stage is there, and this one may be written
  }

  const Rows<E> to = rowsOf(dq, p.qs, b, i + strip, h, end);
  storeStrip<D>(dqs[0], p.scale, p.scale, memory, strip, to.first, to.step, to.count, p.d);
}

}  // namespace

void tensorQueries(Gpu& gpu, const Problem& p, DType type, const Backward& operands) {
  const int64_t tiles = ceilDivide(p.tq, kQueries);
  withTensor(p, type, [&](auto element, auto row, auto adjusts) {
    using E = decltype(element);
    launch(gpu, "attentionGrad",
           blocksFor(tiles * p.batch * p.heads, kBlock, sizeof(Tiles<row(), E>)),
           queriesGrad<row(), adjusts(), E>, p, static_cast<int>(tiles), operands.q.as<E>(),
           operands.k.as<E>(), operands.v.as<E>(), operands.dy.as<E>(), operands.statistics,
           operands.dq.as<E>());
  });
}

}  // namespace gradus::attention
