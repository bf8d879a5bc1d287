// Few queries over many keys, as a generating model asks for them. Reading the keys and values is
// the work, so blocks share them out, and what they found is joined (Dao, Haziza, Massa and Sizov,
// "Flash-Decoding for long-context inference", 2023).
//
// All queries of the heads that share a head of keys are rows, and a block has up to 8 of them for
// each key that it reads. A team of lanes takes keys of its own, a lane 8 elements of each.
#include "cuda/attention.h"
#include "cuda/launch.h"
#include "cuda/rows.h"
#include "cuda/teams.h"

namespace gradus::attention {

namespace {

constexpr int kBlock = 128;
constexpr int kEach = 8;  // elements of a row that a lane has
constexpr int kLeastLanes = 8, kTeams = kBlock / kLeastLanes;
constexpr int kMostParts = kBlock;  // a thread for each joins them
constexpr int kMostRows = 16;       // of a head of keys
constexpr int kLeastKeys = 64;      // of a part

/** Blocks that a multiprocessor has registers for: the more rows, the more of them a thread takes.
 */
template <int R>
constexpr int kTogether = R == 1   ? 4
                          : R == 2 ? 3
                                   : 2;

/** Keys of a team that are loaded at once: bytes on the way are what hides memory's latency, and
 * they take registers. */
template <int R, class E>
constexpr int kKeys = R > 4 || sizeof(E) > 2 ? 2 : 4;

/** Of a row, over some of its keys: sum is of exp(score - largest). */
struct Softmax {
  float largest, sum;

  /** What is subtracted from scores: something finite where there are none. */
  __device__ float shift() const { return largest == kHidden ? 0.0f : largest; }
};

/** How a call is shared out. A block has some rows of a head of keys, and a part of the keys. */
struct Shares {
  int lanes;   // of a team
  bool whole;  // each lane's elements are loaded as 16 bytes
  int groups;  // of rows, for each head of keys
  int parts;
};

template <class E>
struct Operands {
  const E *q, *k, *v;
  E* y;
  float* lse;
  // What blocks found, where there are several parts: (batch, heads, tq, parts), and for sums
  // another axis of d. They are weighted by exp(score - largest).
  Softmax* softmaxes;
  float* sums;
};

/** Elements that one lane has. */
template <class E>
struct Slice {
  /** Those at x; `count` of them are there. */
  __device__ void load(const E* x, bool whole, int count) {
    if (whole) {
#pragma unroll
      for (int e = 0; e < kEach; e += kPack<E>) {
        const auto pack =
            count > 0 ? *reinterpret_cast<const Pack<E, kPack<E>>*>(x + e) : Pack<E, kPack<E>>{};
#pragma unroll
        for (int j = 0; j < kPack<E>; ++j) elements[e + j] = pack.elements[j];
      }
    } else {
#pragma unroll
      for (int e = 0; e < kEach; ++e) elements[e] = e < count ? x[e] : E();
    }
  }
  __device__ float operator[](int e) const { return math::toFloat(elements[e]); }

  E elements[kEach];
};

/** Where y and lse of a row are stored, or those of a part of its keys. */
template <class E>
__device__ void finish(const Problem& p, const Operands<E>& at, int b, int h, int i, int column,
                       const Softmax& softmax, float y) {
  const float scale = softmax.sum == 0.0f ? 0.0f : 1.0f / softmax.sum;
  math::store(y * scale, at.y + p.ys.at(b, i, h) + column);
  if (column > 0) return;
  at.lse[(int64_t{b} * p.heads + h) * p.tq + i] =
      softmax.sum == 0.0f ? kHidden : softmax.largest + math::log(softmax.sum);
}

/** A block for each batch, head of keys, group of R rows and part of the keys that they see. */
template <int R, class E>
__global__ void __launch_bounds__(kBlock, kTogether<R>)
    decode(Problem p, Shares shares, Operands<E> at) {
  constexpr int U = kKeys<R, E>;
  __shared__ Range ranges[R];
  __shared__ Softmax found[R][kTeams];
  __shared__ float weights[R][kTeams], sums[R][kBlock * kEach];
  const int part = static_cast<int>(blockIndex() % shares.parts);
  const int owner = static_cast<int>(blockIndex() / shares.parts / shares.groups);
  const int kvHead = owner % p.kvHeads, b = owner / p.kvHeads, rows = p.group() * p.tq;
  const int firstRow = static_cast<int>(blockIndex() / shares.parts % shares.groups) * R;
  // Rows beyond the last one do what it does.
  auto rowAt = [&](int r) { return firstRow + r < rows ? firstRow + r : rows - 1; };
  auto headOf = [&](int r) { return kvHead * p.group() + rowAt(r) / p.tq; };
  auto queryOf = [&](int r) { return rowAt(r) % p.tq; };
  const int me = static_cast<int>(threadIdx.x);
  if (me < R) ranges[me] = p.range(b, queryOf(me));
  __syncthreads();

  const Team team(shares.lanes);
  const int column = team.rank * kEach, count = p.d - column;
  Slice<E> q[R];
  Softmax softmax[R];
  float o[R][kEach] = {};
#pragma unroll
  for (int r = 0; r < R; ++r) {
    q[r].load(at.q + p.qs.at(b, queryOf(r), headOf(r)) + column, shares.whole, count);
    softmax[r] = {kHidden, 0};
  }

  const Range seen = {p.range(b, 0).from, p.range(b, p.tq - 1).to};
  const int each = seen.from < seen.to ? (seen.to - seen.from - 1) / shares.parts + 1 : 0;
  const int from = seen.from + part * each, to = from + each < seen.to ? from + each : seen.to;
  const bool biased = p.mask != nullptr || p.slopes != nullptr;
  for (int j = from + team.index; j - team.index < to; j += U * team.count) {
    Slice<E> k[U], v[U];
#pragma unroll
    for (int u = 0; u < U; ++u) {
      const int key = j + u * team.count, there = key < to ? count : 0;
      k[u].load(at.k + p.ks.at(b, key, kvHead) + column, shares.whole, there);
      v[u].load(at.v + p.vs.at(b, key, kvHead) + column, shares.whole, there);
    }
    float x[R][U];
#pragma unroll
    for (int r = 0; r < R; ++r) {
#pragma unroll
      for (int u = 0; u < U; ++u) {
        x[r][u] = 0;
#pragma unroll
        for (int e = 0; e < kEach; ++e) x[r][u] += q[r][e] * k[u][e];
      }
    }
    for (int bits = shares.lanes / 2; bits > 0; bits /= 2) {
#pragma unroll
      for (int r = 0; r < R; ++r) {
#pragma unroll
        for (int u = 0; u < U; ++u) x[r][u] += __shfl_xor_sync(~0u, x[r][u], bits);
      }
    }
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const Range range = ranges[r];
      const float before = softmax[r].largest;
#pragma unroll
      for (int u = 0; u < U; ++u) {
        const int key = j + u * team.count;
        const bool sees = key < to && range.has(key);
        float score = x[r][u] * p.scale;
        if (biased && sees) score += Row(p, b, headOf(r), queryOf(r)).bias(p, key);
        x[r][u] = sees ? score : kHidden;
        softmax[r].largest = Larger()(x[r][u], softmax[r].largest);
      }
      const float shift = softmax[r].shift(), rescale = math::expNegative(before - shift);
      softmax[r].sum *= rescale;
#pragma unroll
      for (float& out : o[r]) out *= rescale;
#pragma unroll
      for (int u = 0; u < U; ++u) {
        float weight = math::expNegative(x[r][u] - shift);
        softmax[r].sum += weight;
        if (p.drops) {
          weight = p.dropout.apply(weight, p.element(b, headOf(r), queryOf(r), j + u * team.count));
        }
#pragma unroll
        for (int e = 0; e < kEach; ++e) o[r][e] += weight * v[u][e];
      }
    }
  }

  const int width = shares.lanes * kEach;
#pragma unroll
  for (int r = 0; r < R; ++r) {
    if (team.rank == 0) found[r][team.index] = softmax[r];
#pragma unroll
    for (int e = 0; e < kEach; ++e) sums[r][team.index * width + column + e] = o[r][e];
  }
  __syncthreads();
  __shared__ Softmax joined[R];
  if (me < R) {
    Softmax all = {kHidden, 0};
    for (int t = 0; t < team.count; ++t) all.largest = Larger()(found[me][t].largest, all.largest);
    for (int t = 0; t < team.count; ++t) {
      weights[me][t] = math::expNegative(found[me][t].largest - all.shift());
      all.sum += weights[me][t] * found[me][t].sum;
    }
    joined[me] = all;
  }
  __syncthreads();
  for (int n = me; n < R * p.d; n += kBlock) {
    const int r = n / p.d, e = n % p.d;
    if (firstRow + r >= rows) break;
    float y = 0;
    for (int t = 0; t < team.count; ++t) y += weights[r][t] * sums[r][t * width + e];
    const int h = headOf(r), i = queryOf(r);
    if (shares.parts == 1) {
      finish(p, at, b, h, i, e, joined[r], y);
    } else {
      const int64_t to = ((int64_t{b} * p.heads + h) * p.tq + i) * shares.parts + part;
      at.sums[to * p.d + e] = y;
      if (e == 0) at.softmaxes[to] = joined[r];
    }
  }
}

/** Joins the parts of a row; a block for each. */
template <class E>
__global__ void __launch_bounds__(kBlock) join(Problem p, int parts, Operands<E> at) {
  __shared__ float weights[kMostParts];
  const int64_t row = blockIndex();
  const int me = static_cast<int>(threadIdx.x);
  const Softmax mine = me < parts ? at.softmaxes[row * parts + me] : Softmax{kHidden, 0};
  Softmax all = {blockReduce(mine.largest, kHidden, Larger()), 0};
  weights[me] = math::expNegative(mine.largest - all.shift());
  all.sum = blockReduce(weights[me] * mine.sum, 0.0f, Plus());  // which waits for all weights
  const int i = static_cast<int>(row % p.tq), pair = static_cast<int>(row / p.tq);
  for (int e = me; e < p.d; e += kBlock) {
    const float* sums = at.sums + row * parts * p.d + e;
    float y = 0;
#pragma unroll 8
    for (int n = 0; n < parts; ++n) y += weights[n] * sums[int64_t{n} * p.d];
    finish(p, at, pair / p.heads, pair % p.heads, i, e, all, y);
  }
}

/** Calls f with a block's rows. */
template <class F>
void withRows(int rows, F&& f) {
  if (rows == 1) return f(std::integral_constant<int, 1>());
  if (rows == 2) return f(std::integral_constant<int, 2>());
  return rows <= 4 ? f(std::integral_constant<int, 4>()) : f(std::integral_constant<int, 8>());
}

/** So many that all multiprocessors are full, `together` blocks on each, if the keys suffice. */
int partsFor(const Gpu& gpu, const Problem& p, int together, int64_t blocks) {
  const int64_t ends = p.causal ? 1 : 2;  // of a window
  const int64_t keys = p.window == 0 ? p.tk : std::min<int64_t>(p.tk, ends * p.window + p.tq);
  const int64_t wanted = int64_t{gpu.multiprocessors()} * together / blocks;
  const int64_t most = std::min<int64_t>(kMostParts, ceilDivide(keys, kLeastKeys));
  return static_cast<int>(std::max<int64_t>(1, std::min(wanted, most)));
}

}  // namespace

bool decodes(const Problem& p) {
  return p.tq < p.tk && int64_t{p.tq} * p.heads <= int64_t{kMostRows} * p.kvHeads;
}

void decode(Gpu& gpu, const Problem& p, DType type, const Forward& operands) {
  const int64_t all = int64_t{p.batch} * p.heads * p.tq;
  if (all == 0) return;
  const int rows = p.tq * p.group();
  int lanes = kLeastLanes;
  while (lanes * kEach < p.d) lanes *= 2;
  const bool whole = packs(p, {operands.q, operands.k, operands.v});
  withRows(rows, [&](auto r) {
    const int groups = static_cast<int>(ceilDivide(rows, r()));
    const int64_t blocks = int64_t{p.batch} * p.kvHeads * groups;
    const int parts = partsFor(gpu, p, kTogether<r()>, blocks);
    const Shares shares = {lanes, whole, groups, parts};
    const int64_t found = parts > 1 ? all * parts : 0;
    const Scratch<Softmax> softmaxes(gpu.memory(), found);
    const Scratch<float> sums(gpu.memory(), found * p.d);
    withFloating(type, [&](auto element) {
      using E = decltype(element);
      const Operands<E> at = {operands.q.as<E>(), operands.k.as<E>(),       operands.v.as<E>(),
                              operands.y.as<E>(), operands.lse.as<float>(), softmaxes.data(),
                              sums.data()};
      launch(gpu, "attention", blocksFor(blocks * parts, kBlock), decode<r(), E>, p, shares, at);
      if (parts > 1) launch(gpu, "attention", blocksFor(all, kBlock), join<E>, p, parts, at);
    });
  });
}

}  // namespace gradus::attention
