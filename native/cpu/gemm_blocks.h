// Large matrix products, from packed blocks of both operands.
#pragma once

#include "cpu/gemm.h"

namespace gradus {

/** Whether the product is large enough on all sides for packing both operands to pay. */
bool paysInBlocks(const Product& product);

void multiplyInBlocks(const Product& product);

/** Whether the sums of a product never leave the registers, so that it can be a Descent. */
bool descendsInBlocks(const Product& product);

}  // namespace gradus
