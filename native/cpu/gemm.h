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

  static Result none() { return {DType::F32, int64_t{0}, 0}; }
  Result at(int64_t i, int64_t j) const {
    return {type, data.address + (i * row + j) * byteSize(type), row};
  }
  float* floats() const { return data.as<float>(); }
};

enum class Activation { None, Relu, Gelu, GeluErf, Silu };

/**
 * What becomes of each sum s, bias included, before it is stored, while it is still in the cache:
 * activation(s + residual), or s + residual times the activation's derivative at `slopeAt`. What
 * has no data is left out; the operands are laid out as y is, each of a type of its own.
 */
struct Epilogue {
  Activation activation = Activation::None;
  Result residual = Result::none();
  Result before = Result::none();  // takes the activation's argument, which its gradient needs
  Result slopeAt = Result::none();

  bool empty() const {
    return activation == Activation::None && !residual.data && !before.data && !slopeAt.data;
  }
  Epilogue at(int64_t i, int64_t j) const {
    auto moved = [&](const Result& x) { return x.data ? x.at(i, j) : x; };
    return {activation, moved(residual), moved(before), moved(slopeAt)};
  }
};

/** Gradient descent: y -= rate (sum scale + decay y), where y holds parameters. */
struct Descent {
  float rate, decay, scale;
};

/**
 * y (m, n) = a (m, k) times b (k, n), + bias (n) or null, through the epilogue, + y where it
 * accumulates.
 */
struct Product {
  int64_t m, n, k;
  Matrix a, b;
  const float* bias;
  Result y;
  bool accumulate;
  Epilogue epilogue{};
  /** Takes the sums of a's rows (m) or is null, + what it held where the product accumulates: where
   * a is dy', the gradient of the bias. */
  float* rowSums = nullptr;
  const Descent* descent = nullptr;  // where canDescend says so: y holds parameters

  /** Rows [i, i + rows) and columns [j, j + columns) of y. */
  Product part(int64_t i, int64_t rows, int64_t j, int64_t columns) const {
    return {rows,
            columns,
            k,
            a.at(i, 0),
            b.at(0, j),
            bias == nullptr ? nullptr : bias + j,
            y.at(i, j),
            accumulate,
            epilogue.at(i, j),
            rowSums == nullptr || j > 0 ? nullptr : rowSums + i,
            descent};
  }
};

/** The order of each sum depends on the sizes alone. */
void gemm(const Product& product);

/** The second operand of many products, b (k, n), laid out once. */
class PackedMatrix {
 public:
  /** Floats that it takes up. */
  static int64_t size(int64_t k, int64_t n);
  /** In memory of the caller's. */
  PackedMatrix(const Matrix& b, int64_t k, int64_t n, float* memory);
  /** y (m, n) = a (m, k) times b, + bias or null, + y where it accumulates. The order of each sum
   * is the same for any m. */
  void multiply(int64_t m, const Matrix& a, const float* bias, const Result& y,
                bool accumulate) const;

 private:
  Product product_;  // but for what is another one each time
};

/** Whether gemm makes a Descent of the product: where sums of our own never leave the registers. */
bool canDescend(const Product& product);

/** What a product is before anything is added: the bias, + y where it accumulates. */
void storeBias(const Product& product);

}  // namespace gradus
