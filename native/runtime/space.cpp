#include "runtime/space.h"

#include <stdexcept>
#include <string>

namespace gradus {

Space::Space(Dims dims, int operands, int64_t n) : rank(0), operands(operands) {
  if (!dims.same() && dims.rank() > kMaxRank) {
    throw std::invalid_argument("broadcast: rank " + std::to_string(dims.rank()) +
                                " is not supported: up to 16 are; reshape to fewer axes");
  }
  for (int axis = 0; !dims.same() && axis < dims.rank(); ++axis) {
    const int64_t size = dims.sizes()[axis];
    if (size == 1) continue;
    bool merges = rank > 0;
    for (int k = 0; k < operands && merges; ++k) {
      merges = strides[k][rank - 1] == dims.strides(k)[axis] * size;
    }
    if (!merges) sizes[rank++] = 1;
    sizes[rank - 1] *= size;
    for (int k = 0; k < operands; ++k) strides[k][rank - 1] = dims.strides(k)[axis];
  }
  if (rank == 0) {
    rank = 1;
    sizes[0] = n;
    for (int k = 0; k < operands; ++k) strides[k][0] = 1;
  }
}

Space axesOf(const Space& space, bool kept) {
  Space part = space;
  part.rank = 0;
  for (int axis = 0; axis < space.rank; ++axis) {
    if ((space.strides[1][axis] != 0) != kept) continue;
    part.sizes[part.rank] = space.sizes[axis];
    for (int k = 0; k < 2; ++k) part.strides[k][part.rank] = space.strides[k][axis];
    ++part.rank;
  }
  if (part.rank == 0) {
    part.rank = 1;
    part.sizes[0] = 1;
    for (int k = 0; k < 2; ++k) part.strides[k][0] = 0;
  }
  return part;
}

int64_t sizeOf(const Space& space) {
  int64_t n = 1;
  for (int axis = 0; axis < space.rank; ++axis) n *= space.sizes[axis];
  return n;
}

}  // namespace gradus
