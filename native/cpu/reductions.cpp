// Sums and maxima over any axes.
//
// Results depend on the sizes alone: a reduction is cut into chunks by its size, a chunk is reduced
// by one thread, and the chunks of one result are joined in their order.
#include <algorithm>
#include <limits>
#include <vector>

#include "cpu/backend.h"
#include "cpu/loops.h"

namespace gradus {

namespace {

constexpr int kLanes = 32;  // accumulators enough to hide the latency of an addition at every level
constexpr int64_t kColumns = 512;

/** x summed in float within a block, in double across blocks. */
struct Sum {
  using Value = float;
  using Total = double;
  static constexpr float kIdentity = 0.0f;
  static constexpr double kNothing = 0.0;
  GRADUS_FN float join(float a, float b) { return a + b; }
  GRADUS_FN double joinTotals(double a, double b) { return a + b; }
};

/** NaN wins over every number. */
template <class T>
struct Max {
  using Value = T;
  using Total = T;
  static constexpr T kIdentity = std::numeric_limits<T>::has_infinity
                                     ? -std::numeric_limits<T>::infinity()
                                     : std::numeric_limits<T>::lowest();
  static constexpr T kNothing = kIdentity;
  GRADUS_FN T join(T a, T b) { return (b > a) | (b != b) ? b : a; }
  GRADUS_FN T joinTotals(T a, T b) { return join(a, b); }
};

const float* loadValues(DType t, In x, int64_t at, int64_t stride, float* buffer, int64_t n) {
  return load(t, x, at, stride, buffer, n);
}

const int64_t* loadValues(DType t, In x, int64_t at, int64_t stride, int64_t* buffer, int64_t n) {
  widenInts(t, x, at, stride, buffer, n);
  return buffer;
}

template <class Op, class Value>
Value joinLanes(Value* lanes) {
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int l = 0; l < width; ++l) lanes[l] = Op::join(lanes[l], lanes[l + width]);
  }
  return lanes[0];
}

/** At most kBlock values. */
template <class Op, class Value>
Value reduceBlock(const Value* x, int64_t n) {
  Value lanes[kLanes];
  for (int l = 0; l < kLanes; ++l) lanes[l] = Op::kIdentity;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes[l] = Op::join(lanes[l], x[i + l]);
  }
  for (int l = 0; i < n; ++i, ++l) lanes[l] = Op::join(lanes[l], x[i]);
  return joinLanes<Op>(lanes);
}

/** totals[j] joined with every row's j-th value, four rows at a time. */
template <class Op, class Value>
void reduceRows(const Value* const* rows, int count, Value* totals, int64_t cols) {
  const Value *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
  if (count == 4) {
    GRADUS_INDEPENDENT
    for (int64_t j = 0; j < cols; ++j) {
      totals[j] = Op::join(totals[j], Op::join(Op::join(a[j], b[j]), Op::join(c[j], d[j])));
    }
  } else {
    for (int k = 0; k < count; ++k) {
      const Value* row = rows[k];
      GRADUS_INDEPENDENT
      for (int64_t j = 0; j < cols; ++j) totals[j] = Op::join(totals[j], row[j]);
    }
  }
}

/**
 * Reduces x over the axes where y's stride is 0; each result goes to finish(offset of y, total).
 *
 * Where the innermost axis is kept, or few elements are reduced, a row of results (`cols` of them)
 * is reduced side by side; else one result at a time. A task is a chunk of the reduced elements for
 * one piece of a row.
 */
template <class Op, class Finish>
void reduce(DType t, In x, const Space& space, Finish finish) {
  using Value = typename Op::Value;
  using Total = typename Op::Total;
  const Space reduced = axesOf(space, false);
  Space outer = axesOf(space, true);
  const int64_t n = sizeOf(reduced);
  const bool sideBySide = space.strides[1][space.rank - 1] != 0 || n < kLanes;
  int64_t cols = 1, xStep = 0, yStep = 0;
  if (sideBySide) {
    const int inner = outer.rank - 1;
    cols = outer.sizes[inner];
    xStep = outer.strides[0][inner];
    yStep = outer.strides[1][inner];
    outer.sizes[inner] = 1;
  }
  const int64_t width = std::max<int64_t>(1, std::min(cols, kColumns));
  // Side by side, one float sums a whole chunk; in a block, each of kLanes floats sums a part.
  const int64_t chunk =
      sideBySide ? std::min<int64_t>(512, std::max<int64_t>(128, kGrain / width)) : 4 * kGrain;
  const int64_t pieces = (cols + width - 1) / width, chunks = (n + chunk - 1) / chunk;
  const int64_t results = sizeOf(outer) * cols;
  std::vector<Total> totals(static_cast<size_t>(results * chunks));

  auto reduceChunk = [&](int64_t base, int64_t begin, int64_t end, Total* into) {
    alignas(64) Value buffer[kBlock];
    Total total = Op::kNothing;
    walk(reduced, begin, end, [&](int64_t, int64_t length, const int64_t* offsets) {
      const int64_t stride = reduced.innerStride(0);
      blocks(0, length, [&](int64_t i, int64_t m) {
        const Value* values = loadValues(t, x, base + offsets[0] + i * stride, stride, buffer, m);
        total = Op::joinTotals(total, static_cast<Total>(reduceBlock<Op>(values, m)));
      });
    });
    *into = total;
  };
  auto reduceColumns = [&](int64_t base, int64_t m, int64_t begin, int64_t end, Total* into) {
    alignas(64) Value sums[kColumns], buffers[4][kColumns];
    std::fill(sums, sums + m, Op::kIdentity);
    walk(reduced, begin, end, [&](int64_t, int64_t length, const int64_t* offsets) {
      const int64_t stride = reduced.innerStride(0);
      for (int64_t i = 0; i < length; i += 4) {
        const int count = static_cast<int>(std::min<int64_t>(4, length - i));
        const Value* rows[4] = {};
        for (int k = 0; k < count; ++k) {
          rows[k] = loadValues(t, x, base + offsets[0] + (i + k) * stride, xStep, buffers[k], m);
        }
        reduceRows<Op>(rows, count, sums, m);
      }
    });
    for (int64_t j = 0; j < m; ++j) into[j] = static_cast<Total>(sums[j]);
  };

  // Total of chunk c of result (o, j): totals[(c * outer + o) * cols + j].
  const int64_t outers = sizeOf(outer);
  rowRanges(chunks * outers * pieces, std::min(chunk, n) * width, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t j = task % pieces * width, o = task / pieces % outers;
      const int64_t c = task / pieces / outers;
      const int64_t first = c * chunk, last = std::min(first + chunk, n);
      Total* into = totals.data() + (c * outers + o) * cols + j;
      walk(outer, o, o + 1, [&](int64_t, int64_t, const int64_t* offsets) {
        if (sideBySide) {
          reduceColumns(offsets[0] + j * xStep, std::min(width, cols - j), first, last, into);
        } else {
          reduceChunk(offsets[0], first, last, into);
        }
      });
    }
  });
  rowRanges(results, std::max<int64_t>(chunks, 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      Total total = Op::kNothing;
      for (int64_t c = 0; c < chunks; ++c) {
        total = Op::joinTotals(total, totals[static_cast<size_t>(c * results + r)]);
      }
      walk(outer, r / cols, r / cols + 1, [&](int64_t, int64_t, const int64_t* offsets) {
        finish(offsets[1] + r % cols * yStep, total);
      });
    }
  });
}

/** First index of the largest of each of `width` columns of x; rows lie `stride` elements apart. */
template <class Value>
void argmaxColumns(DType t, In x, int64_t at, int64_t stride, int64_t n, int64_t width,
                   int64_t* index) {
  alignas(64) Value best[kColumns], buffer[kColumns];
  const Value* first = loadValues(t, x, at, 1, buffer, width);
  std::copy(first, first + width, best);
  std::fill(index, index + width, 0);
  for (int64_t row = 1; row < n; ++row) {
    const Value* values = loadValues(t, x, at + row * stride, 1, buffer, width);
    for (int64_t j = 0; j < width; ++j) {
      const bool better = (values[j] > best[j]) | ((values[j] != values[j]) & (best[j] == best[j]));
      best[j] = better ? values[j] : best[j];
      index[j] = better ? row : index[j];
    }
  }
}

/** First index of the largest of n contiguous elements: block by block, then within the winner. */
template <class Value>
int64_t argmaxRow(DType t, In x, int64_t at, int64_t n) {
  alignas(64) Value buffer[kBlock];
  Value best = Max<Value>::kIdentity;
  int64_t winner = 0;
  blocks(0, n, [&](int64_t i, int64_t m) {
    const Value* values = loadValues(t, x, at + i, 1, buffer, m);
    const Value largest = reduceBlock<Max<Value>>(values, m);
    if (largest > best || (largest != largest && best == best)) {
      best = largest;
      winner = i;
    }
  });
  const int64_t m = std::min(kBlock, n - winner);
  const Value* values = loadValues(t, x, at + winner, 1, buffer, m);
  int64_t i = 0;
  while (i < m - 1 && !(best == best ? values[i] == best : values[i] != values[i])) ++i;
  return winner + i;
}

template <class Value>
void argmaxOf(DType t, In x, int64_t* y, int64_t outer, int64_t n, int64_t inner) {
  if (inner == 1) {
    rowRanges(outer, n, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) y[o] = argmaxRow<Value>(t, x, o * n, n);
    });
    return;
  }
  const int64_t width = std::min(inner, kColumns), pieces = (inner + width - 1) / width;
  rowRanges(outer * pieces, n * width, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t o = task / pieces, j = task % pieces * width;
      argmaxColumns<Value>(t, x, o * n * inner + j, inner, n, std::min(width, inner - j),
                           y + o * inner + j);
    }
  });
}

double squaresOf(const float* x, int64_t n) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(x[i + l]) * x[i + l];
  }
  for (int l = 0; i < n; ++i, ++l) lanes[l] += static_cast<double>(x[i]) * x[i];
  for (int l = 1; l < kLanes; ++l) lanes[0] += lanes[l];
  return lanes[0];
}

}  // namespace

void CpuBackend::addReductions() {
  sum = [](Type t, In x, Out y, int64_t yn, double scale, Dims dims) {
    reduce<Sum>(t, x, Space(dims, 2, yn), [&](int64_t at, double total) {
      const auto value = static_cast<float>(total * scale);
      narrow(t, &value, y, at, 1);
    });
  };

  max = [](Type t, In x, Out y, int64_t yn, Dims dims) {
    const Space space(dims, 2, yn);
    if (isFloating(t)) {
      reduce<Max<float>>(t, x, space,
                         [&](int64_t at, float total) { narrow(t, &total, y, at, 1); });
    } else {
      reduce<Max<int64_t>>(t, x, space, [&](int64_t at, int64_t total) {
        if (t == DType::I32) y.as<int32_t>()[at] = static_cast<int32_t>(total);
        if (t == DType::I64) y.as<int64_t>()[at] = total;
        if (t == DType::U8) y.as<uint8_t>()[at] = static_cast<uint8_t>(total);
      });
    }
  };

  argmax = [](Type t, In x, Out y, int64_t outer, int64_t n, int64_t inner) {
    if (isFloating(t)) {
      argmaxOf<float>(t, x, y.as<int64_t>(), outer, n, inner);
    } else {
      argmaxOf<int64_t>(t, x, y.as<int64_t>(), outer, n, inner);
    }
  };

  sumSquares = [](Type t, In x, Out y, int64_t n) {
    const int64_t chunks = (n + kGrain - 1) / kGrain;
    std::vector<double> totals(static_cast<size_t>(chunks));
    rowRanges(chunks, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        alignas(64) float buffer[kBlock];
        double total = 0;
        blocks(c * kGrain, std::min((c + 1) * kGrain, n),
               [&](int64_t at, int64_t m) { total += squaresOf(load(t, x, at, buffer, m), m); });
        totals[static_cast<size_t>(c)] = total;
      }
    });
    double total = 0;
    for (double part : totals) total += part;
    *y.as<float>() = static_cast<float>(total);
  };
}

}  // namespace gradus
