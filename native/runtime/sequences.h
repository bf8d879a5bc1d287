// The sequences that a recurrent layer goes through, and where their matrices of each time lie.
#pragma once

#include "gradus/types.h"

namespace gradus {

struct Sequences {
  DType type;
  int64_t times, rows, size;
  In lengths;  // I32, or none
  bool reverse;

  /** Where among the states the one before a step stands, and the one after it. */
  int64_t before(int64_t time) const { return reverse ? time + 1 : time; }
  int64_t after(int64_t time) const { return reverse ? time : time + 1; }

  /** A row of (times, rows, width). */
  template <class Operand>
  Operand at(Operand x, int64_t time, int64_t row, int64_t width) const {
    return Operand(x.address + (time * rows + row) * width * byteSize(type));
  }
};

}  // namespace gradus
