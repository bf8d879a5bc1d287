#include "cuda/attention_hopper.h"
#include "cuda/attention_softmax.h"

namespace gradus::attention::hopper {

namespace {

/** How a block of a head size is cut: in as many warpgroups as have registers for their scores,
 * weights and results. */
template <int D>
struct Shape {
  static constexpr int kGroups = D == 64 ? 3 : 2;
  static constexpr int kThreads = kGroups * ptx::kWarpgroup;
  static constexpr int kQueries = kGroups * kRows, kKeys = D == 64 ? 96 : 128;
};

/** What a block has in shared memory. */
template <int D, class E>
struct Tiles {
  using S = Shape<D>;
  E queries[S::kQueries * D];
  E keys[2][S::kKeys * D], values[2][S::kKeys * D];
  Range ranges[S::kQueries];
};

/** A block for each batch, head and tile of queries, the last ones first: where the attention is
 * causal, they see the most. In turn t, warpgroups begin the scores of tile t and the results of
 * the one before; keys for turn t + 1 come in meanwhile, and values a turn later than keys. */
template <int D, class E>
__global__ void __launch_bounds__(Shape<D>::kThreads, 1)
    forward(Problem p, int tiles, const E* q, const E* k, const E* v, E* y, float* lse) {
#if defined(GRADUS_WGMMA)
  using S = Shape<D>;
  constexpr int kKeys = S::kKeys, kQueries = S::kQueries;
  GRADUS_SHARED(memory);
  auto& tile = *reinterpret_cast<Tiles<D, E>*>(alignPanels(memory));
  const Place<kQueries, kKeys> place(p, tiles);
  const int b = place.b, h = place.h, i = place.i, end = place.end;
  const Range seen = place.seen;

  auto keys = [&](int t) { return ptx::addressOf(tile.keys[t % 2]); };
  auto values = [&](int t) { return ptx::addressOf(tile.values[t % 2]); };
  // Begins to copy the keys of tile t and the values of the one before, where there are such.
  auto begin = [&](int t) {
    const int first = seen.from + t * kKeys;
    if (t < place.count) {
      const Rows<const E> rows = rowsOf(k, p.ks, b, first, place.kvHead, seen.to);
      copyPanels<D, kKeys, S::kThreads>(rows.first, rows.step, rows.count, keys(t));
    }
    if (t > 0 && t <= place.count) {
      const Rows<const E> rows = rowsOf(v, p.vs, b, first - kKeys, place.kvHead, seen.to);
      copyPanels<D, kKeys, S::kThreads>(rows.first, rows.step, rows.count, values(t - 1));
    }
    ptx::cpAsyncCommit();
  };
  const Rows<const E> rows = rowsOf(q, p.qs, b, i, h, end);
  copyPanels<D, kQueries, S::kThreads>(rows.first, rows.step, rows.count,
                                       ptx::addressOf(tile.queries));
  begin(0);
  place.findRanges(p, tile.ranges);
  arrive();

  const Lane lane;
  const int strip = 16 * lane.warp, mine = warpgroup() * kRows;
  const ptx::Address queries = ptx::addressOf(tile.queries) + mine * kPanelRow;
  const Range own = place.tilesOf(tile.ranges, mine);
  const float factor = p.scale * kLog2e;
  float x[kKeys / 8][4], o[D / 8][4] = {};
  uint32_t weights[kKeys / kSlice][4];
  float rescales[2];
  Softmax softmax[2];

  auto weigh = [&](int t) {
    const int j = seen.from + t * kKeys;
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
      begin(t + 1);
      arrive();
    }
  };
  skip(own.from);
  if (own.from < own.to) {
    ptx::wgmmaFence();
    beginScores<D, kQueries, kKeys, E>(queries, keys(t), x);
    ptx::wgmmaCommit();
    begin(t + 1);
    ptx::wgmmaWait<0>(x);
    weigh(t);
    packWeights<E>(x, weights);
    arrive();
    for (++t; t < own.to; ++t) {
      ptx::wgmmaFence();
      beginScores<D, kQueries, kKeys, E>(queries, keys(t), x);
      ptx::wgmmaCommit();
      beginResults<kKeys, E>(weights, values(t - 1), o);
      ptx::wgmmaCommit();
      begin(t + 1);
      ptx::wgmmaWait<1>(x);
      weigh(t);
      ptx::wgmmaWait<0>(o);
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
#pragma unroll
        for (int c = 0; c < 4; ++c) o[n][c] *= rescales[c / 2];
      }
      packWeights<E>(x, weights);
      arrive();
    }
    ptx::wgmmaFence();
    beginResults<kKeys, E>(weights, values(t - 1), o);
    ptx::wgmmaCommit();
    if (t < place.count) begin(t + 1);
    ptx::wgmmaWait<0>(o);
    if (t < place.count) {
      arrive();
      ++t;
    }
  }
  skip(place.count);
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
  storeStrip<D, inPanels<kQueries>>(o, scales[0], scales[1],
                                    reinterpret_cast<unsigned char*>(tile.queries), strip, to.first,
                                    to.step, to.count, D);
#endif
}

}  // namespace

bool fits(const Problem& p) {
  const bool plain = p.mask == nullptr && p.slopes == nullptr && !p.drops && p.scale > 0;
  return plain && (p.d == 64 || p.d == 128);
}

void forward(Gpu& gpu, const Problem& p, DType type, const Forward& operands) {
  withSize(p, type, [&](auto element, auto size) {
    using E = decltype(element);
    constexpr int D = size();
    const int64_t tiles = ceilDivide(p.tq, Shape<D>::kQueries);
    launch(
        gpu, "attention",
        blocksFor(tiles * p.batch * p.heads, Shape<D>::kThreads, sizeof(Tiles<D, E>) + kPanelAlign),
        forward<D, E>, p, static_cast<int>(tiles), operands.q.as<E>(), operands.k.as<E>(),
        operands.v.as<E>(), operands.y.as<E>(), operands.lse.as<float>());
  });
}

}  // namespace gradus::attention::hopper
