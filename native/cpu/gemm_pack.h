// How operands of a matrix product are laid out for its innermost loop, and results laid back.
#pragma once

#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/gemm_buffer.h"
#include "cpu/gemm_kernel.h"
#include "cpu/loops.h"

namespace gradus {
namespace {

template <int Lanes>
struct VectorOf {
  typedef float Type __attribute__((vector_size(Lanes * sizeof(float))));
};

template <int Half, int... I>
typename VectorOf<2 * Half>::Type join(typename VectorOf<Half>::Type a,
                                       typename VectorOf<Half>::Type b,
                                       std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, I...);
}

/** Four floats from each of Lanes / 4 rows that lie four strides apart. */
template <int Lanes>
typename VectorOf<Lanes>::Type loadFours(const float* x, int64_t stride) {
  if constexpr (Lanes == 4) {
    typename VectorOf<4>::Type four;
    std::memcpy(&four, x, sizeof(four));
    return four;
  } else {
    return join<Lanes / 2>(loadFours<Lanes / 2>(x, stride),
                           loadFours<Lanes / 2>(x + Lanes / 2 * stride, stride),
                           std::make_integer_sequence<int, Lanes>());
  }
}

/** Transposes the 4 x 4 blocks that stand in the same quarters of four vectors. */
template <int L, int... I>
void transposeFours(typename VectorOf<L>::Type (&x)[4], std::integer_sequence<int, I...>) {
  auto a = __builtin_shufflevector(x[0], x[1], (I & ~3) + (I >> 1 & 1) + (I & 1) * L...);
  auto b = __builtin_shufflevector(x[0], x[1], (I & ~3) + (I >> 1 & 1) + (I & 1) * L + 2 ...);
  auto c = __builtin_shufflevector(x[2], x[3], (I & ~3) + (I >> 1 & 1) + (I & 1) * L...);
  auto d = __builtin_shufflevector(x[2], x[3], (I & ~3) + (I >> 1 & 1) + (I & 1) * L + 2 ...);
  x[0] = __builtin_shufflevector(a, c, (I & ~3) + (I & 1) + (I >> 1 & 1) * L...);
  x[1] = __builtin_shufflevector(a, c, (I & ~3) + (I & 1) + (I >> 1 & 1) * L + 2 ...);
  x[2] = __builtin_shufflevector(b, d, (I & ~3) + (I & 1) + (I >> 1 & 1) * L...);
  x[3] = __builtin_shufflevector(b, d, (I & ~3) + (I & 1) + (I >> 1 & 1) * L + 2 ...);
}

/** Four columns of Lanes rows of x, as four vectors. */
template <int Lanes>
void loadTransposed(const float* x, int64_t xRow, typename VectorOf<Lanes>::Type (&columns)[4]) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) columns[i] = loadFours<Lanes>(x + i * xRow, xRow);
  transposeFours<Lanes>(columns, std::make_integer_sequence<int, Lanes>());
}

/** Calls f with an element of a floating type. */
template <class F>
void withElement(DType type, F&& f) {
  if (type == DType::F32) return f(float());
  return type == DType::BF16 ? f(BF16()) : f(F16());
}

template <class E>
Vector loadVector(const E* x) {
  float floats[kLanes];
  for (int i = 0; i < kLanes; ++i) floats[i] = math::toFloat(x[i]);
  Vector vector;
  std::memcpy(&vector, floats, sizeof(vector));
  return vector;
}

template <class E>
void storeVector(const Vector& vector, E* y) {
  float floats[kLanes];
  std::memcpy(floats, &vector, sizeof(vector));
  for (int i = 0; i < kLanes; ++i) math::store(floats[i], y + i);
}

// Rows of a strip lie far apart, where no hardware prefetcher looks.
constexpr int64_t kAhead = 12;

/** Rows of x, of `columns`, one after the other, each filled with zeros up to `width`. */
template <class E>
void packRows(const E* x, int64_t xRow, int64_t rows, int64_t columns, int64_t width, float* y) {
  int64_t whole = columns / kLanes * kLanes;
  for (int64_t i = 0; i < rows; ++i, x += xRow, y += width) {
    const E* ahead = x + kAhead * xRow;
    for (int64_t j = 0; j < whole; j += kLanes) {
      __builtin_prefetch(ahead + j);
      storeVector(loadVector(x + j), y + j);
    }
    for (int64_t j = whole; j < columns; ++j) y[j] = math::toFloat(x[j]);
    for (int64_t j = columns; j < width; ++j) y[j] = 0;
  }
}

/** As packRows, of a matrix whose rows are contiguous. */
inline void packRows(const Matrix& x, int64_t rows, int64_t columns, int64_t width, float* y) {
  withElement(x.type, [&](auto element) {
    packRows(x.data.as<decltype(element)>(), x.row, rows, columns, width, y);
  });
}

/**
 * A part of the cache lines that hold rows i and on of Lanes columns: called for every fourth i, it
 * fetches each line once.
 */
template <int Lanes>
void fetchColumns(const float* x, int64_t xColumn, int64_t i) {
  const float* line = x + i / 16 * 16 + i / 4 % 4 * (Lanes / 4) * xColumn;
#pragma GCC unroll 4
  for (int j = 0; j < Lanes / 4; ++j) __builtin_prefetch(line + j * xColumn);
}

/** Lanes columns, contiguous each, of x as rows of y. */
template <int Lanes>
void packColumns(const float* x, int64_t xColumn, int64_t rows, int64_t width, float* y) {
  int64_t whole = rows / 4 * 4;
  for (int64_t i = 0; i < whole; i += 4) {
    fetchColumns<Lanes>(x + Lanes * xColumn, xColumn, i);
    typename VectorOf<Lanes>::Type block[4];
    loadTransposed<Lanes>(x + i, xColumn, block);
#pragma GCC unroll 4
    for (int l = 0; l < 4; ++l) std::memcpy(y + (i + l) * width, &block[l], sizeof(block[l]));
  }
  for (int64_t i = whole; i < rows; ++i) {
    for (int64_t j = 0; j < Lanes; ++j) y[i * width + j] = x[i + j * xColumn];
  }
}

/** As packRows, of a matrix whose columns are contiguous. */
inline void packColumns(const float* x, int64_t xColumn, int64_t rows, int64_t columns,
                        int64_t width, float* y) {
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) {
    packColumns<kLanes>(x + j * xColumn, xColumn, rows, width, y + j);
  }
  if (kPanel % kLanes != 0 && columns == kPanel) {
    packColumns<kPanel>(x, xColumn, rows, width, y);
    j = kPanel;
  }
  for (; j + 4 <= columns; j += 4) packColumns<4>(x + j * xColumn, xColumn, rows, width, y + j);
  if (j < columns && columns >= 4) {  // the last four, some of them again
    j = columns;
    packColumns<4>(x + (j - 4) * xColumn, xColumn, rows, width, y + j - 4);
  }
  for (; j < width; ++j) {
    const float* from = x + j * xColumn;
    for (int64_t i = 0; i < rows; ++i) y[i * width + j] = j < columns ? from[i] : 0;
  }
}

/** Rows of x, of `columns`, one after the other, each filled with zeros up to `width`. */
inline void pack(const Matrix& x, int64_t rows, int64_t columns, int64_t width, Buffer& floats,
                 float* y) {
  if (x.column == 1) return packRows(x, rows, columns, width, y);
  if (x.type == DType::F32) {
    return packColumns(x.floats(), x.column, rows, columns, width, y);
  }
  float* widened = floats.atLeast(rows * columns);
  packRows(x.transposed(), columns, rows, rows, widened);
  packColumns(widened, rows, rows, columns, width, y);
}

/** Rows of x in panels of kPanel columns, one panel after the other. */
template <class E>
void packPanels(const E* x, int64_t xRow, int64_t rows, int64_t panels, float* y) {
  constexpr int64_t kTogether = 64 / kPanel;  // panels: a few cache lines of each row
  for (int64_t first = 0; first < panels; first += kTogether) {
    const E* from = x + first * kPanel;
    float* to = y + first * kPanel * rows;
    int64_t count = std::min(kTogether, panels - first);
    for (int64_t i = 0; i < rows; ++i, from += xRow, to += kPanel) {
      __builtin_prefetch(from + kAhead * xRow);
      __builtin_prefetch(from + kAhead * xRow + 64 / sizeof(E));
      for (int64_t panel = 0; panel < count; ++panel) {
        float floats[kPanel];
        for (int j = 0; j < kPanel; ++j) floats[j] = math::toFloat(from[panel * kPanel + j]);
        std::memcpy(to + panel * kPanel * rows, floats, sizeof(floats));
      }
    }
  }
}

/** Two panels of rows of x, whose columns are contiguous; a vector holds a row of both. */
inline void packTwoPanels(const float* x, int64_t xColumn, int64_t rows, float* y) {
  int64_t whole = rows / 4 * 4;
  float* second = y + kPanel * rows;
  for (int64_t i = 0; i < whole; i += 4) {
    fetchColumns<kLanes>(x + kLanes * xColumn, xColumn, i);
    Vector block[4];
    loadTransposed<kLanes>(x + i, xColumn, block);
#pragma GCC unroll 4
    for (int l = 0; l < 4; ++l) {
      float floats[kLanes];
      std::memcpy(floats, &block[l], sizeof(floats));
      std::memcpy(y + (i + l) * kPanel, floats, sizeof(floats) / 2);
      std::memcpy(second + (i + l) * kPanel, floats + kPanel, sizeof(floats) / 2);
    }
  }
  for (int64_t i = whole; i < rows; ++i) {
    for (int64_t j = 0; j < kPanel; ++j) {
      y[i * kPanel + j] = x[i + j * xColumn];
      second[i * kPanel + j] = x[i + (j + kPanel) * xColumn];
    }
  }
}

/** Rows of x in panels of kPanel columns, the last of which is filled up with zeros. */
inline void packPanels(const Matrix& x, int64_t rows, int64_t columns, Buffer& floats, float* y) {
  int64_t panels = columns / kPanel;
  if (x.column == 1) {
    withElement(x.type, [&](auto element) {
      packPanels(x.data.as<decltype(element)>(), x.row, rows, panels, y);
    });
  } else {
    int64_t panel = 0;
    if constexpr (2 * kPanel == kLanes) {
      for (; x.type == DType::F32 && panel + 2 <= panels; panel += 2) {
        packTwoPanels(x.at(0, panel * kPanel).floats(), x.column, rows, y + panel * kPanel * rows);
      }
    }
    for (; panel < panels; ++panel) {
      pack(x.at(0, panel * kPanel), rows, kPanel, kPanel, floats, y + panel * kPanel * rows);
    }
  }
  int64_t done = panels * kPanel;
  if (done < columns) pack(x.at(0, done), rows, columns - done, kPanel, floats, y + done * rows);
}

/** y (rows, columns) = x, + y where it accumulates, + bias for each column or null. */
template <class E>
void storeRows(const float* x, int64_t xRow, int64_t rows, int64_t columns, const float* bias,
               bool accumulate, E* y, int64_t yRow) {
  for (int64_t i = 0; i < rows; ++i, x += xRow, y += yRow) {
    for (int64_t j = 0; j < columns; ++j) {
      float add = (bias == nullptr ? 0 : bias[j]) + (accumulate ? math::toFloat(y[j]) : 0);
      math::store(x[j] + add, y + j);
    }
  }
}

/** y (columns, rows) = the transpose of x, + y where it accumulates, + bias for each row of x. */
template <class E>
void storeColumns(const float* x, int64_t xRow, int64_t rows, int64_t columns, const float* bias,
                  bool accumulate, E* y, int64_t yRow) {
  int64_t wholeRows = rows / kLanes * kLanes, wholeColumns = columns / 4 * 4;
  for (int64_t i = 0; i < wholeRows; i += kLanes) {
    Vector add{}, block[4];
    if (bias != nullptr) add = loadVector(bias + i);
    for (int64_t j = 0; j < wholeColumns; j += 4) {
      loadTransposed<kLanes>(x + i * xRow + j, xRow, block);
#pragma GCC unroll 4
      for (int l = 0; l < 4; ++l) {
        E* to = y + (j + l) * yRow + i;
        Vector more = accumulate ? add + loadVector(to) : add;
        storeVector(block[l] + more, to);
      }
    }
  }
  for (int64_t j = 0; j < columns; ++j) {
    E* to = y + j * yRow;
    for (int64_t i = j < wholeColumns ? wholeRows : 0; i < rows; ++i) {
      float add = (bias == nullptr ? 0 : bias[i]) + (accumulate ? math::toFloat(to[i]) : 0);
      math::store(x[i * xRow + j] + add, to + i);
    }
  }
}

}  // namespace
}  // namespace gradus
