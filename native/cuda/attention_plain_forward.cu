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

/** A block for each batch, head and tile of queries. */
template <int D, class E>
__global__ void __launch_bounds__(kThreads, kTogether<D>)
    forward(Problem p, int tiles, const E* q, const E* k, const E* v, E* y, float* lse) {
  __shared__ Shared shared;
  __shared__ Range ranges[kTile];  // of the queries: registers are short
  const QueryTile own(p, tiles, kTile);
  const int b = own.b, h = own.h, i = own.begin, end = own.end;
  const Rows<const E> queries = rowsOf(q, p.qs, b, i, h, end);

  const int me = static_cast<int>(threadIdx.x);
  if (me < kTile) ranges[me] = p.range(b, own.query(me));
  float o[4][D / kHalf] = {}, scales[4];
  Softmax softmax[4];
  for (int j = own.seen.from; j < own.seen.to; j += kTile) {
    Square x;
    multiply(queries, rowsOf(k, p.ks, b, j, own.kvHead, own.seen.to), p.d, shared, x);
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      const int query = own.query(4 * tileY() + r);
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
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        x[r][c] = p.dropout.apply(x[r][c], p.element(b, h, query, j + 4 * tileX() + c));
      }
    }
    accumulate<D>(x, rowsOf(v, p.vs, b, j, own.kvHead, own.seen.to), p.d, shared, o);
  }

#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const float sum = halfReduce(softmax[r].sum, Plus());
    scales[r] = sum == 0.0f ? 0.0f : 1.0f / sum;
    const int query = i + 4 * tileY() + r;
    if (tileX() != 0 || query >= end) continue;
    lse[int64_t{own.pair} * p.tq + query] =
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
