// What becomes of the sums of a matrix product before they are stored.
#pragma once

#include "cpu/gemm.h"

namespace gradus {

/**
 * All of a product y but its sums x, whose rows are xRow apart: bias, epilogue, + y where it
 * accumulates. x may stand in y.
 */
void finish(const float* x, int64_t xRow, const Product& product);

/** Elements that are summed in float; such sums are joined in double, one after the other. */
constexpr int64_t kSummed = 128;

/** y (cols) = the sums of the columns of x (rows, cols), whose rows are `stride` apart, + y where
 * it accumulates. */
void sumColumns(DType t, In x, int64_t stride, int64_t rows, int64_t cols, DType yType, Out y,
                bool accumulate);

/** Sums of the rows of a, in the same order, for products that do not pack it. */
void sumRows(const Product& product);

}  // namespace gradus
