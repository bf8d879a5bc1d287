// What kernels share that go over a row several times while it lies in L1, or that sum columns on
// the way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cpu/loops.h"
#include "runtime/memory.h"
#include "runtime/scratch.h"

namespace gradus {

/** The chunks that rows are cut into where each task keeps sums of its own for every column. */
struct Chunks {
  Chunks(int64_t rows, int64_t cols) : rows(rows) {
    constexpr int64_t kMost = 64;  // enough to share out evenly, few enough for their sums
    const int64_t worthwhile = rows * cols <= kInline ? rows : kGrain / std::max<int64_t>(cols, 1);
    size = std::max<int64_t>({1, worthwhile, (rows + kMost - 1) / kMost});
    count = (rows + size - 1) / size;
  }

  /** Calls chunk(c, begin, end) for each chunk's rows. */
  template <class Chunk>
  void run(Chunk&& chunk) const {
    pool().split(rows, size, [&](int64_t begin, int64_t end) { chunk(begin / size, begin, end); });
  }

  int64_t rows, size, count;
};

/** y (cols) = the sum of the rows of sums (count rows, `stride` apart), in their order. */
void sumChunks(const float* sums, int64_t count, int64_t stride, DType t, Out y, int64_t cols);

/** A vector of `cols` parameters as floats, or of `otherwise` where there is none. */
class Parameter {
 public:
  Parameter(Memory& memory, DType t, In x, int64_t cols, float otherwise)
      : own_(memory, x && t == DType::F32 ? 0 : cols) {
    floats_ = x && t == DType::F32 ? x.as<float>() : own_.data();
    if (!x) std::fill(own_.data(), own_.data() + cols, otherwise);
    if (x && t != DType::F32) widen(t, x, 0, 1, own_.data(), cols);
  }

  operator const float*() const { return floats_; }

 private:
  Scratch<float> own_;
  const float* floats_;
};

/** Rows that a task reads, as floats. */
class RowReader {
 public:
  RowReader(DType t, In x, int64_t cols)
      : type_(t), x_(x), cols_(cols), floats_(static_cast<size_t>(t == DType::F32 ? 0 : cols)) {}

  const float* operator[](int64_t row) {
    return load(type_, x_, row * cols_, floats_.data(), cols_);
  }

 private:
  DType type_;
  In x_;
  int64_t cols_;
  std::vector<float> floats_;
};

/** Rows that a task writes, by way of floats, past the caches where all of y is large. */
class RowWriter {
 public:
  RowWriter(DType t, Out y, int64_t rows, int64_t cols, bool accumulate = false)
      : type_(t),
        y_(y),
        cols_(cols),
        accumulate_(accumulate),
        streamed_(!accumulate && rows * cols * byteSize(t) >= kStreamed),
        floats_(static_cast<size_t>(t == DType::F32 && !streamed_ ? 0 : cols)),
        halves_(static_cast<size_t>(t != DType::F32 && streamed_ ? cols : 0)) {}
  ~RowWriter() {
    if (streamed_) fence();
  }
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;

  /** Where the row's floats go, before flush(row); they hold the old row where one accumulates. */
  float* target(int64_t row) {
    if (streamed_) return floats_.data();
    if (accumulate_ && type_ != DType::F32) widen(type_, y_, row * cols_, 1, floats_.data(), cols_);
    return gradus::target(type_, y_, row * cols_, floats_.data());
  }

  void flush(int64_t row) {
    const int64_t at = row * cols_;
    if (!streamed_) return gradus::flush(type_, floats_.data(), y_, at, cols_);
    if (type_ == DType::F32) return stream(floats_.data(), y_.as<float>() + at, 4 * cols_);
    narrow(type_, floats_.data(), halves_.data(), 0, cols_);
    stream(halves_.data(), y_.as<uint16_t>() + at, 2 * cols_);
  }

 private:
  DType type_;
  Out y_;
  int64_t cols_;
  bool accumulate_, streamed_;
  std::vector<float> floats_;
  std::vector<uint16_t> halves_;
};

// A compiler may not reorder a float sum, so the vectors of sums are spelled out.

#if defined(__AVX512F__)
constexpr int64_t kRowLanes = 16;
#elif defined(__AVX__)
constexpr int64_t kRowLanes = 8;
#else
constexpr int64_t kRowLanes = 4;
#endif

typedef float RowVector __attribute__((vector_size(kRowLanes * sizeof(float))));

template <class V>
inline void get(const float* x, V* v) {
  std::memcpy(v, x, sizeof(V));
}

template <class V>
inline void put(const V& v, float* y) {
  std::memcpy(y, &v, sizeof(V));
}

/** Calls step(i, V*, slot) for the vectors and then the single elements of [0, n): V says which it
 * is, and slot (0 or 1) which of two accumulators to use, as one would wait for itself. */
template <class Step>
inline void lanewise(int64_t n, Step&& step) {
  constexpr RowVector* kVector = nullptr;
  constexpr float* kSingle = nullptr;
  int64_t i = 0;
  for (; i + 2 * kRowLanes <= n; i += 2 * kRowLanes) {
    step(i, kVector, 0);
    step(i + kRowLanes, kVector, 1);
  }
  if (i + kRowLanes <= n) {
    step(i, kVector, 0);
    i += kRowLanes;
  }
  for (; i < n; ++i) step(i, kSingle, 0);
}

/** A sum over lanewise(). */
class LaneSum {
 public:
  void add(const RowVector& v, int slot) { lanes_[slot] += v; }
  void add(float v, int) { rest_ += v; }

  double total() const {
    const RowVector both = lanes_[0] + lanes_[1];
    float lanes[kRowLanes];
    std::memcpy(lanes, &both, sizeof(lanes));
    for (int64_t width = kRowLanes / 2; width > 0; width /= 2) {  // one by one they would wait
      for (int64_t l = 0; l < width; ++l) lanes[l] += lanes[l + width];
    }
    return static_cast<double>(lanes[0]) + rest_;
  }

 private:
  RowVector lanes_[2] = {};
  float rest_ = 0;
};

/** The sum of term(i, V* value) over a row: in float within kBlock elements, then in double. */
template <class Term>
inline double rowTotal(int64_t n, Term&& term) {
  double total = 0;
  blocks(0, n, [&](int64_t at, int64_t m) {
    LaneSum sum;
    lanewise(m, [&](int64_t i, auto* kind, int slot) {
      std::remove_reference_t<decltype(*kind)> value;
      term(at + i, &value);
      sum.add(value, slot);
    });
    total += sum.total();
  });
  return total;
}

}  // namespace gradus
