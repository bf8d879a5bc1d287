// How a kernel walks its elements: ranges over the thread pool, blocks of floats, broadcast rows.
//
// Floating kernels are compiled for float alone. BF16 and F16 pass through float buffers that stay
// in the L1 cache, which costs less than a loop for each type costs in code.
#pragma once

#include <cstdint>

#include "cpu/pool.h"
#include "cpu/streaming.h"
#include "gradus/types.h"
#include "math/types.h"
#include "runtime/space.h"

// For loops whose output may be one of the inputs, element for element: without it such a call
// would fail the compiler's overlap check and take the scalar loop.
#if defined(__GNUC__) && !defined(__clang__)
#define GRADUS_INDEPENDENT _Pragma("GCC ivdep")
#elif defined(__clang__)
#define GRADUS_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define GRADUS_INDEPENDENT __pragma(loop(ivdep))
#endif

namespace gradus {

constexpr int64_t kInline = 32768;  // up to here waking another thread costs more than it gives
constexpr int64_t kGrain = 16384;
constexpr int64_t kBlock = 1024;

/** Calls range(begin, end) for pieces of [0, n); n counts elements. */
template <class Range>
void ranges(int64_t n, Range&& range) {
  pool().split(n, n <= kInline ? kInline : kGrain, range);
}

/** Calls range(begin, end) for pieces of [0, rows), each row worth `cols` elements. */
template <class Range>
void rowRanges(int64_t rows, int64_t cols, Range&& range) {
  int64_t elements = rows * cols <= kInline ? kInline : kGrain;
  pool().split(rows, cols < elements ? elements / (cols > 0 ? cols : 1) : 1, range);
}

// Floats of a floating tensor. `at` and `n` count elements; buffers hold kBlock floats.

inline bool isFloating(DType t) { return t == DType::F32 || t == DType::BF16 || t == DType::F16; }

/** y[i] = x[at + i * stride] as float. */
void widen(DType t, In x, int64_t at, int64_t stride, float* y, int64_t n);
/** y[at + i] = x[i], rounded to nearest even. */
void narrow(DType t, const float* x, Out y, int64_t at, int64_t n);

/** Elements from `at` on: where they lie, or converted into `buffer`. */
inline const float* load(DType t, In x, int64_t at, int64_t stride, float* buffer, int64_t n) {
  if (t == DType::F32 && stride == 1) return x.as<float>() + at;
  widen(t, x, at, stride, buffer, n);
  return buffer;
}

inline const float* load(DType t, In x, int64_t at, float* buffer, int64_t n) {
  return load(t, x, at, 1, buffer, n);
}

inline float loadOne(DType t, In x, int64_t at) {
  float value;
  widen(t, x, at, 1, &value, 1);
  return value;
}

/** Where the floats for y[at...] are to be written before flush() is called on them. */
inline float* target(DType t, Out y, int64_t at, float* buffer) {
  return t == DType::F32 ? y.as<float>() + at : buffer;
}

inline void flush(DType t, const float* from, Out y, int64_t at, int64_t n) {
  if (t != DType::F32) narrow(t, from, y, at, n);
}

/** y[i] = x[at + i * stride] of an integer tensor. */
void widenInts(DType t, In x, int64_t at, int64_t stride, int64_t* y, int64_t n);

/** Calls f with a value of the unsigned type of an element's size: moving needs no more. */
template <class F>
void withBits(DType t, F&& f) {
  switch (byteSize(t)) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

/** Calls block(at, n) for pieces of [begin, end) of at most kBlock elements. */
template <class Block>
void blocks(int64_t begin, int64_t end, Block&& block) {
  for (; begin < end; begin += kBlock) {
    block(begin, end - begin < kBlock ? end - begin : kBlock);
  }
}

/** Where a task writes its blocks: into y, by way of floats, past the caches where y is large. */
class Writer {
 public:
  Writer(DType t, Out y, int64_t n) : type_(t), y_(y), streamed_(n * byteSize(t) >= kStreamed) {}
  ~Writer() {
    if (streamed_) fence();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /** Where the floats for y[at...] go, before flush(at, n). */
  float* target(int64_t at) { return streamed_ ? floats_ : gradus::target(type_, y_, at, floats_); }

  void flush(int64_t at, int64_t n) {
    if (!streamed_) return gradus::flush(type_, floats_, y_, at, n);
    if (type_ == DType::F32) return stream(floats_, y_.as<float>() + at, 4 * n);
    narrow(type_, floats_, halves_, 0, n);
    stream(halves_, y_.as<uint16_t>() + at, 2 * n);
  }

 private:
  DType type_;
  Out y_;
  bool streamed_;
  alignas(64) float floats_[kBlock];
  alignas(64) uint16_t halves_[kBlock];
};

/** y = f(x), element for element; y may be x. */
template <class F>
void map(DType t, In x, Out y, int64_t n, F f) {
  ranges(n, [&](int64_t begin, int64_t end) {
    alignas(64) float xs[kBlock];
    Writer writer(t, y, n);
    blocks(begin, end, [&](int64_t at, int64_t m) {
      const float* from = load(t, x, at, xs, m);
      float* to = writer.target(at);
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < m; ++i) to[i] = f(from[i]);
      writer.flush(at, m);
    });
  });
}

/** y = f(a, b), element for element; y may be a or b. */
template <class F>
void map(DType t, In a, In b, Out y, int64_t n, F f) {
  ranges(n, [&](int64_t begin, int64_t end) {
    alignas(64) float as[kBlock], bs[kBlock];
    Writer writer(t, y, n);
    blocks(begin, end, [&](int64_t at, int64_t m) {
      const float* left = load(t, a, at, as, m);
      const float* right = load(t, b, at, bs, m);
      float* to = writer.target(at);
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < m; ++i) to[i] = f(left[i], right[i]);
      writer.flush(at, m);
    });
  });
}

/**
 * Calls row(at, n, offsets) for each piece of an innermost row that lies in elements [begin, end)
 * of the space: `at` counts elements of the space, offsets those of each operand.
 */
template <class Row>
void walk(const Space& space, int64_t begin, int64_t end, Row&& row) {
  const int inner = space.rank - 1;
  int64_t index[Space::kMaxRank];
  int64_t offsets[Space::kMaxOperands] = {};
  int64_t rest = begin;
  for (int axis = inner; axis >= 0; --axis) {
    index[axis] = rest % space.sizes[axis];
    rest /= space.sizes[axis];
    for (int k = 0; k < space.operands; ++k) offsets[k] += index[axis] * space.strides[k][axis];
  }
  auto move = [&](int axis, int64_t steps) {
    index[axis] += steps;
    for (int k = 0; k < space.operands; ++k) offsets[k] += steps * space.strides[k][axis];
  };
  while (begin < end) {
    int64_t n = space.sizes[inner] - index[inner];
    if (n > end - begin) n = end - begin;
    row(begin, n, static_cast<const int64_t*>(offsets));
    begin += n;
    move(inner, -index[inner]);
    for (int axis = inner - 1; axis >= 0; --axis) {
      move(axis, 1);
      if (index[axis] < space.sizes[axis]) break;
      move(axis, -index[axis]);
    }
  }
}

/** y = f(a, b) with the operands' strides; y is contiguous. */
template <class F>
void broadcast(DType t, In a, In b, Out y, int64_t n, Dims dims, F f) {
  const Space space(dims, 2, n);
  const int64_t aStride = space.innerStride(0), bStride = space.innerStride(1);
  ranges(n, [&](int64_t begin, int64_t end) {
    alignas(64) float as[kBlock], bs[kBlock];
    Writer writer(t, y, n);
    walk(space, begin, end, [&](int64_t start, int64_t length, const int64_t* offsets) {
      blocks(0, length, [&](int64_t j, int64_t m) {
        int64_t at = start + j, aAt = offsets[0] + j * aStride, bAt = offsets[1] + j * bStride;
        float* to = writer.target(at);
        if (bStride == 0) {
          const float* left = load(t, a, aAt, aStride, as, m);
          const float right = loadOne(t, b, bAt);
          GRADUS_INDEPENDENT
          for (int64_t i = 0; i < m; ++i) to[i] = f(left[i], right);
        } else if (aStride == 0) {
          const float left = loadOne(t, a, aAt);
          const float* right = load(t, b, bAt, bStride, bs, m);
          GRADUS_INDEPENDENT
          for (int64_t i = 0; i < m; ++i) to[i] = f(left, right[i]);
        } else {
          const float* left = load(t, a, aAt, aStride, as, m);
          const float* right = load(t, b, bAt, bStride, bs, m);
          GRADUS_INDEPENDENT
          for (int64_t i = 0; i < m; ++i) to[i] = f(left[i], right[i]);
        }
        writer.flush(at, m);
      });
    });
  });
}

}  // namespace gradus
