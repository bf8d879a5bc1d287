// Attention without ever holding all of its scores (Dao, "FlashAttention-2", 2023): what both
// directions and all families of kernels share.
//
// Which keys a query sees is a range, whatever hides the others, and from one query to the next
// neither end of it goes back. So the queries of a tile see what its first and last one do, tiles
// that nobody sees are left out, and only those at an edge are masked element by element.
//
// The gradient makes the weights again from lse. One kernel owns keys and goes over the queries
// that see them, another owns queries and goes over their keys: seven products instead of five, but
// each sum has one owner and one order.
#pragma once

#include <initializer_list>

#include "cuda/device.h"
#include "cuda/dropout.h"
#include "cuda/gpu.h"
#include "runtime/scratch.h"

namespace gradus::attention {

constexpr float kHidden = -HUGE_VALF;

/** How far apart neighbours lie in a (batch, time, heads, d) operand whose d are contiguous. */
struct Steps {
  int64_t batch, time, head;
  __device__ int64_t at(int64_t b, int64_t t, int64_t h) const {
    return b * batch + t * time + h * head;
  }
};

/** Keys or queries [from, to); none where to <= from. */
struct Range {
  __device__ bool has(int i) const { return i >= from && i < to; }
  int from, to;
};

/** One call, as it travels with a launch. */
struct Problem {
  Problem(const Gpu& gpu, In lengths, In mask, In slopes, Dims dims, double scale, double dropout,
          int64_t seed);

  int batch, tq, tk, heads, kvHeads, d;
  bool causal;
  int window;  // 0 where there is none
  Steps qs, ks, vs, ys;
  int64_t maskSteps[4];
  const float *mask, *slopes;
  const int32_t* lengths;
  const Range* runs;  // (batch, tq): the document that a query stands in
  float scale;
  bool drops;
  Dropout dropout;

  __host__ __device__ int group() const { return heads / kvHeads; }

  /** What is wrong with a length is reported elsewhere; here it leads nowhere. */
  __device__ int length(int b) const {
    if (lengths == nullptr) return tk;
    const int n = lengths[b];
    return n < 0 ? 0 : n > tk ? tk : n;
  }

  /** Where query i stands among the keys: the last one at the last key. */
  __device__ int position(int b, int i) const { return tq == tk ? i : i + length(b) - tq; }

  /** The keys that query i sees. */
  __device__ Range range(int b, int i) const {
    const int n = length(b), own = position(b, i);
    Range r = runs == nullptr ? Range{0, n} : runs[static_cast<int64_t>(b) * tq + i];
    if (r.to > n) r.to = n;
    if (causal && r.to > own + 1) r.to = own + 1;
    if (window > 0 && r.from < own - window + 1) r.from = own - window + 1;
    if (window > 0 && r.to > own + window) r.to = own + window;
    if (r.to < 0) r.to = 0;
    return r;
  }

  /** The queries that see any of the keys [first, end). */
  __device__ Range seers(int b, int first, int end) const {
    // Halved together: the first query that sees beyond `first`, the first that begins at `end`.
    Range low = {0, 0}, high = {tq, tq};
    while (low.from < high.from || low.to < high.to) {
      const int i = (low.from + high.from) / 2, j = (low.to + high.to) / 2;
      if (low.from < high.from) {
        if (range(b, i).to > first) {
          high.from = i;
        } else {
          low.from = i + 1;
        }
      }
      if (low.to < high.to) {
        if (range(b, j).from >= end) {
          high.to = j;
        } else {
          low.to = j + 1;
        }
      }
    }
    return low;
  }

  /** Of queries and keys: (batch, heads, tq, tk), for dropout. */
  __device__ int64_t element(int b, int h, int i, int j) const {
    return ((static_cast<int64_t>(b) * heads + h) * tq + i) * tk + j;
  }
};

/** What a query's scores get beside the product, and which of them it sees. */
struct Row {
  __device__ Row(const Problem& p, int b, int h, int i)
      : range(p.range(b, i)),
        position(p.position(b, i)),
        slope(p.slopes == nullptr ? 0.0f : p.slopes[h]),
        mask(p.mask == nullptr
                 ? nullptr
                 : p.mask + b * p.maskSteps[0] + h * p.maskSteps[1] + i * p.maskSteps[2]) {}

  __device__ bool sees(int j) const { return range.has(j); }
  /** Of a key that it sees. */
  __device__ float bias(const Problem& p, int j) const {
    const float distance = slope * static_cast<float>(j - position);
    return mask == nullptr ? distance : mask[j * p.maskSteps[3]] + distance;
  }

  Range range;
  int position;
  float slope;
  const float* mask;
};

/** Rows of an operand, `step` apart; those from `count` on are zeros that lie nowhere. */
template <class E>
struct Rows {
  E* first;
  int64_t step;
  int count;
};

/** Row t of a head and what follows it, up to row `end`. */
template <class E>
__device__ Rows<E> rowsOf(E* x, const Steps& steps, int b, int t, int h, int end) {
  return {x + steps.at(b, t, h), steps.time, end - t};
}

/** What a block that owns queries has: one of so many tiles, for each batch and head. The last ones
 * come first: where the attention is causal, they see the most. */
struct QueryTile {
  __device__ QueryTile(const Problem& p, int tiles, int size)
      : pair(static_cast<int>(blockIndex() / tiles)),
        b(pair / p.heads),
        h(pair % p.heads),
        kvHead(h / p.group()),
        begin((tiles - 1 - static_cast<int>(blockIndex() % tiles)) * size),
        end(begin + size < p.tq ? begin + size : p.tq),
        seen{p.range(b, begin).from, p.range(b, end - 1).to} {}

  /** Those that stand in a row; beyond the last one there is none. */
  __device__ int query(int row) const { return begin + row < end ? begin + row : end - 1; }

  int pair, b, h, kvHead, begin, end;
  Range seen;  // keys that any of them sees
};

/** What the gradient needs of a query: exp(score - shift) is a weight, and delta is dy · y. */
struct Statistic {
  float shift, delta;
};

/** The operands of a call: its problem, and the memory that it needs as long as its kernels are
 * launched. */
class Call {
 public:
  Call(Gpu& gpu, const char* name, In lengths, In documents, In mask, In slopes, Dims dims,
       double scale, double dropout, int64_t seed);

  Problem problem;

 private:
  Scratch<Range> runs_;
};

// The operands of the two ops, for the families of kernels.
struct Forward {
  In q, k, v;
  Out y, lse;
};
struct Backward {
  In q, k, v, dy;
  const Statistic* statistics;  // (batch, heads, tq)
  Out dq, dk, dv;
};

/** For every type and head size up to 256. */
void plain(Gpu& gpu, const Problem& p, DType type, const Forward& operands);
void plain(Gpu& gpu, const Problem& p, DType type, const Backward& operands);
/** For what `decodes`: every type and head size up to 256. */
void decode(Gpu& gpu, const Problem& p, DType type, const Forward& operands);
/** By tensor cores, for what `fits`. */
void tensor(Gpu& gpu, const Problem& p, DType type, const Forward& operands);
void tensorKeys(Gpu& gpu, const Problem& p, DType type, const Backward& operands);
void tensorQueries(Gpu& gpu, const Problem& p, DType type, const Backward& operands);
/** Whether 8 elements of a row, from a multiple of 8 on, can be moved as 16 bytes each time. */
bool packs(const Problem& p, std::initializer_list<In> operands);
/** Whether the type has tensor cores, the device memory for the tiles, and rows are packs. */
bool fits(const Gpu& gpu, const Problem& p, DType type, std::initializer_list<In> operands);
/** Whether there are few queries for each head of keys, and more keys than those: a cache. */
bool decodes(const Problem& p);

/** By Hopper's tensor cores, for what fits `tensor` and is plain attention of heads of 64 or 128.
 */
namespace hopper {
bool fits(const Problem& p);
void forward(Gpu& gpu, const Problem& p, DType type, const Forward& operands);
void keys(Gpu& gpu, const Problem& p, DType type, const Backward& operands);
void queries(Gpu& gpu, const Problem& p, DType type, const Backward& operands);
}  // namespace hopper

}  // namespace gradus::attention
