// Adding rows to the rows that indices name, always in the same order.
#pragma once

#include "cuda/sorting.h"
#include "gradus/types.h"

namespace gradus {

/** Adds to the rows of dx (rows, cols) those of dy at the positions of n slots, which are sorted.
 * Slots whose row is `rows` are left out. A row is summed in float in the order of its slots, but
 * where it has hundreds: then in pieces. */
void addRows(Gpu& gpu, const char* name, const Slot* slots, int64_t n, DType t, In dy, Out dx,
             int64_t rows, int64_t cols);

}  // namespace gradus
