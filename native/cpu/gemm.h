// Matrix products, shared out over the pool.
#pragma once

#include <cstdint>

#include "gradus/types.h"

namespace gradus {

/**
 * Floating elements of one type: (i, j) stands i * row + j * column elements from the first. One of
 * the two strides is 1.
 */
struct Matrix {
  DType type;
  In data;
  int64_t row, column;

  /** The stored matrix of (rows, columns), or its transpose. */
  static Matrix of(DType type, In data, int64_t rows, int64_t columns, bool transposed) {
    return transposed ? Matrix{type, data, 1, rows} : Matrix{type, data, columns, 1};
  }
  Matrix at(int64_t i, int64_t j) const {
    return {type, data.address + (i * row + j * column) * byteSize(type), row, column};
  }
  Matrix transposed() const { return {type, data, column, row}; }
  const float* floats() const { return data.as<float>(); }
};

/** Rows of a result of some floating type, `row` elements apart. */
struct Result {
  DType type;
  Out data;
  int64_t row;

  Result at(int64_t i, int64_t j) const {
    return {type, data.address + (i * row + j) * byteSize(type), row};
  }
  float* floats() const { return data.as<float>(); }
};

/** y (m, n) = a (m, k) times b (k, n), + y where it accumulates, + bias (n) or null. */
struct Product {
  int64_t m, n, k;
  Matrix a, b;
  const float* bias;
  Result y;
  bool accumulate;
};

/** The order of each sum depends on the sizes alone. */
void gemm(const Product& product);

/** What a product is before anything is added: the bias, + y where it accumulates. */
void storeBias(const Product& product);

}  // namespace gradus
