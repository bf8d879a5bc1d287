// Dropout for whoever fuses it: the mask is that of the op `dropout`, by the element's index.
#pragma once

#include <cmath>

#include "cuda/device.h"
#include "cuda/gpu.h"
#include "math/philox.h"

namespace gradus {

/** Travels with a launch. Element i takes word i % 4 of Philox block i / 4. */
class Dropout {
 public:
  /** Drops with probability p, met to 2^-32; the rest is divided by 1 - p. */
  Dropout(const Gpu& gpu, int64_t seed, int64_t stream, double p)
      : seed_(p > 0 ? gpu.live(static_cast<uint64_t>(seed)) : Live<uint64_t>(0, nullptr)),
        stream_(static_cast<uint64_t>(stream)),
        scale_(static_cast<float>(1.0 / (1.0 - p))) {
    // An element is dropped where its word lies below p * 2^32.
    const double bound = std::nearbyint(p * 0x1p32);
    everything_ = bound >= 0x1p32;
    threshold_ = everything_ ? 0 : static_cast<uint32_t>(bound);
  }

  /** x scaled or 0, where x is this element of its tensor. */
  __device__ float apply(float x, int64_t element) const {
    return apply(x, words(element / 4), static_cast<int>(element % 4));
  }

  /** The same of N elements from `first` on, both multiples of 4: a block's words serve four. */
  template <int N>
  __device__ void applyAll(float* x, int64_t first) const {
    static_assert(N % 4 == 0, "whole blocks");
#pragma unroll
    for (int i = 0; i < N; i += 4) {
      const math::PhiloxBlock block = words((first + i) / 4);
#pragma unroll
      for (int j = 0; j < 4; ++j) x[i + j] = apply(x[i + j], block, j);
    }
  }

  /** Of N elements from `first` on, those that stay: bit i is for element first + i. */
  template <int N>
  __device__ uint32_t kept(int64_t first) const {
    static_assert(N % 4 == 0 && N <= 28, "and up to three before the first one");
    const int before = static_cast<int>(first % 4);
    uint32_t bits = 0;
#pragma unroll
    for (int i = 0; i < N + 4; i += 4) {
      if (i == N && before == 0) break;
      const math::PhiloxBlock block = words(first / 4 + i / 4);
#pragma unroll
      for (int j = 0; j < 4; ++j) bits |= (keeps(block, j) ? 1u : 0u) << (i + j);
    }
    return bits >> before;
  }

  /** x scaled or 0. */
  __device__ float apply(float x, bool kept) const { return kept ? x * scale_ : 0.0f; }

  /** The words of elements 4 * block to 4 * block + 3. */
  __device__ math::PhiloxBlock words(int64_t block) const {
    return math::philox(seed_.get(), stream_, static_cast<uint64_t>(block));
  }

  /** x scaled or 0, where x is element i of the four that the words are for. */
  __device__ float apply(float x, const math::PhiloxBlock& words, int i) const {
    return apply(x, keeps(words, i));
  }

 private:
  __device__ bool keeps(const math::PhiloxBlock& words, int i) const {
    const uint32_t even = i < 2 ? words.a : words.c, odd = i < 2 ? words.b : words.d;
    return !everything_ && (i % 2 == 0 ? even : odd) >= threshold_;
  }

  Live<uint64_t> seed_;
  uint64_t stream_;
  float scale_;
  uint32_t threshold_;
  bool everything_;
};

}  // namespace gradus
