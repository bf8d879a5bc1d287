// How operands of different shapes line up, as kernels walk them.
#pragma once

#include <cstdint>

#include "gradus/types.h"

namespace gradus {

/** An index space with the strides of its operands, axes merged where all operands allow it. */
struct Space {
  static constexpr int kMaxRank = 16;
  static constexpr int kMaxOperands = 3;

  Space(Dims dims, int operands, int64_t n);

  int rank;  // at least 1
  int operands;
  int64_t sizes[kMaxRank];
  int64_t strides[kMaxOperands][kMaxRank];

  int64_t innerStride(int operand) const { return strides[operand][rank - 1]; }
};

/** Of a reduction from operand 0 to operand 1: the axes that it keeps, or those that it reduces,
 * where operand 1 has stride 0. */
Space axesOf(const Space& space, bool kept);

/** How many elements a space has. */
int64_t sizeOf(const Space& space);

}  // namespace gradus
