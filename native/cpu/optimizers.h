// What the steps of optimizers have in common.
#pragma once

#include <cmath>

#include "cpu/loops.h"

namespace gradus {

/** What multiplies gradients; NaN where the factor says that nothing is to change. */
inline float scaleOf(double gradScale, In factor) {
  return static_cast<float>(gradScale) * (factor ? *factor.as<float>() : 1.0f);
}

/** Calls step(i, gradient) for each of n elements. */
template <class Step>
void update(In g, int64_t n, double gradScale, In factor, Step step) {
  const float scale = scaleOf(gradScale, factor);
  if (std::isnan(scale)) return;
  const float* const gs = g.as<float>();
  ranges(n, [=](int64_t begin, int64_t end) {
    GRADUS_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) step(i, gs[i] * scale);
  });
}

}  // namespace gradus
