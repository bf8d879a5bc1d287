#include "cuda/attention_plain.h"
#include "cuda/rows.h"

namespace gradus::attention {

namespace {

/** Over the threads that have parts of one row. */
template <class Op>
__device__ float halfReduce(float x, Op op) {
#pragma unroll
  for (int bits = kHalf / 2; bits > 0; bits /= 2) x = op(x, __shfl_xor_sync(~0u, x, bits));
  return x;
}

/** A softmax that goes along: largest and sum of a row so far. */
struct Softmax {
  float largest = kHidden, sum = 0;  // the sum is of this thread's columns

  /** x becomes exp(x - largest). Returns what earlier results are to be multiplied by. */
  __device__ float add(float (&x)[4]) {
    float most = x[0];
#pragma unroll
    for (int j = 1; j < 4; ++j) most = Larger()(x[j], most);
    const float before = largest;
    largest = Larger()(halfReduce(Larger()(most, kHidden), Larger()), before);
    const float shift = largest == kHidden ? 0.0f : largest;
    const float rescale = math::expNegative(before - shift);
    sum *= rescale;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      x[j] = math::expNegative(x[j] - shift);
      sum += x[j];
    }
    return rescale;
  }
};

/** A block for each batch, head and tile of queries, the last ones first: where the attention is
 * causal, they see the most. */
template <int D, class E>
__global__ void __launch_bounds__(kThreads, kTogether<D>)
    forward(Problem p, int tiles, const E* q, const E* k, const E* v, E* y, float* lse) {
  __shared__ Shared shared;
  __shared__ Range ranges[kTile];  // of the queries: registers are short
  const int pair = static_cast<int>(blockIndex() / tiles), h = pair % p.heads, b = pair / p.heads;
  const int i = (tiles - 1 - static_cast<int>(blockIndex() % tiles)) * kTile;
  const int end = i + kTile < p.tq ? i + kTile : p.tq, kvHead = h / p.group();
  const Range seen = {p.range(b, i).from, p.range(b, end - 1).to};
  const Rows<const E> queries = rowsOf(q, p.qs, b, i, h, end);

  const int me = static_cast<int>(threadIdx.x);
  if (me < kTile) ranges[me] = p.range(b, i + me < end ? i + me : end - 1);
  float o[4][D / kHalf] = {}, scales[4];
  Softmax softmax[4];
  for (int j = seen.from; j < seen.to; j += kTile) {
    Square x;
    multiply(queries, rowsOf(k, p.ks, b, j, kvHead, seen.to), p.d, shared, x);
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      const int query = i + 4 * tileY() + r < end ? i + 4 * tileY() + r : end - 1;
      const Row row(p, b, h, query);
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const int key = j + 4 * tileX() + c;
        x[r][c] = ranges[4 * tileY() + r].has(key) ? x[r][c] * p.scale + row.bias(p, key) : kHidden;
      }
      const float rescale = softmax[r].add(x[r]);
#pragma unroll
      for (float& out : o[r]) out *= rescale;
      if (!p.drops) continue;
      const uint32_t kept = p.dropout.kept<4>(p.element(b, h, query, j + 4 * tileX()));
#pragma unroll
      for (int c = 0; c < 4; ++c) x[r][c] = p.dropout.apply(x[r][c], (kept >> c & 1) != 0);
    }
    accumulate<D>(x, rowsOf(v, p.vs, b, j, kvHead, seen.to), p.d, shared, o);
  }

#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const float sum = halfReduce(softmax[r].sum, Plus());
    scales[r] = sum == 0.0f ? 0.0f : 1.0f / sum;
    const int query = i + 4 * tileY() + r;
    if (tileX() != 0 || query >= end) continue;
    lse[static_cast<int64_t>(pair) * p.tq + query] =
        sum == 0.0f ? kHidden : softmax[r].largest + math::log(sum);
  }
  storeRows<D>(o, scales, rowsOf(y, p.ys, b, i, h, end), p.d);
}

}  // namespace

void plain(Gpu& gpu, const Problem& p, DType type, const Forward& operands) {
  const int64_t tiles = ceilDivide(p.tq, kTile);
  const Grid grid = blocksFor(tiles * p.batch * p.heads);
  withFloating(type, [&](auto element) {
    withColumns(p.d, [&](auto columns) {
      using E = decltype(element);
      launch(gpu, "attention", grid, forward<columns(), E>, p, static_cast<int>(tiles),
             operands.q.as<E>(), operands.k.as<E>(), operands.v.as<E>(), operands.y.as<E>(),
             operands.lse.as<float>());
    });
  });
}

}  // namespace gradus::attention
