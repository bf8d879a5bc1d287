// Matrix products and what stands around them, made in one call.
#pragma once

#include "runtime/graph_recording.h"

namespace gradus {

/**
 * A product and the activation of its result become one call, and so do a product that is an
 * activation's upstream gradient and that activation's gradient, and a product that is added
 * to something else. The second call's kernel is null then.
 */
void fuseProducts(Recording& recording, const AnyKernel& matmulActivation,
                  const AnyKernel& matmulAdd);

/** A product dy' x and the sums of dy's columns that follow it, a layer's gradients, become one
 * call. */
void fuseSums(Recording& recording, const AnyKernel& matmulSums);

}  // namespace gradus
