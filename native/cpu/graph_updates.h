// Steps of optimizers, taken where the gradients are made.
#pragma once

#include "cpu/graph_recording.h"
#include "gradus/backend.h"

namespace gradus {

/** Elements of an optimizer's call that are made after an earlier call. */
struct Piece {
  int call, after;
  Range range;
};

/**
 * Where a product is a whole matrix's gradient, and only an optimizer's, that matrix takes its step
 * next, while the gradient is in the cache. The optimizer's call is left with the other elements.
 */
std::vector<Piece> cutUpdates(Recording& recording, const Backend& backend);

}  // namespace gradus
