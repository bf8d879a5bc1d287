// Indices and labels: the only operands that a kernel checks itself, as only it reads them.
#pragma once

#include <cstdint>

#include "cuda/device.h"
#include "cuda/gpu.h"

namespace gradus {

/** Whether 0 <= index < bound. What reads or writes at an index asks this again: the check before
 * it only complains, as nobody waits for it. */
__device__ inline bool inside(int64_t index, int64_t bound) {
  return static_cast<uint64_t>(index) < static_cast<uint64_t>(bound);
}

/**
 * Complains of the first of n indices of type I32 or I64 that is not inside: "gather: index 7 at
 * position 3 is outside [0, 5)", where `what` is "gather: index" and `place` is "position". Both
 * are literals: their text is read when the device has come this far. To be called before the
 * kernel, so that a blocking backend writes nothing where one index is wrong.
 */
void checkIndices(Gpu& gpu, const char* what, const char* place, DType type, In index, int64_t n,
                  int64_t bound);
/** The same where the index may be `allowed` as well. */
void checkIndices(Gpu& gpu, const char* what, const char* place, DType type, In index, int64_t n,
                  int64_t bound, int64_t allowed);

}  // namespace gradus
