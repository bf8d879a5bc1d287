// Sine and cosine of every float. As all of math/functions.h: no branches, no tables, no calls.
//
// Angles are reduced in double: its 53 bits hold the product of a float and 28 bits more.
#pragma once

#include "math/functions.h"

namespace gradus::math {

/** Below this an angle is reduced in a few steps. */
constexpr float kNearAngle = 0x1p24f;

/** An angle less whole quarter turns, of which the last two bits count. */
struct Angle {
  uint32_t quarters;
  float rest;  // |rest| <= pi / 4, a rounding more at most
};

/** Of 0 <= x < kNearAngle (Cody and Waite). */
GRADUS_FN Angle reduceNear(float x) {
  const double angle = x;
  const Whole q = nearestWhole(angle * 0x1.45f306dc9c883p-1);  // 2 / pi
  // The upper part of pi / 2 has so few bits that its product with n is exact.
  const double rest = (angle - q.value * 0x1.921fb5p+0) - q.value * 0x1.110b4611a6263p-26;
  return Angle{q.bits, static_cast<float>(rest)};
}

/** Which of four holds for x: up to 2^50, 2^76, 2^102 and beyond. */
GRADUS_FN double selectFar(float x, double a, double b, double c, double d) {
  const double low = x < 0x1p50f ? a : b;
  const double high = x < 0x1p102f ? c : d;
  return x < 0x1p76f ? low : high;
}

/** Of x >= kNearAngle (Payne and Hanek). */
GRADUS_FN Angle reduceFar(float x) {
  // Of the bits of 2 / pi, those whose product with x is a multiple of 4 are left out. Of the
  // others 28, 27 and 53 are enough for the angle next to a quarter turn, 2^-30 from it. The first
  // two products and all sums but the last are exact.
  const double angle = x;
  const double a =
      angle * selectFar(x, 0x1.45f306cp-1, 0x1.b939104p-26, 0x1.529fc26p-52, 0x1.d5f47d4p-78);
  const double b =
      angle * selectFar(x, 0x1.c9c8828p-29, 0x1.4a7f09cp-54, 0x1.57d1f5p-80, 0x1.a6ee068p-107);
  const double c = angle * selectFar(x, 0x1.29fc2757d1f53p-56, 0x1.5f47d4d377037p-82,
                                     0x1.a6ee06db14acdp-107, 0x1.6c52b32788721p-133);
  const Whole p = nearestWhole(a), q = nearestWhole(b);
  const double sum = (a - p.value) + (b - q.value);
  const Whole r = nearestWhole(sum + c);
  const double rest = ((sum - r.value) + c) * 0x1.921fb54442d18p+0;  // pi / 2
  return Angle{p.bits + q.bits + r.bits, static_cast<float>(rest)};
}

GRADUS_FN Angle reduce(float x) {
  const Angle near = reduceNear(x), far = reduceFar(x);
  return Angle{x < kNearAngle ? near.quarters : far.quarters,
               select(x < kNearAngle, near.rest, far.rest)};
}

/** The sine of |x| = angle with the sign of x, also that of -0. */
GRADUS_FN float signedSine(Angle angle, float x) {
  const float y = turn(angle.quarters, angle.rest).sine;
  return floatOf(bitsOf(y) ^ (bitsOf(x) & 0x80000000u));
}

/** Within 1.6 ULP; NaN at the infinities. */
GRADUS_FN float sin(float x) { return signedSine(reduce(abs(x)), x); }

/** Within 1.6 ULP; NaN at the infinities. */
GRADUS_FN float cos(float x) {
  const Angle angle = reduce(abs(x));
  return turn(angle.quarters, angle.rest).cosine;
}

/** sin(x), bit for bit, for |x| < kNearAngle, in a third of the time. */
GRADUS_FN float sinNear(float x) { return signedSine(reduceNear(abs(x)), x); }

/** cos(x), bit for bit, for |x| < kNearAngle, in a third of the time. */
GRADUS_FN float cosNear(float x) {
  const Angle angle = reduceNear(abs(x));
  return turn(angle.quarters, angle.rest).cosine;
}

}  // namespace gradus::math
