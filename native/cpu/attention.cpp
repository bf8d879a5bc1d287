#include "cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "cpu/gemm_pack.h"
#include "cpu/indices.h"
#include "cpu/loops.h"
#include "cpu/random_words.h"

namespace gradus::attention {

Problem::Problem(Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, Dims dims,
                 double scale, double dropout, int64_t seed)
    : type(t),
      q(q),
      k(k),
      v(v),
      mask(mask),
      slopes(slopes),
      scale(static_cast<float>(scale)),
      drops(dropout > 0),
      seed(static_cast<uint64_t>(seed)) {
  const int64_t* next = dims.row;
  for (int64_t* size : {&batch, &tq, &tk, &heads, &kvHeads, &d}) *size = *next++;
  causal = *next++ != 0;
  window = *next++;
  for (Steps* steps : {&qs, &ks, &vs, &ys}) {
    *steps = {next[0], next[1], next[2]};
    next += 3;
  }
  for (int64_t& step : maskSteps) step = *next++;
  // As the op dropout has it, so that both drop the same elements.
  const double bound = std::nearbyint(dropout * 0x1p32);
  threshold = bound >= 0x1p32 ? UINT32_MAX : static_cast<uint32_t>(bound);
  kept = dropout < 1 ? static_cast<float>(1.0 / (1.0 - dropout)) : 0.0f;
  findRanges(lengths, documents);
}

void Problem::findRanges(In lengths, In documents) {
  if (lengths)
    checkIndices("attention: length", "batch", lengths.as<int32_t>(), batch, tk + 1,
                 [this](int64_t n) { return inside(n, tk + 1); });
  ranges_.resize(static_cast<size_t>(batch * tq));
  visible_.resize(static_cast<size_t>(batch));
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t length = lengths ? lengths.as<int32_t>()[b] : tk;
    const int64_t offset = tq == tk ? 0 : length - tq;  // the last query stands at the last key
    Range* row = ranges_.data() + b * tq;
    for (int64_t i = 0; i < tq; ++i) row[i] = {0, length, i + offset};
    if (documents) {
      const int32_t* id = documents.as<int32_t>() + b * tk;
      for (int64_t i = 0, begin = 0; i < tq; ++i) {
        if (id[i] != id[begin]) begin = i;
        row[i].from = begin;
      }
      for (int64_t i = tq - 1, end = tq; i >= 0; --i) {
        if (i + 1 < tq && id[i] != id[i + 1]) end = i + 1;
        row[i].to = std::min(end, length);
      }
    }
    int64_t visible = 0;
    for (int64_t i = 0; i < tq; ++i) {
      Range& r = row[i];
      if (causal) r.to = std::min(r.to, r.position + 1);
      if (window > 0) {
        r.from = std::max(r.from, r.position - window + 1);
        r.to = std::min(r.to, r.position + window);
      }
      if (r.to <= r.from) r.from = r.to = 0;
      visible = std::max(visible, r.to);
    }
    visible_[static_cast<size_t>(b)] = visible;
  }
}

void Rows::clear() {
  count = 0;
  from = INT64_MAX;
  to = 0;
}

void Rows::add(const Problem& p, int64_t b, int64_t h, int64_t i) {
  Row& r = row[count++];
  r.range = p.range(b, i);
  r.mask = p.mask
               ? p.mask.as<float>() + b * p.maskSteps[0] + h * p.maskSteps[1] + i * p.maskSteps[2]
               : nullptr;
  r.slope = p.slopes ? p.slopes.as<float>()[h] : 0.0f;
  r.element = static_cast<uint64_t>(((b * p.heads + h) * p.tq + i) * p.tk);
  if (r.range.from < r.range.to) {
    from = std::min(from, r.range.from);
    to = std::max(to, r.range.to);
  }
}

bool Rows::meet(int64_t first, int64_t n) {
  bool any = false;
  partial = false;
  for (int64_t g = 0; g < groups(); ++g) {
    Span s{kKeys, 0};
    for (int64_t r = g * kGroup; r < g * kGroup + rowsOf(g); ++r) {
      const int64_t begin = std::max<int64_t>(row[r].range.from - first, 0);
      const int64_t end = std::min(row[r].range.to - first, n);
      partial |= begin != 0 || end != kKeys;
      if (begin >= end) continue;
      s.begin = std::min(s.begin, begin);
      s.end = std::max(s.end, end);
    }
    if (s.empty()) {
      span[g] = {0, 0};
    } else {
      span[g] = {s.begin / kLanes * kLanes, (s.end + kLanes - 1) / kLanes * kLanes};
      any = true;
    }
  }
  return any;
}

static_assert(kRows % 16 == 0 && kKeys % 16 == 0, "blocks of scratch are whole cache lines");

Scratch::Scratch(Memory& memory, int64_t floats)
    : memory_(memory),
      bytes_(floats * static_cast<int64_t>(sizeof(float))),
      data_(memory.allocate(bytes_)),
      next_(static_cast<float*>(data_)),
      end_(next_ + floats) {
  if (data_ == nullptr) {
    throw std::runtime_error("attention: there is no memory for " + std::to_string(bytes_) +
                             " bytes of blocks; use smaller batches or raise -Dgradus.memory");
  }
}

float* Scratch::take(int64_t n) {
  float* block = next_;
  next_ += rounded(n);
  if (next_ > end_) throw std::logic_error("attention: a task takes more than it asked for");
  return block;
}

void multiply(const float* a, int64_t aRow, int64_t aColumn, int64_t rows, const float* b,
              int64_t bRow, int64_t k, float* y, int64_t yRow, int64_t columns, bool accumulate) {
  const int64_t vectors = columns / kLanes, strips = (vectors + kVectors - 1) / kVectors;
  Tiles t;
  t.k = k;
  t.aRow = aRow;
  t.aColumn = aColumn;
  t.bRow = bRow;
  t.yRow = yRow;
  t.bias = nullptr;
  t.accumulate = accumulate;
  for (int64_t s = 0, column = 0; s < strips; ++s) {
    // Strips and tiles differ by one vector or row at most: narrow ones would be slow.
    const int64_t wide = vectors / strips + (s < vectors % strips);
    const int64_t tiles =
        (rows + tileRows(static_cast<int>(wide)) - 1) / tileRows(static_cast<int>(wide));
    const int64_t height = (rows + tiles - 1) / tiles;
    t.count = rows - (height - 1) * tiles;
    t.a = a;
    t.aNext = height * aRow;
    t.b = b + column;
    t.y = y + column;
    multiplyTiles(t, height, wide);
    if (t.count < tiles) {
      t.a += t.count * t.aNext;
      t.y += t.count * height * yRow;
      t.count = tiles - t.count;
      t.aNext = (height - 1) * aRow;
      multiplyTiles(t, height - 1, wide);
    }
    column += wide * kLanes;
  }
}

namespace {

// Rows of a head lie far apart, where no hardware prefetcher looks.
constexpr int64_t kRowsAhead = 12;

/** Asks for the row that many steps ahead of `at`; it need not be there. */
template <int Write>
void prefetch(DType t, In x, int64_t at, int64_t step, int64_t d) {
  const int64_t begin = x.address + (at + kRowsAhead * step) * byteSize(t);
  for (int64_t byte = 0; byte < d * byteSize(t); byte += 64) {
    __builtin_prefetch(In(begin + byte).as<char>(), Write);
  }
}

}  // namespace

void packRows(DType t, In x, int64_t at, int64_t step, int64_t d, int64_t n, int64_t all,
              float scale, float* y) {
  const int64_t width = (d + kLanes - 1) / kLanes * kLanes;
  for (int64_t i = 0; i < n; ++i, at += step, y += width) {
    prefetch<0>(t, x, at, step, d);
    const float* from = load(t, x, at, y, d);
    for (int64_t j = 0; j < d; ++j) y[j] = from[j] * scale;
    for (int64_t j = d; j < width; ++j) y[j] = 0;
  }
  if (n < all) std::fill(y, y + (all - n) * width, 0.0f);
}

void packColumns(const float* rows, int64_t d, int64_t n, float* y) {
  const int64_t width = (d + kLanes - 1) / kLanes * kLanes;
  gradus::packColumns(rows, width, d, n, kKeys, y);
}

void storeRows(DType t, const float* x, int64_t n, int64_t d, float scale, Out y, int64_t at,
               int64_t step) {
  const int64_t width = (d + kLanes - 1) / kLanes * kLanes;
  alignas(64) float buffer[256];
  for (int64_t i = 0; i < n; ++i, x += width, at += step) {
    prefetch<1>(t, y, at, step, d);
    float* to = target(t, y, at, buffer);
    for (int64_t j = 0; j < d; ++j) to[j] = x[j] * scale;
    flush(t, to, y, at, d);
  }
}

void adjust(const Row& row, int64_t maskStep, int64_t first, Span span, float* scores) {
  if (row.mask != nullptr) {
    const int64_t begin = std::max(row.range.from - first, span.begin);
    const int64_t end = std::min(row.range.to - first, span.end);
    const float* mask = row.mask + first * maskStep;
    if (maskStep == 1) {
      for (int64_t j = begin; j < end; ++j) scores[j] += mask[j];
    } else {
      for (int64_t j = begin; j < end; ++j) scores[j] += mask[j * maskStep];
    }
  }
  if (row.slope != 0.0f) {
    const auto distance = static_cast<int32_t>(first - row.range.position);
    for (int64_t j = span.begin; j < span.end; ++j) {
      scores[j] += row.slope * static_cast<float>(distance + static_cast<int32_t>(j));
    }
  }
}

void hide(const Row& row, int64_t first, Span span, float value, float* scores) {
  const int64_t from = std::clamp(row.range.from - first, span.begin, span.end);
  const int64_t to = std::clamp(row.range.to - first, from, span.end);
  for (int64_t j = span.begin; j < from; ++j) scores[j] = value;
  for (int64_t j = to; j < span.end; ++j) scores[j] = value;
}

void keepMasks(const Problem& p, const Row& row, int64_t first, Span span, uint32_t* keeps) {
  const uint64_t begin = row.element + static_cast<uint64_t>(first + span.begin);
  const auto skipped = static_cast<int64_t>(begin % 4);
  constexpr int64_t step = 4 * kBlocksTogether;
  const int64_t n = span.end - span.begin;
  alignas(64) uint32_t words[kKeys + 2 * step];
  randomWords(p.seed, 0, begin / 4, (skipped + n + step - 1) / step, words);
  for (int64_t j = 0; j < n; ++j) keeps[j] = words[skipped + j] >= p.threshold ? UINT32_MAX : 0;
}

}  // namespace gradus::attention
