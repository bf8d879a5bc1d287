// What becomes of the sums of a matrix product before they are stored.
#pragma once

#include "cpu/gemm.h"

namespace gradus {

/**
 * All of a product y but its sums x, whose rows are xRow apart: bias, epilogue, + y where it
 * accumulates. x may stand in y.
 */
void finish(const float* x, int64_t xRow, const Product& product);

/** Sums of the rows of a, for products that do not pack it. */
void sumRows(const Product& product);

}  // namespace gradus
