// What reductions make of elements: how two values are joined, and what is stored in the end.
//
// A thread joins a few elements as Values, and these, and those of other threads, as Totals.
#pragma once

#include <limits>
#include <type_traits>

#include "cuda/device.h"

namespace gradus {

template <class E>
constexpr bool kIsFloating = !std::is_integral<E>::value;

/** x summed in float within a few elements, in double across them. */
template <class E>
struct Sum {
  using Element = E;
  using Result = E;
  using Value = float;
  using Total = double;
  static constexpr float kNothing = 0;

  double scale;

  __device__ static float of(E x) { return math::toFloat(x); }
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
  __device__ void store(double total, E* y) const {
    math::store(static_cast<float>(total * scale), y);
  }
};

template <class E>
struct Squares {
  using Element = E;
  using Result = float;
  using Value = double;
  using Total = double;
  static constexpr double kNothing = 0;

  __device__ static double of(E x) {
    const double value = math::toFloat(x);
    return value * value;
  }
  __device__ double operator()(double a, double b) const { return a + b; }
  __device__ static void store(double total, float* y) { *y = static_cast<float>(total); }
};

/** NaN wins over every number. */
template <class E>
struct Max {
  using Element = E;
  using Result = E;
  using Value = std::conditional_t<kIsFloating<E>, float,
                                   std::conditional_t<sizeof(E) == 8, int64_t, int32_t>>;
  using Total = Value;
  static constexpr Value kNothing = std::numeric_limits<Value>::has_infinity
                                        ? -std::numeric_limits<Value>::infinity()
                                        : std::numeric_limits<Value>::lowest();

  __device__ static Value of(E x) {
    if constexpr (kIsFloating<E>) {
      return math::toFloat(x);
    } else {
      return x;
    }
  }
  __device__ Value operator()(Value a, Value b) const { return (b > a) | (b != b) ? b : a; }
  __device__ static void store(Value total, E* y) {
    if constexpr (kIsFloating<E>) {
      math::store(total, y);
    } else {
      *y = static_cast<E>(total);
    }
  }
};

}  // namespace gradus
