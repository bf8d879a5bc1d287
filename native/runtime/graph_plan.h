// Which memory of a step may share a place: liveness and an arena.
#pragma once

#include <vector>

#include "runtime/graph_recording.h"

namespace gradus {

/** Where each buffer of a recording lies in the arena; -1 where it does not. */
struct Plan {
  std::vector<int64_t> offsets;
  int64_t bytes;      // of the arena
  int64_t unplanned;  // of the buffers, one beside the other
};

/**
 * Buffers that are in use at the same time lie apart; others may share their place. The output of
 * an elementwise call takes over the place of an input that nobody reads later. `excluded` buffers
 * get none.
 */
Plan plan(const Recording& recording, const std::vector<bool>& excluded);

}  // namespace gradus
