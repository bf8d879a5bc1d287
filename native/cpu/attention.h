// Attention in blocks, forward and backward, without ever holding all of its scores (Dao et al.,
// "FlashAttention", 2022): what both directions share.
//
// Scores are computed for a block of queries and a block of keys at a time, in buffers that stay in
// L1 and L2. Which keys a query sees is a range, whatever hides the others, so that blocks and
// parts of blocks that nobody sees are left out.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/gemm_kernel.h"
#include "gradus/types.h"
#include "runtime/memory.h"

namespace gradus::attention {

/** How far apart neighbours lie in a (batch, time, heads, d) operand whose d are contiguous. */
struct Steps {
  int64_t batch, time, head;
  int64_t at(int64_t b, int64_t t, int64_t h) const { return b * batch + t * time + h * head; }
};

/** The keys [from, to) that a query sees, and where it stands among them. */
struct Range {
  int64_t from, to, position;
};

/** One call: its operands and sizes, and what follows from them. */
class Problem {
 public:
  Problem(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, Dims dims,
          double scale, double dropout, int64_t seed);

  DType type;
  In q, k, v, mask, slopes;
  int64_t batch, tq, tk, heads, kvHeads, d;
  bool causal;
  int64_t window;  // 0 where there is none
  Steps qs, ks, vs, ys;
  int64_t maskSteps[4];
  float scale;
  bool drops;
  float kept;          // 1 / (1 - p)
  uint32_t threshold;  // words below it drop their element
  uint64_t seed;

  int64_t group() const { return heads / kvHeads; }
  /** Floats of a row of d, up to whole vectors. */
  int64_t width() const { return (d + kLanes - 1) / kLanes * kLanes; }
  const Range& range(int64_t b, int64_t i) const {
    return ranges_[static_cast<size_t>(b * tq + i)];
  }
  /** The keys [0, visible) are all that any query of a batch may see. */
  int64_t visible(int64_t b) const { return visible_[static_cast<size_t>(b)]; }
  /** Whether a score is more than a product. */
  bool adjusts() const { return bool(mask) || bool(slopes); }

 private:
  void findRanges(In lengths, In documents);

  std::vector<Range> ranges_;
  std::vector<int64_t> visible_;
};

constexpr int64_t kGroup = 12;  // queries or keys that are clipped together: whole tiles
constexpr int64_t kRows = 48;   // queries of a block
constexpr int64_t kKeys =
    kLanes == 16 ? 128 : 96;  // keys of a block: whole strips of a tile's width

/** One query of a block: a row of scores. */
struct Row {
  Range range;
  const float* mask;  // of key 0
  float slope;
  uint64_t element;  // of key 0, for dropout
};

/** Columns [begin, end) of a block of scores that a group of its rows needs, in whole vectors. */
struct Span {
  int64_t begin, end;
  bool empty() const { return begin >= end; }
};

/** The rows of a block of queries, and what they see of a block of keys. */
struct Rows {
  Row row[kRows];
  Span span[kRows / kGroup];
  int64_t count, from, to;  // all see within [from, to)
  bool partial;             // not every row sees every key of the block

  void clear();
  void add(const Problem& p, int64_t b, int64_t h, int64_t i);
  int64_t groups() const { return (count + kGroup - 1) / kGroup; }
  int64_t rowsOf(int64_t g) const {
    return count - g * kGroup < kGroup ? count - g * kGroup : kGroup;
  }
  /** Finds the spans in keys [first, first + n); false where no row sees any. */
  bool meet(int64_t first, int64_t n);

  /** Calls each(row, rows, span), for neighbouring groups of one span together. */
  template <class Each>
  void eachSpan(Each&& each) const {
    for (int64_t g = 0, next; g < groups(); g = next) {
      const Span s = span[g];
      int64_t n = 0;
      for (next = g; next < groups() && span[next].begin == s.begin && span[next].end == s.end;
           ++next) {
        n += rowsOf(next);
      }
      if (!s.empty()) each(g * kGroup, n, s);
    }
  }
};

/** Memory of a backend for as long as a task runs. */
class Scratch {
 public:
  /** Throws where there is none. */
  Scratch(Memory& memory, int64_t floats);
  ~Scratch() { memory_.release(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /** The next n floats: whole cache lines. */
  float* take(int64_t n);
  static int64_t rounded(int64_t n) { return (n + 15) / 16 * 16; }

 private:
  Memory& memory_;
  int64_t bytes_;
  void* data_;
  float *next_, *end_;
};

/** y (rows, columns) = a (rows, k) times b (k, columns), + y where it accumulates. Columns are
 * whole vectors. */
void multiply(const float* a, int64_t aRow, int64_t aColumn, int64_t rows, const float* b,
              int64_t bRow, int64_t k, float* y, int64_t yRow, int64_t columns, bool accumulate);

/** Rows [0, n) of x, `step` elements apart, as rows of whole vectors, times scale; then zeros up to
 * `all` rows. */
void packRows(DType t, In x, int64_t at, int64_t step, int64_t d, int64_t n, int64_t all,
              float scale, float* y);
/** n such rows as columns of y (d, kKeys), zeros from n on. */
void packColumns(const float* rows, int64_t d, int64_t n, float* y);
/** y[at...] = n rows of x times scale. */
void storeRows(DType t, const float* x, int64_t n, int64_t d, float scale, Out y, int64_t at,
               int64_t step);

/** Adds mask and slope to the scores of keys [first + begin, first + end). */
void adjust(const Row& row, int64_t maskStep, int64_t first, Span span, float* scores);
/** Fills the scores of what the row does not see within the span. */
void hide(const Row& row, int64_t first, Span span, float value, float* scores);
/** keeps[j] = all ones where dropout keeps the score of key first + begin + j, else 0. */
void keepMasks(const Problem& p, const Row& row, int64_t first, Span span, uint32_t* keeps);

}  // namespace gradus::attention
