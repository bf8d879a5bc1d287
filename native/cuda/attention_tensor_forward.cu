#include "cuda/attention_softmax.h"
#include "cuda/attention_tensor.h"

namespace gradus::attention {

namespace {

/** Keys of a tile. Beyond 128 elements y takes up to 128 registers of a thread, which leaves few
 * for scores; and with 32 keys two blocks share a multiprocessor's memory. */
template <int D>
constexpr int kKeys = D <= 128 ? 64 : 32;

/** Strips of a warp. A right factor that serves two is loaded half as often, but they take twice
 * the registers. */
template <int D, bool Adjusts>
constexpr int kStripsOf = D <= 64 && !Adjusts ? 2 : 1;

/** What a block has in shared memory. */
template <int D, int Queries, class E>
struct Tiles {
  E queries[Queries * D];
  Stages<D, kKeys<D>, E> stages;
  Range ranges[Queries];
};

/** A block for each batch, head and tile of queries, which goes over the keys that they see. */
template <int D, bool Adjusts, class E>
__global__ void __launch_bounds__(kBlock, kTogether)
    forward(Problem p, int tiles, const E* q, const E* k, const E* v, E* y, float* lse) {
  constexpr int kStrips = kStripsOf<D, Adjusts>, kQueries = 16 * kStrips * kWarps, N = kKeys<D>;
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, kQueries, E>*>(memory);
  const QueryTile own(p, tiles, kQueries);
  const int b = own.b, h = own.h, i = own.begin, end = own.end;
  copyRows<D, kQueries>(rowsOf(q, p.qs, b, i, h, end), p.d, ptx::addressOf(tile.queries));
  tile.stages.begin(p, own, k, v, own.seen.from, 0);
  const int me = static_cast<int>(threadIdx.x);
  if (me < kQueries) tile.ranges[me] = p.range(b, own.query(me));
  ptx::cpAsyncWait<0>();
  __syncthreads();

  const Lane lane;
  const int strip = lane.warp * kStrips * 16;
  const Left<kStrips, D, kStrips == 1 && D <= 64, E> left(ptx::addressOf(tile.queries), strip);
  const float factor = Adjusts ? 1.0f : p.scale * kLog2e;
  float o[kStrips][D / 8][4] = {};
  Softmax softmax[kStrips][2];
  for (int j = own.seen.from, turn = 0; j < own.seen.to; j += N, turn ^= 1) {
    tile.stages.begin(p, own, k, v, j + N, turn ^ 1);
    const auto& stage = tile.stages[turn];
    // All see all where the last query and the first one do.
    const bool whole = j >= tile.ranges[kQueries - 1].from && j + N <= tile.ranges[0].to;
    const int column = j + 2 * lane.t;
    float x[kStrips][N / 8][4] = {};
    left.multiply(ptx::addressOf(stage.keys), x);
#pragma unroll
    for (int s = 0; s < kStrips; ++s) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = strip + 16 * s + 8 * half + lane.g;
        const int query = own.query(row);
        if constexpr (Adjusts) adjust(p, Row(p, b, h, query), column, half, x[s]);
        if (!whole) hide(tile.ranges[row], column, half, kHidden, x[s]);
        const float rescale = softmax[s][half].add(factor, half, x[s]);
        if constexpr (Adjusts) {
          if (p.drops) drop(p.dropout, p.element(b, h, query, column), half, x[s]);
        }
#pragma unroll
        for (int n = 0; n < D / 8; ++n) {
          o[s][n][2 * half] *= rescale;
          o[s][n][2 * half + 1] *= rescale;
        }
      }
    }
    multiplyRows<D, E>(x, ptx::addressOf(stage.values), o);
    ptx::cpAsyncWait<0>();
    __syncthreads();  // the next stage is there, and this one may be written
  }

#pragma unroll
  for (int s = 0; s < kStrips; ++s) {
    float scales[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Softmax& row = softmax[s][half];
      const float sum = quadReduce(row.sum, Plus());
      scales[half] = sum == 0.0f ? 0.0f : 1.0f / sum;
      const int query = i + strip + 16 * s + 8 * half + lane.g;
      if (lane.t != 0 || query >= end) continue;
      lse[int64_t{own.pair} * p.tq + query] =
          sum == 0.0f ? kHidden : row.largest * factor * kLog2 + math::log(sum);
    }
    const Rows<E> to = rowsOf(y, p.ys, b, i + strip + 16 * s, h, end);
    storeStrip<D>(o[s], scales[0], scales[1], memory, strip + 16 * s, to.first, to.step, to.count,
                  p.d);
  }
}

}  // namespace

void tensor(Gpu& gpu, const Problem& p, DType type, const Forward& operands) {
  withTensor(p, type, [&](auto element, auto row, auto adjusts) {
    using E = decltype(element);
    constexpr int kQueries = 16 * kStripsOf<row(), adjusts()> * kWarps;
    const int64_t tiles = ceilDivide(p.tq, kQueries);
    launch(gpu, "attention",
           blocksFor(tiles * p.batch * p.heads, kBlock, sizeof(Tiles<row(), kQueries, E>)),
           forward<row(), adjusts(), E>, p, static_cast<int>(tiles), operands.q.as<E>(),
           operands.k.as<E>(), operands.v.as<E>(), operands.y.as<E>(), operands.lse.as<float>());
  });
}

}  // namespace gradus::attention
