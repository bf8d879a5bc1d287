// Each pointwise formula and its derivative stands here once, for CPU and GPU alike.
//
// A gradient takes what its forward pass keeps: y where the derivative is a function of y, else x.
#pragma once

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
  constexpr float kInfinity = __builtin_huge_valf();
  float root = __builtin_sqrtf(x + 0.0f);
  return x == -kInfinity ? kInfinity : root;
}

/** NaN stays NaN. */
GRADUS_FN float relu(float x) { return x <= 0.0f ? 0.0f : x; }

GRADUS_FN float reluGrad(float y, float dy) { return y > 0.0f ? dy : 0.0f; }

GRADUS_FN float sigmoidGrad(float y, float dy) { return dy * (y * (1.0f - y)); }

GRADUS_FN float tanhGrad(float y, float dy) { return dy * (1.0f - y * y); }

// gelu(x) = x/2 (1 + tanh(u)) = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x^3): one exp and one
// division, and no cancellation where tanh(u) is near -1.
constexpr float kGeluLinear = 1.59576912f;  // 2 sqrt(2/pi)
constexpr float kGeluCubic = 0.0713548162f;  // 2 sqrt(2/pi) 0.044715

GRADUS_FN float gelu(float x) {
  return x / (1.0f + exp(-x * (kGeluLinear + kGeluCubic * (x * x))));
}

GRADUS_FN float geluGrad(float x, float dy) {
  // The derivative is 0 or 1 well within these bounds; beyond 10^19, x * x would be infinite.
  float v = clamp(x, -20.0f, 20.0f);
  float square = v * v;
  float w = v * (kGeluLinear + kGeluCubic * square);
  // s = sigmoid(w) and s (1 - s) = e / (1 + e)^2, which has all its digits where s is near 1.
  float e = exp(-abs(w)), r = 1.0f / (1.0f + e);
  float s = w < 0.0f ? e * r : r;
  return dy * (s + v * (e * r * r) * (kGeluLinear + 3.0f * kGeluCubic * square));
}

GRADUS_FN float silu(float x) { return x / (1.0f + exp(-x)); }

GRADUS_FN float siluGrad(float x, float dy) {
  float e = exp(-abs(x)), r = 1.0f / (1.0f + e);
  float s = x < 0.0f ? e * r : r, rest = x < 0.0f ? r : e * r;
  return dy * (s * (1.0f + x * rest));
}

}  // namespace gradus::math
