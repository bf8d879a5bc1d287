#include "cuda/attention_hopper.h"

namespace gradus::attention::hopper {

namespace {

/** What a block has in shared memory. */
template <int D, class E>
struct Tiles {
  using S = Shape<D>;
  E queries[S::kQueries * D];
  E keys[2][S::kKeys * D], values[2][S::kKeys * D];
  Range ranges[S::kQueries];
};

#if defined(GRADUS_WGMMA)

/** A block's place, and the tiles of keys that come to it. */
template <int D, class E>
struct Work {
  using S = Shape<D>;
  static constexpr int kKeys = S::kKeys, kQueries = S::kQueries, kThreads = S::kThreads;

  __device__ Work(const Problem& p, int tiles, const E* k, const E* v, unsigned char* memory)
      : p(p), k(k), v(v), tile(*reinterpret_cast<Tiles<D, E>*>(alignPanels(memory))) {
    const int pair = static_cast<int>(blockIndex() / tiles);
    h = pair % p.heads;
    b = pair / p.heads;
    i = (tiles - 1 - static_cast<int>(blockIndex() % tiles)) * kQueries;
    end = i + kQueries < p.tq ? i + kQueries : p.tq;
    seen = {p.range(b, i).from, p.range(b, end - 1).to};
    count = seen.from < seen.to ? (seen.to - seen.from + kKeys - 1) / kKeys : 0;
  }

  __device__ ptx::Address keys(int t) const { return ptx::addressOf(tile.keys[t % 2]); }
  __device__ ptx::Address values(int t) const { return ptx::addressOf(tile.values[t % 2]); }

  /** Begins to copy the keys of tile t and the values of the one before, where there are such. */
  __device__ void begin(int t) const {
    const int first = seen.from + t * kKeys, head = h / p.group();
    if (t < count) {
      const Rows<const E> rows = rowsOf(k, p.ks, b, first, head, seen.to);
      copyPanels<D, kKeys, kThreads>(rows.first, rows.step, rows.count, keys(t));
    }
    if (t > 0 && t <= count) {
      const Rows<const E> rows = rowsOf(v, p.vs, b, first - kKeys, head, seen.to);
      copyPanels<D, kKeys, kThreads>(rows.first, rows.step, rows.count, values(t - 1));
    }
    ptx::cpAsyncCommit();
  }

  /** Until what was begun last is there, and all are done with what came before it. */
  __device__ void arrive() const {
    ptx::cpAsyncWait<0>();
    ptx::fenceAsync();
    __syncthreads();
  }

  /** The tiles of which the rows [first, last] of the block see anything. */
  __device__ Range tilesOf(int first, int last) const {
    const Range all = {tile.ranges[first].from, tile.ranges[last].to};
    if (i + first >= end || all.from >= all.to) return {0, 0};
    return {(all.from - seen.from) / kKeys, (all.to - seen.from + kKeys - 1) / kKeys};
  }

  const Problem& p;
  const E *k, *v;
  Tiles<D, E>& tile;
  int b, h, i, end, count;
  Range seen;
};

#endif

/** A block for each batch, head and tile of queries, the last ones first: where the attention is
 * causal, they see the most. In turn t, warpgroups begin the scores of tile t and the results of
 * the one before; keys for turn t + 1 come in meanwhile, and values a turn later than keys. */
template <int D, class E>
__global__ void __launch_bounds__(Shape<D>::kThreads, 1)
    forward(Problem p, int tiles, const E* q, const E* k, const E* v, E* y, float* lse) {
#if defined(GRADUS_WGMMA)
  constexpr int kKeys = Shape<D>::kKeys, kQueries = Shape<D>::kQueries;
  GRADUS_SHARED(memory);
  const Work<D, E> work(p, tiles, k, v, memory);
  auto& tile = work.tile;
  const int b = work.b, h = work.h, i = work.i, end = work.end;
  const int me = static_cast<int>(threadIdx.x),
            mine = __shfl_sync(~0u, me / ptx::kWarpgroup, 0) * kRows;

  const Rows<const E> rows = rowsOf(q, p.qs, b, i, h, end);
  copyPanels<D, kQueries, Shape<D>::kThreads>(rows.first, rows.step, rows.count,
                                              ptx::addressOf(tile.queries));
  work.begin(0);
  if (me < kQueries) tile.ranges[me] = p.range(b, i + me < end ? i + me : end - 1);
  work.arrive();

  const Lane lane;
  const int strip = 16 * lane.warp;
  const ptx::Address queries = ptx::addressOf(tile.queries) + mine * kPanelRow;
  Range own = work.tilesOf(mine, mine + kRows - 1);
  own = {__shfl_sync(~0u, own.from, 0), __shfl_sync(~0u, own.to, 0)};
  const float factor = p.scale * kLog2e;
  float x[kKeys / 8][4], o[D / 8][4] = {};
  uint32_t weights[kKeys / kSlice][4];
  float rescales[2];
  Softmax softmax[2];

  auto weigh = [&](int t) {
    const int j = work.seen.from + t * kKeys;
    // All see all where the last query and the first one do.
    const bool whole = j >= tile.ranges[mine + kRows - 1].from && j + kKeys <= tile.ranges[mine].to;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (!whole) {
        hide(tile.ranges[strip + 8 * half + lane.g], j + 2 * lane.t, half, kHidden, x);
      }
      rescales[half] = softmax[half].add(factor, half, x);
    }
  };

  // Turns in which this warpgroup has nothing to do but to copy, then its own, then such again.
  int t = 0;
  auto skip = [&](int to) {
    for (; t < to; ++t) {
      work.begin(t + 1);
      work.arrive();
    }
  };
  skip(own.from);
  if (own.from < own.to) {
    ptx::wgmmaFence();
    beginScores<D, kQueries, kKeys, E>(queries, work.keys(t), x);
    ptx::wgmmaCommit();
    work.begin(t + 1);
    ptx::wgmmaWait<0>(x);
    weigh(t);
    packWeights<E>(x, weights);
    work.arrive();
    for (++t; t < own.to; ++t) {
      ptx::wgmmaFence();
      beginScores<D, kQueries, kKeys, E>(queries, work.keys(t), x);
      ptx::wgmmaCommit();
      beginResults<kKeys, E>(weights, work.values(t - 1), o);
      ptx::wgmmaCommit();
      work.begin(t + 1);
      ptx::wgmmaWait<1>(x);
      weigh(t);
      ptx::wgmmaWait<0>(o);
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
#pragma unroll
        for (int c = 0; c < 4; ++c) o[n][c] *= rescales[c / 2];
      }
      packWeights<E>(x, weights);
      work.arrive();
    }
    ptx::wgmmaFence();
    beginResults<kKeys, E>(weights, work.values(t - 1), o);
    ptx::wgmmaCommit();
    if (t < work.count) work.begin(t + 1);
    ptx::wgmmaWait<0>(o);
    if (t < work.count) {
      work.arrive();
      ++t;
    }
  }
  skip(work.count);
  __syncthreads();  // results take the place of queries

  float scales[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float sum = quadReduce(softmax[half].sum, Plus());
    scales[half] = sum == 0.0f ? 0.0f : 1.0f / sum;
    const int query = i + strip + 8 * half + lane.g;
    if (lane.t != 0 || query >= end) continue;
    lse[(static_cast<int64_t>(b) * p.heads + h) * p.tq + query] =
        sum == 0.0f ? kHidden : softmax[half].largest * factor * kLog2 + math::log(sum);
  }
  const Rows<E> to = rowsOf(y, p.ys, b, i + strip, h, end);
  storePanels<D, kQueries>(o, scales[0], scales[1], reinterpret_cast<unsigned char*>(tile.queries),
                           strip, to.first, to.step, to.count);
#endif
}

}  // namespace

bool fits(const Problem& p) {
  const bool plain = p.mask == nullptr && p.slopes == nullptr && !p.drops && p.scale > 0;
  return plain && (p.d == 64 || p.d == 128);
}

void forward(Gpu& gpu, const Problem& p, DType type, const Forward& operands) {
  auto start = [&](auto element, auto size) {
    using E = decltype(element);
    constexpr int D = size();
    const int64_t tiles = ceilDivide(p.tq, Shape<D>::kQueries);
    launch(
        gpu, "attention",
        blocksFor(tiles * p.batch * p.heads, Shape<D>::kThreads, sizeof(Tiles<D, E>) + kPanelAlign),
        forward<D, E>, p, static_cast<int>(tiles), operands.q.as<E>(), operands.k.as<E>(),
        operands.v.as<E>(), operands.y.as<E>(), operands.lse.as<float>());
  };
  auto withSize = [&](auto element) {
    if (p.d == 64) return start(element, std::integral_constant<int, 64>());
    start(element, std::integral_constant<int, 128>());
  };
  type == DType::BF16 ? withSize(BF16()) : withSize(F16());
}

}  // namespace gradus::attention::hopper
