// Putting positions in the order of the row that each names.
#pragma once

#include <cstdint>

#include "cuda/gpu.h"

namespace gradus {

/** A position and the row that it names. */
struct alignas(16) Slot {
  int64_t row, position;
};

/** Sorts n slots by their rows, which are at most `largest`; slots of one row stay in their order.
 * spare is as much memory again. Returns which of the two holds the result. */
Slot* sortByRow(Gpu& gpu, const char* name, Slot* slots, Slot* spare, int64_t n, int64_t largest);

}  // namespace gradus
