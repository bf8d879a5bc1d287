// The 16-bit element types and their conversions: to float exactly, from float to nearest even.
// And those of floats to integers.
//
// Every conversion is free of branches, so that loops over it vectorize at all levels. A GPU has an
// instruction for each but the simplest; of NaN they keep no more than that it is one.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "math/fn.h"

namespace gradus {

/** The upper half of a float. */
struct BF16 {
  uint16_t bits;
};

/** IEEE 754 binary16. */
struct F16 {
  uint16_t bits;
};

namespace math {

GRADUS_FN uint32_t bitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}

GRADUS_FN float floatOf(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

GRADUS_FN float toFloat(float x) { return x; }

GRADUS_FN float toFloat(BF16 x) { return floatOf(static_cast<uint32_t>(x.bits) << 16); }

GRADUS_FN float toFloat(F16 x) {
#if defined(__CUDA_ARCH__)
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#else
  constexpr uint32_t kRebias = (127 - 15) << 23;
  uint32_t magnitude = (x.bits & 0x7fffu) << 13;
  uint32_t sign = (x.bits & 0x8000u) << 16;
  uint32_t normal = magnitude + kRebias;
  uint32_t special = magnitude + 2 * kRebias;  // the largest exponent of both: infinity and NaN
  // A subnormal m * 2^-24 is (1 + m * 2^-10) * 2^-14 less 2^-14, and that is exact.
  constexpr uint32_t kSmallestNormal = kRebias + (1u << 23);
  uint32_t subnormal = bitsOf(floatOf(magnitude + kSmallestNormal) - floatOf(kSmallestNormal));
  uint32_t finite = magnitude < (1u << 23) ? subnormal : normal;
  return floatOf((magnitude >= (31u << 23) ? special : finite) | sign);
#endif
}

GRADUS_FN BF16 toBF16(float x) {
#if defined(__CUDA_ARCH__)
  BF16 y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
#else
  uint32_t bits = bitsOf(x);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  uint32_t quiet = (bits >> 16) | 0x40u;  // rounding could turn a NaN into infinity
  return BF16{static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded)};
#endif
}

GRADUS_FN F16 toF16(float x) {
#if defined(__CUDA_ARCH__)
  F16 y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
#else
  uint32_t magnitude = bitsOf(x) & 0x7fffffffu;
  uint32_t sign = (bitsOf(x) >> 16) & 0x8000u;
  uint32_t normal = (magnitude - ((127u - 15u) << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14 a result is a multiple of 2^-24, which is what adding 0.5 rounds to.
  uint32_t subnormal = bitsOf(floatOf(magnitude) + 0.5f) - bitsOf(0.5f);
  uint32_t finite = magnitude < (113u << 23) ? subnormal : normal;
  uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  uint32_t inRange = magnitude >= 0x477ff000u ? 0x7c00u : finite;  // from 65520 on: infinity
  return F16{static_cast<uint16_t>((magnitude > 0x7f800000u ? nan : inRange) | sign)};
#endif
}

GRADUS_FN void store(float x, float* y) { *y = x; }

GRADUS_FN void store(float x, BF16* y) { *y = toBF16(x); }

GRADUS_FN void store(float x, F16* y) { *y = toF16(x); }

/** Towards zero; the nearest that T holds where it does not fit, and 0 of NaN. C++ leaves those
 * conversions undefined, so the bounds come first. */
template <class T, class Real>
GRADUS_FN T saturate(Real x) {
  constexpr Real kLow = static_cast<Real>(std::numeric_limits<T>::lowest());
  constexpr Real kEnd = static_cast<Real>(std::numeric_limits<T>::max() / 2 + 1) * 2;
  const bool fits = (x >= kLow) & (x < kEnd);
  const T whole = static_cast<T>(fits ? x : Real{0});
  const T below = x < kLow ? std::numeric_limits<T>::lowest() : whole;
  return x >= kEnd ? std::numeric_limits<T>::max() : below;
}

}  // namespace math
}  // namespace gradus
