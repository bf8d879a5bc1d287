// Each pointwise formula and its derivative stands here once, for CPU and GPU alike.
//
// A gradient takes what its forward pass keeps: y where the derivative is a function of y, else x.
#pragma once

#include <cmath>

#include "math/functions.h"

namespace gradus::math {

/** -1, 0 or 1; 0 at NaN, as in PyTorch. */
GRADUS_FN float sign(float x) { return (x > 0.0f ? 1.0f : 0.0f) - (x < 0.0f ? 1.0f : 0.0f); }

/** NaN stays NaN. */
GRADUS_FN float clamp(float x, float low, float high) {
  float raised = x < low ? low : x;
  return raised > high ? high : raised;
}

GRADUS_FN float clampGrad(float x, float dy, float low, float high) {
  return (x >= low) & (x <= high) ? dy : 0.0f;
}

/** x ^ 0.5 with pow's special values: pow(-0) = 0 and pow(-infinity) = infinity, unlike sqrt. */
GRADUS_FN float powHalf(float x) {
  const float infinity = floatOf(0x7f800000u);
  const float root = std::sqrt(x + 0.0f);
  return x == -infinity ? infinity : root;
}

/** NaN stays NaN. */
GRADUS_FN float relu(float x) { return x <= 0.0f ? 0.0f : x; }

GRADUS_FN float reluGrad(float y, float dy) { return y > 0.0f ? dy : 0.0f; }

GRADUS_FN float sigmoidGrad(float y, float dy) { return dy * (y * (1.0f - y)); }

GRADUS_FN float tanhGrad(float y, float dy) { return dy * (1.0f - y * y); }

// gelu(x) = x/2 (1 + tanh(w/2)) = x sigmoid(w) with w = 2 sqrt(2/pi) (x + 0.044715 x^3): one exp
// and one division, and no cancellation where tanh is near -1.
constexpr float kGeluLinear = 1.59576912f;   // 2 sqrt(2/pi)
constexpr float kGeluCubic = 0.0713548162f;  // 2 sqrt(2/pi) 0.044715

GRADUS_FN float gelu(float x) {
  const float w = abs(x) * (kGeluLinear + kGeluCubic * (x * x));
  const float e = expNegative(-w);
  return select(x < 0.0f, x * e, x) / (1.0f + e);
}

GRADUS_FN float geluGrad(float x, float dy) {
  // The derivative is 0 or 1 well within this bound; beyond 10^19, x * x would be infinite.
  const float v = select(abs(x) > 20.0f, 20.0f, abs(x));
  const float square = v * v;
  // s = sigmoid(w) and s (1 - s) = e / (1 + e)^2, which has all its digits where s is near 1.
  const float e = expNegative(-v * (kGeluLinear + kGeluCubic * square));
  const float r = 1.0f / (1.0f + e);
  const float bend = v * (e * r * r) * (kGeluLinear + 3.0f * kGeluCubic * square);
  return dy * select(x < 0.0f, e * r - bend, r + bend);
}

/** x times the normal distribution below x. */
GRADUS_FN float geluErf(float x) {
  const float below = gaussian(abs(x)).below;
  return x * select(x < 0.0f, below, 1.0f - below);
}

GRADUS_FN float geluErfGrad(float x, float dy) {
  const float v = select(abs(x) > 20.0f, 20.0f, abs(x));  // infinity times 0 would be NaN
  const Gaussian g = gaussian(v);
  const float bend = v * (g.density * 0.398942280f);  // 1 / sqrt(2 pi)
  return dy * select(x < 0.0f, g.below - bend, 1.0f - g.below + bend);
}

GRADUS_FN float silu(float x) {
  const float e = expNegative(-abs(x));
  return select(x < 0.0f, x * e, x) / (1.0f + e);
}

struct Slope {
  float y, dy;  // a function's value and its derivative
};

GRADUS_FN Slope siluSlope(float x) {
  const float e = expNegative(-abs(x)), r = 1.0f / (1.0f + e);
  const float s = select(x < 0.0f, e * r, r), rest = select(x < 0.0f, r, e * r);
  return Slope{x * s, s * (1.0f + x * rest)};
}

GRADUS_FN float siluGrad(float x, float dy) { return dy * siluSlope(x).dy; }

/** log(1 + e^x), which is max(x, 0) + log(1 + e^-|x|). */
GRADUS_FN float softplus(float x) {
  return select(x < 0.0f, 0.0f, x) + log1p(expNegative(-abs(x)));
}

GRADUS_FN float softplusGrad(float x, float dy) { return dy * sigmoid(x); }

GRADUS_FN float leakyRelu(float x, float slope) { return x > 0.0f ? x : slope * x; }

GRADUS_FN float leakyReluGrad(float x, float dy, float slope) { return x > 0.0f ? dy : slope * dy; }

GRADUS_FN float elu(float x, float alpha) {
  return select(x > 0.0f, x, alpha * expm1Negative(select(x > 0.0f, 0.0f, x)));
}

GRADUS_FN float eluGrad(float x, float dy, float alpha) {
  return select(x > 0.0f, dy, dy * (alpha * expNegative(select(x > 0.0f, 0.0f, x))));
}

}  // namespace gradus::math
