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

}  // namespace gradus
