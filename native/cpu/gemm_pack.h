// How operands of a matrix product are laid out for its innermost loop, and results laid back.
#pragma once

#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/gemm_kernel.h"

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

// Rows of a strip lie far apart, where no hardware prefetcher looks.
constexpr int64_t kAhead = 12;

/** Rows of x, of `columns`, one after the other, each filled with zeros up to `width`. */
inline void packRows(const Matrix& x, int64_t rows, int64_t columns, int64_t width, float* y) {
  int64_t whole = columns / kLanes * kLanes;
  for (int64_t i = 0; i < rows; ++i, y += width) {
    const float* row = x.data + i * x.row;
    const float* ahead = row + kAhead * x.row;
    for (int64_t j = 0; j < whole; j += kLanes) {
      __builtin_prefetch(ahead + j);
      std::memcpy(y + j, row + j, sizeof(Vector));
    }
    for (int64_t j = whole; j < columns; ++j) y[j] = row[j];
    for (int64_t j = columns; j < width; ++j) y[j] = 0;
  }
}

/** Lanes columns, contiguous each, of x as rows of y. */
template <int Lanes>
void packColumns(const Matrix& x, int64_t rows, int64_t width, float* y) {
  int64_t whole = rows / 4 * 4;
  for (int64_t i = 0; i < whole; i += 4) {
    typename VectorOf<Lanes>::Type block[4];
    loadTransposed<Lanes>(x.data + i, x.column, block);
#pragma GCC unroll 4
    for (int l = 0; l < 4; ++l) std::memcpy(y + (i + l) * width, &block[l], sizeof(block[l]));
  }
  for (int64_t i = whole; i < rows; ++i) {
    for (int64_t j = 0; j < Lanes; ++j) y[i * width + j] = x.data[i + j * x.column];
  }
}

/** As packRows, of a matrix whose columns are contiguous. */
inline void packColumns(const Matrix& x, int64_t rows, int64_t columns, int64_t width, float* y) {
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) packColumns<kLanes>(x.at(0, j), rows, width, y + j);
  for (; j + 4 <= columns; j += 4) packColumns<4>(x.at(0, j), rows, width, y + j);
  if (j < columns && columns >= 4) {  // the last four, some of them again
    j = columns;
    packColumns<4>(x.at(0, j - 4), rows, width, y + j - 4);
  }
  for (; j < width; ++j) {
    const float* from = x.data + j * x.column;
    for (int64_t i = 0; i < rows; ++i) y[i * width + j] = j < columns ? from[i] : 0;
  }
}

inline void pack(const Matrix& x, int64_t rows, int64_t columns, int64_t width, float* y) {
  x.column == 1 ? packRows(x, rows, columns, width, y) : packColumns(x, rows, columns, width, y);
}

/** y (rows, columns) = x, + y where it accumulates, + bias for each column or null. */
inline void storeRows(const float* x, int64_t xRow, int64_t rows, int64_t columns,
                      const float* bias, bool accumulate, float* y, int64_t yRow) {
  for (int64_t i = 0; i < rows; ++i, x += xRow, y += yRow) {
    for (int64_t j = 0; j < columns; ++j) {
      y[j] = x[j] + (bias == nullptr ? 0 : bias[j]) + (accumulate ? y[j] : 0);
    }
  }
}

/** y (columns, rows) = the transpose of x, + y where it accumulates, + bias for each row of x. */
inline void storeColumns(const float* x, int64_t xRow, int64_t rows, int64_t columns,
                         const float* bias, bool accumulate, float* y, int64_t yRow) {
  int64_t wholeRows = rows / kLanes * kLanes, wholeColumns = columns / 4 * 4;
  for (int64_t i = 0; i < wholeRows; i += kLanes) {
    Vector add{}, before, block[4];
    if (bias != nullptr) std::memcpy(&add, bias + i, sizeof(add));
    for (int64_t j = 0; j < wholeColumns; j += 4) {
      loadTransposed<kLanes>(x + i * xRow + j, xRow, block);
#pragma GCC unroll 4
      for (int l = 0; l < 4; ++l) {
        float* to = y + (j + l) * yRow + i;
        block[l] += add;
        if (accumulate) {
          std::memcpy(&before, to, sizeof(before));
          block[l] += before;
        }
        std::memcpy(to, &block[l], sizeof(block[l]));
      }
    }
  }
  for (int64_t j = 0; j < columns; ++j) {
    float* to = y + j * yRow;
    for (int64_t i = j < wholeColumns ? wholeRows : 0; i < rows; ++i) {
      to[i] = x[i * xRow + j] + (bias == nullptr ? 0 : bias[i]) + (accumulate ? to[i] : 0);
    }
  }
}

}  // namespace
}  // namespace gradus
