// What softmax and cross-entropy ask of one row of floats.
#pragma once

#include <cstdint>

namespace gradus {

/** The largest element; NaNs are passed over, and -infinity stands for an empty row. */
float rowMax(const float* x, int64_t n);

/** The sum, in an order that depends on n alone: in float within kBlock elements, then in double.
 */
double rowSum(const float* x, int64_t n);

/** The sum of exp(x - shift), in the same order. */
double rowSumExp(const float* x, int64_t n, float shift);

/** y = exp(x - shift) * scale; y may be x. */
void expRow(const float* x, float* y, int64_t n, float shift, float scale);

}  // namespace gradus
