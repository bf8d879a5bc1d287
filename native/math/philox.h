// Random numbers by counter: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", 2011). The words of a block are a function of its number, so any piece of a tensor can
// be filled by any thread or device, and a mask need not be kept to be used again.
#pragma once

#include <cstdint>

#include "math/functions.h"

namespace gradus::math {

/** Four independent random words. */
struct PhiloxBlock {
  uint32_t a, b, c, d;
};

/** The seed is the key; the block's number and the stream are the two halves of the counter. */
GRADUS_FN PhiloxBlock philox(uint64_t seed, uint64_t stream, uint64_t block) {
  auto a = static_cast<uint32_t>(block), b = static_cast<uint32_t>(block >> 32);
  auto c = static_cast<uint32_t>(stream), d = static_cast<uint32_t>(stream >> 32);
  auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t p = uint64_t{0xd2511f53u} * a;
    uint64_t q = uint64_t{0xcd9e8d57u} * c;
    a = static_cast<uint32_t>(q >> 32) ^ b ^ key0;
    b = static_cast<uint32_t>(q);
    c = static_cast<uint32_t>(p >> 32) ^ d ^ key1;
    d = static_cast<uint32_t>(p);
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  return PhiloxBlock{a, b, c, d};
}

/**
 * low + range * u with u in [0, 1) of 24 bits. In double, where the product of two floats is exact,
 * so that the result is the same whether or not a compiler contracts it into a fused operation.
 */
GRADUS_FN float uniform(uint32_t word, float low, float range) {
  double u = static_cast<double>(static_cast<int32_t>(word >> 8)) * 0x1p-24;
  return static_cast<float>(static_cast<double>(low) + static_cast<double>(range) * u);
}

struct NormalPair {
  float first, second;
};

/** Two independent numbers of the standard normal distribution (Box-Muller); none beyond 6.7. */
GRADUS_FN NormalPair normal(uint32_t word0, uint32_t word1) {
  // u in (0, 1]: the half step added keeps 0 from the logarithm.
  float u = static_cast<float>(static_cast<int32_t>(word0 >> 1)) * 0x1p-31f + 0x1p-32f;
  float radius = __builtin_sqrtf(-2.0f * log(u));
  // An angle of word1 * 2^-32 turns is a quarter turn times `quarter` and a rest of an eighth at
  // most.
  uint32_t quarter = (word1 + 0x20000000u) >> 30;
  float x = static_cast<float>(static_cast<int32_t>(word1 - (quarter << 30))) * 0x1.921fb6p-30f;
  const Turn t = turn(quarter, x);
  return NormalPair{radius * t.cosine, radius * t.sine};
}

}  // namespace gradus::math
