// Element i takes word i % 4 of Philox block i / 4, whatever its type and whoever computes it. A
// thread has a block's four.
//
// uniform and dropout give the same bits as on a CPU, normal may differ in its last ones.
#include <cmath>

#include "cuda/backend.h"
#include "cuda/dropout.h"
#include "cuda/launch.h"

namespace gradus {

namespace {

constexpr int kFour = 4;

struct Uniform {
  float low, range, last;

  __device__ void operator()(const math::PhiloxBlock& words, float* y) const {
    y[0] = draw(words.a);
    y[1] = draw(words.b);
    y[2] = draw(words.c);
    y[3] = draw(words.d);
  }
  __device__ float draw(uint32_t word) const {
    const float value = math::uniform(word, low, range);
    return value < last ? value : last;
  }
};

struct Normal {
  float mean, deviation;

  __device__ void operator()(const math::PhiloxBlock& words, float* y) const {
    const math::NormalPair p = math::normal(words.a, words.b), q = math::normal(words.c, words.d);
    y[0] = p.first * deviation + mean;
    y[1] = p.second * deviation + mean;
    y[2] = q.first * deviation + mean;
    y[3] = q.second * deviation + mean;
  }
};

/** Four elements from y on, of which n are left. */
template <class E>
__device__ void storeFour(const float* values, E* y, int64_t n, bool aligned) {
  Pack<E, kFour> pack;
#pragma unroll
  for (int j = 0; j < kFour; ++j) math::store(values[j], &pack.elements[j]);
  if (aligned && n >= kFour) {
    *reinterpret_cast<Pack<E, kFour>*>(y) = pack;
    return;
  }
#pragma unroll
  for (int j = 0; j < kFour; ++j) {
    if (j < n) y[j] = pack.elements[j];
  }
}

template <class E, class F>
__global__ void drawAll(E* y, int64_t n, Live<uint64_t> live, uint64_t stream, bool aligned, F f) {
  const uint64_t seed = live.get();
  for (int64_t i = threadIndex(); i * kFour < n; i += threadCount()) {
    float values[kFour];
    f(math::philox(seed, stream, static_cast<uint64_t>(i)), values);
    storeFour(values, y + i * kFour, n - i * kFour, aligned);
  }
}

template <class E>
__global__ void drop(const E* x, E* y, int64_t n, bool aligned, Dropout dropout) {
  for (int64_t i = threadIndex(); i * kFour < n; i += threadCount()) {
    const E* from = x + i * kFour;
    Pack<E, kFour> pack = {};
    if (aligned && i * kFour + kFour <= n) {
      pack = *reinterpret_cast<const Pack<E, kFour>*>(from);
    } else {
#pragma unroll
      for (int j = 0; j < kFour; ++j) {
        if (i * kFour + j < n) pack.elements[j] = from[j];
      }
    }
    float values[kFour];
#pragma unroll
    for (int j = 0; j < kFour; ++j) values[j] = math::toFloat(pack.elements[j]);
    dropout.applyAll<kFour>(values, i * kFour);
    storeFour(values, y + i * kFour, n - i * kFour, aligned);
  }
}

/** The largest value of the type below `high`: where rounding would otherwise give `high` itself.
 */
template <class E>
float largestBelow(float high) {
  float below = std::nextafter(high, -HUGE_VALF);
  E rounded;
  math::store(below, &rounded);
  if (math::toFloat(rounded) < high) return math::toFloat(rounded);
  const uint16_t bits = rounded.bits;
  rounded.bits = static_cast<uint16_t>(bits == 0              ? 0x8001
                                       : (bits & 0x8000) != 0 ? bits + 1
                                                              : bits - 1);
  return math::toFloat(rounded);
}
template <>
float largestBelow<float>(float high) {
  return std::nextafter(high, -HUGE_VALF);
}

/** y = what f makes of four words, for each four elements. */
template <class E, class F>
void draw(Gpu& gpu, const char* name, Out y, int64_t n, int64_t seed, int64_t stream, F f) {
  launch(gpu, name, gridFor(gpu, ceilDivide(n, kFour)), drawAll<E, F>, y.as<E>(), n,
         gpu.live(static_cast<uint64_t>(seed)), stream,
         y.address % static_cast<int64_t>(sizeof(Pack<E, kFour>)) == 0, f);
}

}  // namespace

void CudaBackend::addRandom() {
  uniform = [this](Type t, Out y, int64_t n, int64_t seed, int64_t stream, double low,
                   double high) {
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      const auto from = static_cast<float>(low), to = static_cast<float>(high);
      const float last = std::fmax(largestBelow<E>(to), from);
      draw<E>(gpu_, "uniform", y, n, seed, stream, Uniform{from, to - from, last});
    });
  };

  normal = [this](Type t, Out y, int64_t n, int64_t seed, int64_t stream, double mean,
                  double deviation) {
    withFloating(t, [&](auto element) {
      draw<decltype(element)>(gpu_, "normal", y, n, seed, stream,
                              Normal{static_cast<float>(mean), static_cast<float>(deviation)});
    });
  };

  dropout = [this](Type t, In x, Out y, int64_t n, int64_t seed, int64_t stream, double p) {
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      const bool aligned =
          (x.address | y.address) % static_cast<int64_t>(sizeof(Pack<E, kFour>)) == 0;
      launch(gpu_, "dropout", gridFor(gpu_, ceilDivide(n, kFour)), drop<E>, x.as<E>(), y.as<E>(), n,
             aligned, Dropout(gpu_, seed, stream, p));
    });
  };
}

}  // namespace gradus
