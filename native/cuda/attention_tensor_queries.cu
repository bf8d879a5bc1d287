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
  Stages<D, kKeys<D>, E> stages;
  Range ranges[kQueries];
};

/** dq: a block for each batch, head and tile of queries, which goes over the keys that they see. */
template <int D, bool Adjusts, class E>
__global__ void __launch_bounds__(kBlock, kTogether)
    queriesGrad(Problem p, int tiles, const E* q, const E* k, const E* v, const E* dy,
                const Statistic* statistics, E* dq) {
  constexpr int N = kKeys<D>;
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, E>*>(memory);
  const QueryTile own(p, tiles, kQueries);
  const int b = own.b, h = own.h, i = own.begin, end = own.end;
  copyRows<D, kQueries>(rowsOf(q, p.qs, b, i, h, end), p.d, ptx::addressOf(tile.queries));
  copyRows<D, kQueries>(rowsOf(dy, p.ys, b, i, h, end), p.d, ptx::addressOf(tile.dys));
  tile.stages.begin(p, own, k, v, own.seen.from, 0);
  const int me = static_cast<int>(threadIdx.x);
  if (me < kQueries) tile.ranges[me] = p.range(b, own.query(me));
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
    query[half] = own.query(strip + 8 * half + lane.g);
    statistic[half] = statistics[int64_t{own.pair} * p.tq + query[half]];
    statistic[half].shift *= kLog2e;
  }
  const float factor = Adjusts ? 1.0f : p.scale * kLog2e;
  float dqs[1][D / 8][4] = {};
  for (int j = own.seen.from, turn = 0; j < own.seen.to; j += N, turn ^= 1) {
    tile.stages.begin(p, own, k, v, j + N, turn ^ 1);
    const ptx::Address keys = ptx::addressOf(tile.stages[turn].keys);
    const ptx::Address values = ptx::addressOf(tile.stages[turn].values);
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
