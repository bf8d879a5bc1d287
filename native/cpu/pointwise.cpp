// Arithmetic on one or two operands.
#include "math/pointwise.h"

#include <cmath>

#include "cpu/backend.h"
#include "cpu/loops.h"
#include "math/angles.h"
#include "math/power.h"

namespace gradus {

namespace {

/** y = all(x), and the same by `near` in blocks of small angles, which most are. */
template <class Near, class All>
void mapAngles(DType t, In x, Out y, int64_t n, Near near, All all) {
  ranges(n, [&](int64_t begin, int64_t end) {
    alignas(64) float xs[kBlock];
    Writer writer(t, y, n);
    blocks(begin, end, [&](int64_t at, int64_t m) {
      const float* from = load(t, x, at, xs, m);
      float* to = writer.target(at);
      int far = 0;
      for (int64_t i = 0; i < m; ++i) far |= math::abs(from[i]) >= math::kNearAngle;
      if (far == 0) {
        GRADUS_INDEPENDENT
        for (int64_t i = 0; i < m; ++i) to[i] = near(from[i]);
      } else {
        GRADUS_INDEPENDENT
        for (int64_t i = 0; i < m; ++i) to[i] = all(from[i]);
      }
      writer.flush(at, m);
    });
  });
}

}  // namespace

void CpuBackend::addPointwise() {
  add = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(t, a, b, y, n, dims, [](float u, float v) { return u + v; });
  };

  sub = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(t, a, b, y, n, dims, [](float u, float v) { return u - v; });
  };

  mul = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(t, a, b, y, n, dims, [](float u, float v) { return u * v; });
  };

  div = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(t, a, b, y, n, dims, [](float u, float v) { return u / v; });
  };

  powTensor = [](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(t, a, b, y, n, dims, [](float u, float v) { return math::pow(u, v); });
  };

  lerp = [](Type t, In a, In b, Out y, int64_t n, double weight) {
    const auto w = static_cast<float>(weight);
    map(t, a, b, y, n, [=](float u, float v) { return math::lerp(u, v, w); });
  };

  affine = [](Type t, In x, Out y, int64_t n, double scale, double shift) {
    const auto a = static_cast<float>(scale), b = static_cast<float>(shift);
    map(t, x, y, n, [=](float v) { return a * v + b; });
  };

  exp = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::exp(v); });
  };

  log = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::log(v); });
  };

  erf = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::erf(v); });
  };

  sin = [](Type t, In x, Out y, int64_t n) {
    mapAngles(
        t, x, y, n, [](float v) { return math::sinNear(v); }, [](float v) { return math::sin(v); });
  };

  cos = [](Type t, In x, Out y, int64_t n) {
    mapAngles(
        t, x, y, n, [](float v) { return math::cosNear(v); }, [](float v) { return math::cos(v); });
  };

  sqrt = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return std::sqrt(v); });
  };

  pow = [](Type t, In x, Out y, int64_t n, double exponent) {
    if (exponent == 0) return map(t, x, y, n, [](float) { return 1.0f; });  // also at NaN
    if (exponent == 1) return map(t, x, y, n, [](float v) { return v; });
    if (exponent == 2) return map(t, x, y, n, [](float v) { return v * v; });
    if (exponent == 3) return map(t, x, y, n, [](float v) { return v * v * v; });
    if (exponent == -1) return map(t, x, y, n, [](float v) { return 1.0f / v; });
    if (exponent == 0.5) return map(t, x, y, n, [](float v) { return math::powHalf(v); });
    if (exponent == -0.5) return map(t, x, y, n, [](float v) { return 1.0f / math::powHalf(v); });
    const auto e = static_cast<float>(exponent);
    map(t, x, y, n, [=](float v) { return math::pow(v, e); });
  };

  abs = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::abs(v); });
  };

  sign = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::sign(v); });
  };

  clamp = [](Type t, In x, Out y, int64_t n, double low, double high) {
    const auto a = static_cast<float>(low), b = static_cast<float>(high);
    map(t, x, y, n, [=](float v) { return math::clamp(v, a, b); });
  };

  clampGrad = [](Type t, In x, In dy, Out dx, int64_t n, double low, double high) {
    const auto a = static_cast<float>(low), b = static_cast<float>(high);
    map(t, x, dy, dx, n, [=](float v, float d) { return math::clampGrad(v, d, a, b); });
  };
}

}  // namespace gradus
