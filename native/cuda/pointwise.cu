// Arithmetic on one or two operands.
#include <cmath>

#include "cuda/backend.h"
#include "cuda/loops.h"
#include "math/angles.h"
#include "math/pointwise.h"
#include "math/power.h"

namespace gradus {

namespace {

struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Sub {
  __device__ float operator()(float a, float b) const { return a - b; }
};
struct Mul {
  __device__ float operator()(float a, float b) const { return a * b; }
};
struct Div {
  __device__ float operator()(float a, float b) const { return a / b; }
};
struct Affine {
  float scale, shift;
  __device__ float operator()(float x) const { return scale * x + shift; }
};
struct Lerp {
  float weight;
  __device__ float operator()(float a, float b) const { return math::lerp(a, b, weight); }
};
struct Root {
  __device__ float operator()(float x) const { return std::sqrt(x); }
};
struct Clamp {
  float low, high;
  __device__ float operator()(float x) const { return math::clamp(x, low, high); }
};
struct ClampGrad {
  float low, high;
  __device__ float operator()(float x, float dy) const { return math::clampGrad(x, dy, low, high); }
};

// Of pow, the exponents that are worth their own code.
struct One {
  __device__ float operator()(float) const { return 1.0f; }  // also at NaN
};
struct Self {
  __device__ float operator()(float x) const { return x; }
};
struct Square {
  __device__ float operator()(float x) const { return x * x; }
};
struct Cube {
  __device__ float operator()(float x) const { return x * x * x; }
};
struct Inverse {
  __device__ float operator()(float x) const { return 1.0f / x; }
};
struct InverseRoot {
  __device__ float operator()(float x) const { return 1.0f / math::powHalf(x); }
};
struct Power {
  float exponent;
  __device__ float operator()(float x) const { return math::pow(x, exponent); }
};

}  // namespace

void CudaBackend::addPointwise() {
  add = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(gpu_, "add", t, a, b, y, n, dims, Add());
  };

  sub = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(gpu_, "sub", t, a, b, y, n, dims, Sub());
  };

  mul = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(gpu_, "mul", t, a, b, y, n, dims, Mul());
  };

  div = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(gpu_, "div", t, a, b, y, n, dims, Div());
  };

  powTensor = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    broadcast(gpu_, "pow", t, a, b, y, n, dims, Function2<math::pow>());
  };

  lerp = [this](Type t, In a, In b, Out y, int64_t n, double weight) {
    map(gpu_, "lerp", t, a, b, y, n, Lerp{static_cast<float>(weight)});
  };

  affine = [this](Type t, In x, Out y, int64_t n, double scale, double shift) {
    map(gpu_, "affine", t, x, y, n, Affine{static_cast<float>(scale), static_cast<float>(shift)});
  };

  exp = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "exp", t, x, y, n, Function<math::exp>());
  };

  log = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "log", t, x, y, n, Function<math::log>());
  };

  erf = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "erf", t, x, y, n, Function<math::erf>());
  };

  sin = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "sin", t, x, y, n, Function<math::sin>());
  };

  cos = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "cos", t, x, y, n, Function<math::cos>());
  };

  sqrt = [this](Type t, In x, Out y, int64_t n) { map(gpu_, "sqrt", t, x, y, n, Root()); };

  pow = [this](Type t, In x, Out y, int64_t n, double exponent) {
    auto with = [&](auto f) { map(gpu_, "pow", t, x, y, n, f); };
    if (exponent == 0) return with(One());
    if (exponent == 1) return with(Self());
    if (exponent == 2) return with(Square());
    if (exponent == 3) return with(Cube());
    if (exponent == -1) return with(Inverse());
    if (exponent == 0.5) return with(Function<math::powHalf>());
    if (exponent == -0.5) return with(InverseRoot());
    with(Power{static_cast<float>(exponent)});
  };

  abs = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "abs", t, x, y, n, Function<math::abs>());
  };

  sign = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "sign", t, x, y, n, Function<math::sign>());
  };

  clamp = [this](Type t, In x, Out y, int64_t n, double low, double high) {
    map(gpu_, "clamp", t, x, y, n, Clamp{static_cast<float>(low), static_cast<float>(high)});
  };

  clampGrad = [this](Type t, In x, In dy, Out dx, int64_t n, double low, double high) {
    map(gpu_, "clampGrad", t, x, dy, dx, n,
        ClampGrad{static_cast<float>(low), static_cast<float>(high)});
  };
}

}  // namespace gradus
