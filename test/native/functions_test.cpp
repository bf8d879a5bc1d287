// The bounds that the functions of math/ state, and the conversions of math/types.h.
//
//   functions_test [STRIDE [NAME]]   every STRIDE-th float; 1 is all of them and takes minutes for
//                                    each function; of the functions only that of this name
//
// Compiled with a backend's own flags, so that the loops here are the vectorized ones.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "math/angles.h"
#include "math/power.h"

namespace {

using gradus::BF16;
using gradus::F16;
namespace math = gradus::math;

constexpr size_t kBlock = 4096;

/** The distance in units in the last place of a float at `want`; 0 where both are NaN. */
double ulps(float got, double want) {
  constexpr double kWrong = 1e9;
  if (std::isnan(want)) return std::isnan(got) ? 0 : kWrong;
  const auto nearest = static_cast<float>(want);
  if (std::isnan(got) || std::isinf(nearest) || std::isinf(got)) return got == nearest ? 0 : kWrong;
  int exponent;
  std::frexp(want, &exponent);
  return std::fabs(got - want) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

/** Calls block(floats) for every `stride`-th float, block by block. */
template <class Block>
void everyFloat(uint64_t stride, Block block) {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += stride) {
    x.push_back(math::floatOf(static_cast<uint32_t>(bits)));
    if (x.size() == kBlock || bits + stride >= (uint64_t{1} << 32)) {
      block(x);
      x.clear();
    }
  }
}

struct Floats {
  uint64_t stride;
  const char* only;  // the function to test, or null for all
};

template <class F, class Reference>
void within(const char* name, double bound, Floats which, F f, Reference reference) {
  if (which.only != nullptr && std::strcmp(which.only, name) != 0) return;
  double worst = 0;
  float where = 0;
  std::vector<float> y(kBlock);
  everyFloat(which.stride, [&](const std::vector<float>& x) {
    const float* from = x.data();
    float* to = y.data();
    for (size_t i = 0; i < x.size(); ++i) to[i] = f(from[i]);
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(y[i], reference(static_cast<double>(x[i])));
      if (error > worst) {
        worst = error;
        where = x[i];
      }
    }
  });
  std::printf("%s: at most %.3f ULP, at %a\n", name, worst, static_cast<double>(where));
  CHECK(worst <= bound, "%s: %g ULP at %a", name, worst, static_cast<double>(where));
}

void functionsKeepTheirBounds(Floats which) {
  within(
      "exp", 1.1, which, [](float x) { return math::exp(x); },
      [](double x) { return std::exp(x); });
  within(
      "log", 1.0, which, [](float x) { return math::log(x); },
      [](double x) { return std::log(x); });
  within(
      "log1p", 1.5, which, [](float x) { return x >= 0.0f && x <= 1.0f ? math::log1p(x) : 0.0f; },
      [](double x) { return x >= 0 && x <= 1 ? std::log1p(x) : 0; });
  within(
      "expm1Negative", 1.5, which,
      [](float x) { return x <= 0.0f ? math::expm1Negative(x) : 0.0f; },
      [](double x) { return x <= 0 ? std::expm1(x) : 0; });
  within(
      "tanh", 1.5, which, [](float x) { return math::tanh(x); },
      [](double x) { return std::tanh(x); });
  within(
      "sigmoid", 2.0, which, [](float x) { return math::sigmoid(x); },
      [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); });
  within(
      "erf", 1.4, which, [](float x) { return math::erf(x); },
      [](double x) { return std::erf(x); });
  within(
      "sin", 1.6, which, [](float x) { return math::sin(x); },
      [](double x) { return std::sin(x); });
  within(
      "cos", 1.6, which, [](float x) { return math::cos(x); },
      [](double x) { return std::cos(x); });
  within(
      "gaussian.density", 1.2, which, [](float x) { return math::gaussian(math::abs(x)).density; },
      [](double x) { return std::exp(-0.5 * x * x); });
  within(
      "gaussian.below", 5.0, which, [](float x) { return math::gaussian(math::abs(x)).below; },
      [](double x) { return 0.5 * std::erfc(std::fabs(x) * std::sqrt(0.5)); });
}

/** Every x above 0, with a y that puts the result anywhere between too small and too large. */
void powersKeepTheirBound(Floats which) {
  if (which.only != nullptr && std::strcmp(which.only, "pow") != 0) return;
  constexpr double kLow = -151, kRange = 280;  // of log2(x^y)
  double worst = 0;
  float worstX = 0, worstY = 0;
  std::vector<float> y(kBlock), z(kBlock);
  everyFloat(which.stride, [&](const std::vector<float>& x) {
    if (std::signbit(x[0])) return;
    for (size_t i = 0; i < x.size(); ++i) {
      const double word = math::bitsOf(x[i]) * 2654435761u;  // scattered, but the same each time
      y[i] = static_cast<float>((kLow + kRange * 0x1p-32 * word) / std::log2(double{x[i]}));
    }
    const float *base = x.data(), *exponent = y.data();
    float* to = z.data();
    for (size_t i = 0; i < x.size(); ++i) to[i] = math::pow(base[i], exponent[i]);
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(z[i], std::pow(double{x[i]}, double{y[i]}));
      if (error > worst) {
        worst = error;
        worstX = x[i];
        worstY = y[i];
      }
    }
  });
  std::printf("pow: at most %.3f ULP, at %a, %a\n", worst, double{worstX}, double{worstY});
  CHECK(worst <= 1.3, "pow: %g ULP at %a, %a", worst, double{worstX}, double{worstY});
}

void specialPowersAreThoseOfC() {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {0,    0x1p-149f, 0x1.8p-130f, 0.5f,        0x1.fffffep-1f,
                               1,    1.5f,      2,           3,           0x1.000002p+0f,
                               1e9f, 0x1p24f,   0x1p31f,     0xfffffep0f, 0xffffffp0f,
                               4,    1e38f,     infinity,    0x1p23f,     0x1.fffffep+127f};
  for (size_t i = values.size(); i-- > 0;) values.push_back(-values[i]);
  values.push_back(std::numeric_limits<float>::quiet_NaN());
  for (float x : values) {
    for (float y : values) {
      const float got = math::pow(x, y);
      const double want = std::pow(double{x}, double{y});
      CHECK(ulps(got, want) <= 1.3 && (std::isnan(want) || std::signbit(got) == std::signbit(want)),
            "pow(%a, %a) is %a", double{x}, double{y}, double{got});
    }
  }
}

void nearAnglesHaveTheSameBits(uint64_t stride) {
  std::vector<float> sines(kBlock), cosines(kBlock), nearSines(kBlock), nearCosines(kBlock);
  int64_t wrong = 0;
  float where = 0;
  everyFloat(stride, [&](const std::vector<float>& x) {
    const size_t n = x.size();
    const float* from = x.data();
    for (size_t i = 0; i < n; ++i) sines[i] = math::sin(from[i]);
    for (size_t i = 0; i < n; ++i) cosines[i] = math::cos(from[i]);
    for (size_t i = 0; i < n; ++i) nearSines[i] = math::sinNear(from[i]);
    for (size_t i = 0; i < n; ++i) nearCosines[i] = math::cosNear(from[i]);
    for (size_t i = 0; i < n; ++i) {
      if (!(std::fabs(from[i]) < math::kNearAngle)) continue;
      if (math::bitsOf(sines[i]) != math::bitsOf(nearSines[i]) ||
          math::bitsOf(cosines[i]) != math::bitsOf(nearCosines[i])) {
        ++wrong;
        where = from[i];
      }
    }
  });
  CHECK(wrong == 0, "%ld angles, the last %a", static_cast<long>(wrong),
        static_cast<double>(where));
}

void specialValuesAreExact() {
  const float infinity = std::numeric_limits<float>::infinity();
  const float smallest = std::numeric_limits<float>::denorm_min();
  // A volatile argument, so that none of these is computed by the compiler.
  auto is = [](const char* what, float got, float want) {
    CHECK(math::bitsOf(got) == math::bitsOf(want), "%s is %a", what, static_cast<double>(got));
  };
  volatile float zero = 0, minusZero = -0.0f, one = 1, big = infinity, low = -infinity;
  is("exp(0)", math::exp(zero), 1);
  is("exp(-infinity)", math::exp(low), 0);
  is("exp(infinity)", math::exp(big), infinity);
  volatile float under = -103.5f, gone = -104.1f;
  is("exp(-103.5)", math::exp(under), smallest);
  is("exp(-104.1)", math::exp(gone), 0);
  is("log(0)", math::log(zero), -infinity);
  is("log(-0)", math::log(minusZero), -infinity);
  is("log(1)", math::log(one), 0);
  is("log(infinity)", math::log(big), infinity);
  CHECK(std::isnan(math::log(low)), "log(-infinity)");
  is("tanh(-0)", math::tanh(minusZero), -0.0f);
  is("tanh(infinity)", math::tanh(big), 1);
  is("tanh(-infinity)", math::tanh(low), -1);
  is("erf(-0)", math::erf(minusZero), -0.0f);
  is("erf(infinity)", math::erf(big), 1);
  is("erf(-infinity)", math::erf(low), -1);
  is("sin(-0)", math::sin(minusZero), -0.0f);
  is("cos(0)", math::cos(zero), 1);
  CHECK(std::isnan(math::sin(big)) && std::isnan(math::sin(low)), "sin(infinity)");
  CHECK(std::isnan(math::cos(big)) && std::isnan(math::cos(low)), "cos(infinity)");
  is("sigmoid(0)", math::sigmoid(zero), 0.5f);
  is("sigmoid(infinity)", math::sigmoid(big), 1);
  is("sigmoid(-infinity)", math::sigmoid(low), 0);
}

/** What 16 bits stand for, from the definition of the format. */
double valueOf(uint32_t bits, int exponentBits, int fractionBits) {
  const int bias = (1 << (exponentBits - 1)) - 1;
  const uint32_t fraction = bits & ((1u << fractionBits) - 1);
  const int exponent = static_cast<int>(bits >> fractionBits) & ((1 << exponentBits) - 1);
  const double sign = bits >> (exponentBits + fractionBits) != 0 ? -1 : 1;
  if (exponent == (1 << exponentBits) - 1) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fractionBits);
  return sign * std::ldexp((1u << fractionBits) + fraction, exponent - bias - fractionBits);
}

/** x rounded to nearest even to the format's precision and range. */
double roundedTo(float x, int exponentBits, int fractionBits) {
  if (std::isnan(x) || std::isinf(x) || x == 0) return x;
  const int bias = (1 << (exponentBits - 1)) - 1;
  int exponent;
  std::frexp(x, &exponent);
  const int unit = std::max(exponent - 1, 1 - bias) - fractionBits;
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
  const double end = std::ldexp(1, bias + 1);
  return std::fabs(rounded) >= end ? std::copysign(std::numeric_limits<double>::infinity(), x)
                                   : rounded;
}

bool same(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

void conversionsAreExactOrRoundToEven(uint64_t stride) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    CHECK(same(math::toFloat(BF16{half}), valueOf(bits, 8, 7)), "bf16 %x", bits);
    CHECK(same(math::toFloat(F16{half}), valueOf(bits, 5, 10)), "f16 %x", bits);
    const bool nan = std::isnan(valueOf(bits, 8, 7));
    CHECK(nan || math::toBF16(math::toFloat(BF16{half})).bits == half, "bf16 %x", bits);
    const bool nan16 = std::isnan(valueOf(bits, 5, 10));
    CHECK(nan16 || math::toF16(math::toFloat(F16{half})).bits == half, "f16 %x", bits);
  }
  std::vector<BF16> b(kBlock);
  std::vector<F16> h(kBlock);
  int64_t wrong = 0;
  float where = 0;
  everyFloat(stride, [&](const std::vector<float>& x) {
    for (size_t i = 0; i < x.size(); ++i) b[i] = math::toBF16(x[i]);
    for (size_t i = 0; i < x.size(); ++i) h[i] = math::toF16(x[i]);
    for (size_t i = 0; i < x.size(); ++i) {
      if (!same(math::toFloat(b[i]), roundedTo(x[i], 8, 7)) ||
          !same(math::toFloat(h[i]), roundedTo(x[i], 5, 10))) {
        ++wrong;
        where = x[i];
      }
    }
  });
  CHECK(wrong == 0, "%ld conversions, the last of %a", static_cast<long>(wrong),
        static_cast<double>(where));
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t stride = argc > 1 ? static_cast<uint64_t>(std::atol(argv[1])) : 251;
  functionsKeepTheirBounds(Floats{stride, argc > 2 ? argv[2] : nullptr});
  powersKeepTheirBound(Floats{stride, argc > 2 ? argv[2] : nullptr});
  specialPowersAreThoseOfC();
  specialValuesAreExact();
  if (argc <= 2) nearAnglesHaveTheSameBits(stride);
  if (argc <= 2) conversionsAreExactOrRoundToEven(stride);
  return report("functions_test");
}
