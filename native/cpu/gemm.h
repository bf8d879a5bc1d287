// Matrix products of floats, shared out over the pool.
#pragma once

#include <cstdint>

namespace gradus {

/** Element (i, j) stands at data[i * row + j * column]; one of the two strides is 1. */
struct Matrix {
  const float* data;
  int64_t row, column;

  /** The stored matrix of (rows, columns), or its transpose. */
  static Matrix of(const float* data, int64_t rows, int64_t columns, bool transposed) {
    return transposed ? Matrix{data, 1, rows} : Matrix{data, columns, 1};
  }
  Matrix at(int64_t i, int64_t j) const { return {data + i * row + j * column, row, column}; }
  Matrix transposed() const { return {data, column, row}; }
};

/** y (m, n; rows yRow apart) = a (m, k) times b (k, n), + y where it accumulates, + bias (n) or
 * null. */
struct Product {
  int64_t m, n, k;
  Matrix a, b;
  const float* bias;
  float* y;
  int64_t yRow;
  bool accumulate;
};

/** The order of each sum depends on the sizes alone. */
void gemm(const Product& product);

/** What a product is before anything is added: the bias, + y where it accumulates. */
void storeBias(const Product& product);

}  // namespace gradus
