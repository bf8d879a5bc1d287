// Products of a few rows by a matrix that is stored transposed, as when text is generated.
#pragma once

#include "cpu/gemm.h"

namespace gradus {

/** Whether b is so large beside a and y that reading it once is all that counts. */
bool readsOnce(const Product& product);

void multiplyFewRows(const Product& product);

}  // namespace gradus
