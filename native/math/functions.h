// The transcendental functions, written so that a plain loop over them vectorizes.
//
// No branches, no tables, no calls. NaN arguments give NaN. x86-64-v3 and v4 give the same bits;
// v2, which has no fused multiply-add, others within the same bounds. The bounds are those of
// test/native/functions_test.cpp, in units in the last place over every float; its reference is the
// double function of libm. Polynomials are minimax fits (Lawson) whose coefficients were rounded to
// float one by one, the lowest first, with the rest fitted again.
#pragma once

#include <cstdint>
#include <cstring>

#include "math/types.h"

namespace gradus::math {

GRADUS_FN float abs(float x) { return floatOf(bitsOf(x) & 0x7fffffffu); }

/** condition ? yes : no, but for functions with more than one choice. */
GRADUS_FN float select(bool condition, float yes, float no) {
  // GCC joins several ?: into control flow and turns that back into many more selects: 1.8 times
  // the instructions of geluGrad. A mask it leaves alone, and it knows that this is a blend.
  const uint32_t mask = 0u - static_cast<uint32_t>(condition);
  return floatOf((bitsOf(yes) & mask) | (bitsOf(no) & ~mask));
}

/** 2^n for -126 <= n <= 127. */
GRADUS_FN float powerOfTwo(int32_t n) { return floatOf(static_cast<uint32_t>(n + 127) << 23); }

struct Whole {
  double value;
  uint32_t bits;  // its last ones
};

/** The integer next to x, for |x| <= 2^51. */
GRADUS_FN Whole nearestWhole(double x) {
  constexpr double kShift = 0x1.8p52;  // a sum with it has no bits for a fraction: it rounds
  const double shifted = x + kShift;
  uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  return Whole{shifted - kShift, static_cast<uint32_t>(bits)};
}

/** x = n log(2) + r with an integer n and |r| <= log(2) / 2. */
struct Reduced {
  int32_t n;
  float r;
};

/** e^r - 1 for |r| <= log(2) / 2, to 1e-9 of e^r beside rounding. */
GRADUS_FN float expm1NearZero(float r) {
  float p = 0x1.6a493p-10f;
  p = p * r + 0x1.12399ep-7f;
  p = p * r + 0x1.5558b4p-5f;
  p = p * r + 0x1.555492p-3f;
  p = p * r + 0x1.fffffcp-2f;
  return p * (r * r) + r;
}

/** e^r for |r| <= log(2) / 2. */
GRADUS_FN float expNearZero(float r) { return expm1NearZero(r) + 1.0f; }

GRADUS_FN Reduced reduceExp(float x) {
  constexpr float kShift = 0x1.8p23f;  // a sum with it has no bits for a fraction: it rounds
  const float shifted = x * 0x1.715476p+0f + kShift;
  const float n = shifted - kShift;
  // The upper part of log(2) has so few bits that its product with n is exact.
  const float r = (x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
  return Reduced{static_cast<int32_t>(bitsOf(shifted) - bitsOf(kShift)), r};
}

/** Within 1.1 ULP, results below the smallest normal number included. */
GRADUS_FN float exp(float x) {
  // Outside these bounds the result is 0 or infinity, and so it comes out at them.
  const float raised = select(x < -104.5f, -104.5f, x);
  const Reduced e = reduceExp(select(raised > 89.0f, 89.0f, raised));
  // 2^n itself need not be a float: two factors, and only the last product can round.
  const int32_t half = e.n >> 1;
  return expNearZero(e.r) * powerOfTwo(half) * powerOfTwo(e.n - half);
}

/** exp(x) for x <= 0, as exact, in fewer steps. */
GRADUS_FN float expNegative(float x) {
  const Reduced e = reduceExp(select(x < -104.5f, -104.5f, x));
  return expNearZero(e.r) * powerOfTwo(e.n + 64) * 0x1p-64f;
}

/** Within 1 ULP; -infinity at 0, NaN below. */
GRADUS_FN float log(float x) {
  bool subnormal = x < 0x1p-126f;
  uint32_t bits = bitsOf(select(subnormal, x * 0x1p23f, x));
  // x = 2^n * m with sqrt(0.5) <= m < sqrt(2).
  constexpr uint32_t kRootHalf = 0x3f3504f3u;
  uint32_t offset = bits - kRootHalf;
  float n = static_cast<float>(static_cast<int32_t>(offset) >> 23) - select(subnormal, 23.0f, 0.0f);
  float f = floatOf((offset & 0x7fffffu) + kRootHalf) - 1.0f;
  // log(1 + f) = 2 atanh(s) = 2s + s * R(s^2), and 2s = f - s * f.
  float s = f / (2.0f + f);
  float z = s * s;
  float tail = 0x1.31e08p-2f;
  tail = tail * z + 0x1.995ed6p-2f;
  tail = tail * z + 0x1.55557ap-1f;
  float square = 0.5f * f * f;
  float low = s * (square + tail * z) + n * 0x1.7f7d1cp-20f;
  float y = n * 0x1.62e4p-1f + (f - (square - low));
  y = select(x == floatOf(0x7f800000u), x, y);
  y = select(x == 0.0f, -floatOf(0x7f800000u), y);
  return select(x >= 0.0f, y, floatOf(0x7fc00000u));
}

/** log(1 + x) for 0 <= x <= 1, within 1.5 ULP. */
GRADUS_FN float log1p(float x) {
  const float u = 1.0f + x;
  return log(u) + (x - (u - 1.0f)) / u;  // what the sum has lost
}

/** e^x - 1 for x <= 0, within 1.5 ULP. */
GRADUS_FN float expm1Negative(float x) {
  const Reduced e = reduceExp(select(x < -30.0f, -30.0f, x));  // it is -1 from -17.4 on
  const float scale = powerOfTwo(e.n);
  return expm1NearZero(e.r) * scale + (scale - 1.0f);
}

/** Within 1.5 ULP. */
GRADUS_FN float tanh(float x) {
  float magnitude = abs(x);
  float e = expNegative(-2.0f * magnitude);
  float far = 1.0f - 2.0f * e / (1.0f + e);
  float z = x * x;  // near 0 the difference above loses bits
  float p = -0x1.750ce2p-8f;
  p = p * z + 0x1.51f8cep-6f;
  p = p * z - 0x1.b835a4p-5f;
  p = p * z + 0x1.1106f6p-3f;
  p = p * z - 0x1.555532p-2f;
  float near = p * z * magnitude + magnitude;
  float y = select(magnitude < 0.625f, near, far);
  return floatOf(bitsOf(y) | (bitsOf(x) & 0x80000000u));  // tanh(-0) is -0
}

/** 1 / (1 + e^-x), within 2 ULP, also where x is far below 0 and the result is about e^x. */
GRADUS_FN float sigmoid(float x) {
  // Beyond these bounds the result is 1 or 0, and so it comes out at them.
  const float lowered = select(x > 40.0f, 40.0f, x);
  const Reduced e = reduceExp(-select(lowered < -104.5f, -104.5f, lowered));
  // 2^-64 of e^-x, which could overflow. Its 2^n is added last: e^-x alone is not rounded before.
  const float scale = powerOfTwo(e.n - 64);
  return 0x1p-64f / (scale + (scale * expm1NearZero(e.r) + 0x1p-64f));
}

/** Within 1.2 ULP; 1.4 without fused multiply-add. */
GRADUS_FN float erf(float x) {
  const float magnitude = abs(x);
  // 1 - erfc, and erfc = e^(-v q(v)). From 3.92 on the result is 1.
  const float v = select(magnitude > 4.0f, 4.0f, magnitude);
  float q = 0x1.da2e0ap-17f;
  q = q * v - 0x1.716d56p-12f;
  q = q * v + 0x1.ed6eep-9f;
  q = q * v - 0x1.89a1d8p-6f;
  q = q * v + 0x1.b46cbep-4f;
  q = q * v + 0x1.451942p-1f;
  q = q * v + 0x1.20f24cp+0f;
  const Reduced e = reduceExp(-v * q);
  const float far = 1.0f - expNearZero(e.r) * powerOfTwo(e.n);
  const float z = x * x;  // near 0 the difference above loses bits
  float p = 0x1.4771fep-14f;
  p = p * z - 0x1.a3515ep-11f;
  p = p * z + 0x1.53f224p-8f;
  p = p * z - 0x1.b7f71ap-6f;
  p = p * z + 0x1.ce2ce6p-4f;
  p = p * z - 0x1.81273ep-2f;
  p = p * z + 0x1.06eba8p-3f;
  const float near = p * magnitude + magnitude;
  const float y = select(magnitude < 1.0f, near, far);
  return floatOf(bitsOf(y) | (bitsOf(x) & 0x80000000u));  // erf(-0) is -0
}

struct Turn {
  float cosine, sine;
};

/** Of an angle of `quarter` quarter turns and x, |x| <= pi / 4: within 5e-9 beside rounding. */
GRADUS_FN Turn turn(uint32_t quarter, float x) {
  float z = x * x;
  float s = -0x1.995408p-13f;
  s = s * z + 0x1.110778p-7f;
  s = s * z - 0x1.555546p-3f;
  s = s * z * x + x;
  float c = 0x1.99e0e4p-16f;
  c = c * z - 0x1.6c0c1ap-10f;
  c = c * z + 0x1.55554ap-5f;
  c = c * z * z - 0.5f * z + 1.0f;
  bool odd = (quarter & 1u) != 0;
  float cosine = odd ? s : c;
  float sine = odd ? c : s;
  cosine = ((quarter + 1u) & 2u) != 0 ? -cosine : cosine;
  sine = (quarter & 2u) != 0 ? -sine : sine;
  return Turn{cosine, sine};
}

/** Of any angle up to 2^30, reduced in double: a position of 131071 leaves a float no fraction. */
GRADUS_FN Turn turn(double angle) {
  constexpr double kShift = 0x1.8p52;
  const double shifted = angle * 0x1.45f306dc9c883p-1 + kShift;  // 2 / pi
  const double n = shifted - kShift;
  // The upper part of pi / 2 has so few bits that its product with n is exact.
  const double x = (angle - n * 0x1.921fb544p+0) - n * 0x1.0b4611a626331p-34;
  uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  return turn(static_cast<uint32_t>(bits), static_cast<float>(x));
}

/** The standard normal distribution at -v, for v >= 0. */
struct Gaussian {
  float density;  // e^(-v^2 / 2), without the factor 1 / sqrt(2 pi)
  float below;    // what lies below -v: erfc(v / sqrt(2)) / 2
};

/** Within 1.2 and 5 ULP, however far out: both are products, not differences. */
GRADUS_FN Gaussian gaussian(float v) {
  const float u = select(v > 14.5f, 14.5f, v);  // both are 0 from there on
  // A rounded u^2 / 2 would cost e^x as many units as it is large. The square of u's upper half is
  // exact; the rest joins the exponent where that is small.
  constexpr float kShift = 0x1.8p23f;
  const float head = floatOf(bitsOf(u) & 0xfffff000u);
  const float high = 0.5f * head * head, low = 0.5f * (u - head) * (u + head);
  const float shifted = -(high + low) * 0x1.715476p+0f + kShift;
  const float n = shifted - kShift;
  const float r = ((-high - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f) - low;
  const auto exponent = static_cast<int32_t>(bitsOf(shifted) - bitsOf(kShift));
  const float density = expNearZero(r) * powerOfTwo(exponent + 64) * 0x1p-64f;
  // below / density falls smoothly from 1/2 as 1 / v does: t times a polynomial.
  const float t = 2.5f / (2.5f + u), s = t - 0.5f;
  float p = 0x1.0cb264p-5f;
  p = p * s - 0x1.06aaa4p-5f;
  p = p * s - 0x1.211086p-5f;
  p = p * s + 0x1.08ec6ap-4f;
  p = p * s + 0x1.505c9p-6f;
  p = p * s - 0x1.ad96bcp-4f;
  p = p * s - 0x1.e4444ap-6f;
  p = p * s + 0x1.b07ee6p-3f;
  p = p * s + 0x1.6347d2p-2f;
  p = p * s + 0x1.217252p-2f;
  return Gaussian{density, density * (t * p)};
}

}  // namespace gradus::math
