// Inputs of a captured step, which lie elsewhere in each replay.
#pragma once

#include "runtime/graph.h"

namespace gradus {

/**
 * Puts calls of `copy` before the others, by which inputs come to a place that stays: then nobody
 * else's arguments change. Inputs that are large, or that the step writes to, are used where they
 * are.
 *
 * @return how many calls there are more
 */
int copyInputs(Recording& recording, const Changing& changing, const AnyKernel& copy);

}  // namespace gradus
