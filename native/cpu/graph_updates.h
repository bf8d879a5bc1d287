// Steps of optimizers, taken where the gradients are made.
#pragma once

#include "gradus/backend.h"
#include "runtime/graph_recording.h"

namespace gradus {

/** Elements of an optimizer's call that are made after an earlier call, or by it. */
struct Piece {
  int call, after;
  Range range;
  bool fused;
};

/** Where numbers of sgd stand in its call and in that of matmulSgd. */
struct Moved {
  int from, to;
};
constexpr Moved kDescent[] = {{4, 9}, {7, 10}, {10, 11}};

/**
 * Where a product is a whole matrix's gradient, and only an optimizer's, that matrix takes its step
 * next, while the gradient is in the cache; SGD without momentum takes it in the product's own
 * call. The optimizer's call is left with the other elements.
 */
std::vector<Piece> cutUpdates(Recording& recording, const Backend& backend);

}  // namespace gradus
