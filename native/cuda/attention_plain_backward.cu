#include "cuda/attention_plain.h"

namespace gradus::attention {

namespace {

template <class E>
struct Pointers {
  const E *q, *k, *v, *dy;
  const Statistic* statistics;
  E *dq, *dk, *dv;
};

/** A score's product and the gradient of its weight become the weight that values are multiplied by
 * and the gradient of the score without the scale. */
__device__ void differentiate(const Problem& p, const Row& row, const Statistic& statistic,
                              bool seen, int64_t element, int key, float& x, float& dx) {
  if (!seen) {
    x = dx = 0;
    return;
  }
  const float weight = math::expNegative(x * p.scale + row.bias(p, key) - statistic.shift);
  x = p.drops ? p.dropout.apply(weight, element) : weight;
  dx = weight * ((p.drops ? p.dropout.apply(dx, element) : dx) - statistic.delta);
}

/** dk and dv: a block for each batch, head of keys and tile of keys. */
template <int D, class E>
__global__ void __launch_bounds__(kThreads, kTogether<D>)
    keysGrad(Problem p, int tiles, Pointers<E> at) {
  __shared__ Shared shared;
  const int pair = static_cast<int>(blockIndex() / tiles);
  const int kvHead = pair % p.kvHeads, b = pair / p.kvHeads;
  const int j = static_cast<int>(blockIndex() % tiles) * kTile, length = p.length(b);
  const Rows<const E> keys = rowsOf(at.k, p.ks, b, j, kvHead, length);
  const Rows<const E> values = rowsOf(at.v, p.vs, b, j, kvHead, length);
  const Range seers = p.seers(b, j, j + kTile);

  float dk[4][D / kHalf] = {}, dv[4][D / kHalf] = {};
  for (int h = kvHead * p.group(); h < (kvHead + 1) * p.group(); ++h) {
    const Statistic* statistics = at.statistics + (static_cast<int64_t>(b) * p.heads + h) * p.tq;
    for (int i = seers.from; i < seers.to; i += kTile) {
      const Rows<const E> queries = rowsOf(at.q, p.qs, b, i, h, seers.to);
      const Rows<const E> dys = rowsOf(at.dy, p.ys, b, i, h, seers.to);
      Square x, dx;
      multiply(keys, queries, p.d, shared, x);
      multiply(values, dys, p.d, shared, dx);
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const int wanted = i + 4 * tileX() + c;
        const int query = wanted < seers.to ? wanted : seers.to - 1;
        const Row row(p, b, h, query);
        const Statistic statistic = statistics[query];
#pragma unroll
        for (int r = 0; r < 4; ++r) {
          const int key = j + 4 * tileY() + r;
          differentiate(p, row, statistic, wanted == query && row.sees(key),
                        p.element(b, h, query, key), key, x[r][c], dx[r][c]);
        }
      }
      accumulate<D>(x, dys, p.d, shared, dv);
      accumulate<D>(dx, queries, p.d, shared, dk);
    }
  }
  const float one[4] = {1, 1, 1, 1}, scale[4] = {p.scale, p.scale, p.scale, p.scale};
  storeRows<D>(dk, scale, rowsOf(at.dk, p.ks, b, j, kvHead, p.tk), p.d);
  storeRows<D>(dv, one, rowsOf(at.dv, p.vs, b, j, kvHead, p.tk), p.d);
}

/** dq: a block for each batch, head and tile of queries. */
template <int D, class E>
__global__ void __launch_bounds__(kThreads, kTogether<D>)
    queriesGrad(Problem p, int tiles, Pointers<E> at) {
  __shared__ Shared shared;
  const QueryTile own(p, tiles, kTile);
  const int b = own.b, h = own.h, i = own.begin, end = own.end, kvHead = own.kvHead;
  const Rows<const E> queries = rowsOf(at.q, p.qs, b, i, h, end);
  const Rows<const E> dys = rowsOf(at.dy, p.ys, b, i, h, end);

  float dq[4][D / kHalf] = {};
  for (int j = own.seen.from; j < own.seen.to; j += kTile) {
    const Rows<const E> keys = rowsOf(at.k, p.ks, b, j, kvHead, own.seen.to);
    Square x, dx;
    multiply(queries, keys, p.d, shared, x);
    multiply(dys, rowsOf(at.v, p.vs, b, j, kvHead, own.seen.to), p.d, shared, dx);
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      const int query = own.query(4 * tileY() + r);
      const Row row(p, b, h, query);
      const Statistic statistic = at.statistics[int64_t{own.pair} * p.tq + query];
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const int key = j + 4 * tileX() + c;
        differentiate(p, row, statistic, row.sees(key), p.element(b, h, query, key), key, x[r][c],
                      dx[r][c]);
      }
    }
    accumulate<D>(dx, keys, p.d, shared, dq);
  }
  const float scale[4] = {p.scale, p.scale, p.scale, p.scale};
  storeRows<D>(dq, scale, rowsOf(at.dq, p.qs, b, i, h, end), p.d);
}

}  // namespace

void plain(Gpu& gpu, const Problem& p, DType type, const Backward& operands) {
  const int64_t down = ceilDivide(p.tq, kTile), across = ceilDivide(p.tk, kTile);
  withFloating(type, [&](auto element) {
    withColumns(p.d, [&](auto columns) {
      using E = decltype(element);
      const Pointers<E> at = {operands.q.as<E>(),  operands.k.as<E>(),  operands.v.as<E>(),
                              operands.dy.as<E>(), operands.statistics, operands.dq.as<E>(),
                              operands.dk.as<E>(), operands.dv.as<E>()};
      launch(gpu, "attentionGrad", blocksFor(across * p.batch * p.kvHeads), keysGrad<columns(), E>,
             p, static_cast<int>(across), at);
      launch(gpu, "attentionGrad", blocksFor(down * p.batch * p.heads), queriesGrad<columns(), E>,
             p, static_cast<int>(down), at);
    });
  });
}

}  // namespace gradus::attention
