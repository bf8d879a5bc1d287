// x^y of floats. As all of math/functions.h: no branches, no tables, no calls.
#pragma once

#include "math/functions.h"

namespace gradus::math {

/** The logarithm of x >= 0 to base 2, within 2^-37 of its value: y multiplies its error by 150. */
GRADUS_FN double log2InDouble(float x) {
  const float infinity = floatOf(0x7f800000u);
  const bool subnormal = x < 0x1p-126f;
  const uint32_t bits = bitsOf(select(subnormal, x * 0x1p23f, x));
  // x = 2^n * m with sqrt(0.5) <= m < sqrt(2).
  constexpr uint32_t kRootHalf = 0x3f3504f3u;
  const uint32_t offset = bits - kRootHalf;
  const float n =
      static_cast<float>(static_cast<int32_t>(offset) >> 23) - select(subnormal, 23.0f, 0.0f);
  const double f = floatOf((offset & 0x7fffffu) + kRootHalf) - 1.0f;
  const double s = f / (2.0 + f), z = s * s;  // log(1 + f) = 2 atanh(s)
  double p = 0x1.5ced74d8c1567p-2;
  p = p * z + 0x1.a58d449449e81p-2;
  p = p * z + 0x1.2777807451b4ep-1;
  p = p * z + 0x1.ec709d1219c47p-1;
  p = p * z + 0x1.71547652bee93p+1;
  const double y = s * p + static_cast<double>(n);
  const float special = select(x == 0.0f, -infinity, x);
  return (x > 0.0f) & (x < infinity) ? y : static_cast<double>(special);
}

/** Within 1.3 ULP; special values as in C99. */
GRADUS_FN float pow(float x, float y) {
  const float infinity = floatOf(0x7f800000u), largest = floatOf(0x7f7fffffu);
  // A finite exponent has the powers of an infinite one, and is never 0 * infinity: 1^infinity = 1.
  const float lowered = select(y > largest, largest, y);
  const float exponent = select(lowered < -largest, -largest, lowered);
  // Outside these bounds the result is 0 or infinity, and so it comes out at them.
  const double product = static_cast<double>(exponent) * log2InDouble(abs(x));
  const double raised = product < -152.0 ? -152.0 : product;
  const double bounded = raised > 129.0 ? 129.0 : raised;
  const Whole n = nearestWhole(bounded);
  const auto r = static_cast<float>(bounded - n.value);
  float p = 0x1.417acp-13f;
  p = p * r + 0x1.5f0952p-10f;
  p = p * r + 0x1.3b2dd2p-7f;
  p = p * r + 0x1.c6af7ap-5f;
  p = p * r + 0x1.ebfbdcp-3f;
  p = p * r + 0x1.62e43p-1f;
  p = p * r + 1.0f;
  // As in exp: two factors.
  const auto whole = static_cast<int32_t>(n.bits);
  const int32_t half = whole >> 1;
  const float magnitude = p * powerOfTwo(half) * powerOfTwo(whole - half);
  // From 2^24 on all floats are even.
  const float small = select(abs(y) < 0x1p24f, y, 0x1p24f);
  const auto integer = static_cast<int32_t>(small);
  const bool isInteger = static_cast<float>(integer) == small;
  const uint32_t odd = isInteger ? static_cast<uint32_t>(integer) << 31 : 0u;
  const float power = floatOf(bitsOf(magnitude) | (bitsOf(x) & odd));
  const bool imaginary = (x < 0.0f) & (x > -infinity) & !isInteger;
  return select((x == 1.0f) | (y == 0.0f), 1.0f, select(imaginary, floatOf(0x7fc00000u), power));
}

}  // namespace gradus::math
