// Matrix products and what stands around them, made in one call.
#pragma once

#include "gradus/backend.h"
#include "runtime/graph_recording.h"

namespace gradus {

/** The types of a product y = a b + bias. */
struct ProductTypes {
  DType a, b, bias, y;

  bool areF32() const {
    return a == DType::F32 && b == DType::F32 && bias == DType::F32 && y == DType::F32;
  }
};

/** Which products a backend joins with what stands around them. */
using Joins = bool (*)(const ProductTypes& types);

/**
 * A product and the activation of its result become one call, and so do a product that is an
 * activation's upstream gradient and that activation's gradient, a product that is added to
 * something else, and a product dy' x and the sums of dy's columns that follow it, a layer's
 * gradients. The second call's kernel is null then.
 */
void fuseProducts(Recording& recording, const Backend& backend, Joins joins);

}  // namespace gradus
