// Each element of b meets only a few of a, so the time is that of reading b from memory: in the
// order in which it lies there, by all threads, with the rows that come next fetched ahead.
#include "cpu/gemm_rows.h"

#include <algorithm>

#include "cpu/gemm_buffer.h"
#include "cpu/gemm_epilogue.h"
#include "cpu/gemm_pack.h"
#include "cpu/pool.h"

namespace gradus {

namespace {

constexpr int64_t kMostRows = 8;
constexpr int64_t kColumns = 64;             // of y, fewer are not worth it
constexpr int64_t kTask = int64_t{1} << 16;  // elements of b
constexpr int kRowSums = kSums * 2 / 3;      // vectors of sums: some registers are left

thread_local Buffer widenedRows;

/** The sum of a vector's elements, in pairs of halves. */
inline float sumOf(const Vector& x) {
  float lanes[kLanes];
  std::memcpy(lanes, &x, sizeof(lanes));
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

/** sums[i][j] = row i of a times column j of b, of which one after the other is contiguous. */
template <int Rows, int Columns, class E>
void dotProducts(const float* a, int64_t aRow, const E* b, int64_t bColumn, int64_t k,
                 float (&sums)[Rows][Columns]) {
  Vector sum[Rows][Columns] = {};
  int64_t l = 0;
  for (; l + kLanes <= k; l += kLanes) {
    Vector x[Columns];
#pragma GCC unroll 16
    for (int j = 0; j < Columns; ++j) {
      x[j] = loadVector(b + j * bColumn + l);
      __builtin_prefetch(b + (j + Columns) * bColumn + l);
    }
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      Vector w = loadVector(a + i * aRow + l);
#pragma GCC unroll 16
      for (int j = 0; j < Columns; ++j) sum[i][j] += w * x[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < Columns; ++j) {
      float total = sumOf(sum[i][j]);
      for (int64_t rest = l; rest < k; ++rest) {
        total += a[i * aRow + rest] * math::toFloat(b[j * bColumn + rest]);
      }
      sums[i][j] = total;
    }
  }
}

/** Columns [begin, end) of y, so many at a time. */
template <int Rows, int Columns, class E, class Y>
int64_t multiplyColumns(const Product& p, const float* a, const E* b, Y* y, int64_t begin,
                        int64_t end) {
  int64_t j = begin;
  for (; j + Columns <= end; j += Columns) {
    float sums[Rows][Columns];
    dotProducts<Rows, Columns>(a, p.k, b + j * p.b.column, p.b.column, p.k, sums);
    for (int i = 0; i < Rows; ++i) {
      if (!p.epilogue.empty()) {
        finish(sums[i], Columns, p.part(i, 1, j, Columns));
        continue;
      }
      Y* to = y + i * p.y.row + j;
      storeRows(sums[i], Columns, 1, Columns, p.bias == nullptr ? nullptr : p.bias + j,
                p.accumulate, to, p.y.row);
    }
  }
  return j;
}

template <int Rows, class E, class Y>
void multiplyRows(const Product& p, const float* a, const E* b, Y* y) {
  pool().split(p.n, std::max<int64_t>(kTask / p.k, 1), [&](int64_t begin, int64_t end) {
    constexpr int kTogether = std::min(kRowSums / Rows, 8);
    begin = multiplyColumns<Rows, kTogether>(p, a, b, y, begin, end);
    multiplyColumns<Rows, 1>(p, a, b, y, begin, end);
  });
}

template <class E, class Y, int Rows = kMostRows>
void multiplyRows(const Product& p, const float* a, const E* b, Y* y) {
  if constexpr (Rows > 1) {
    if (p.m < Rows) return multiplyRows<E, Y, Rows - 1>(p, a, b, y);
  }
  multiplyRows<Rows>(p, a, b, y);
}

}  // namespace

bool readsOnce(const Product& p) {
  return p.m <= kMostRows && p.n >= kColumns && p.k >= kLanes && p.a.column == 1 && p.b.row == 1 &&
         p.b.column != 1;
}

void multiplyFewRows(const Product& p) {
  const float* a = p.a.floats();
  if (p.a.type != DType::F32 || p.a.row != p.k) {
    float* rows = widenedRows.atLeast(p.m * p.k);
    packRows(p.a, p.m, p.k, p.k, rows);
    a = rows;
  }
  withElement(p.b.type, [&](auto weight) {
    withElement(p.y.type, [&](auto result) {
      multiplyRows(p, a, p.b.data.as<decltype(weight)>(), p.y.data.as<decltype(result)>());
    });
  });
}

}  // namespace gradus
