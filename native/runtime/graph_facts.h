// What is known of a step for tables.
#pragma once

#include <string>

#include "runtime/graph_recording.h"

namespace gradus {

struct StepFacts {
  std::string name, shape;
  double flops = 0, bytes = 0;
};

/** FLOPs and bytes read and written of one call; at least, where it only knows its own tensors. */
StepFacts factsOf(const Recording& recording, const Call& call);

}  // namespace gradus
