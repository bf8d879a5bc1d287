// The words of math/philox.h, many blocks at a time.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/gemm_kernel.h"
#include "math/philox.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace gradus {
namespace {

/** One word of each of kLanes / 2 blocks, in the lower halves; the upper ones may hold anything. */
typedef uint64_t Words __attribute__((vector_size(kLanes * sizeof(float))));

constexpr int64_t kBlocksTogether = kLanes / 2;

/** The whole products of lower halves. GCC 12 makes three instructions of what here is one. */
inline Words multiplyHalves(const Words& x, const Words& y) {
#if defined(__AVX512F__)
  // The form without a mask warns of an uninitialized variable of GCC's own header.
  return reinterpret_cast<Words>(
      _mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(x), reinterpret_cast<__m512i>(y)));
#elif defined(__AVX2__)
  return reinterpret_cast<Words>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(y)));
#elif defined(__SSE2__) && !defined(__AVX__)
  return reinterpret_cast<Words>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(x), reinterpret_cast<__m128i>(y)));
#else
  return (x & 0xffffffffu) * (y & 0xffffffffu);
#endif
}

template <int... I>
void storeBlocks(const Words& first, const Words& second, uint32_t* words,
                 std::integer_sequence<int, I...>) {
  constexpr int n = sizeof...(I);
  const Words lower = __builtin_shufflevector(first, second, (I / 2 + I % 2 * n)...);
  const Words upper = __builtin_shufflevector(first, second, (n / 2 + I / 2 + I % 2 * n)...);
  std::memcpy(words, &lower, sizeof(lower));
  std::memcpy(words + sizeof(lower) / sizeof(*words), &upper, sizeof(upper));
}

/** The words of `groups` times kBlocksTogether blocks from `block` on. */
inline void randomWords(uint64_t seed, uint64_t stream, uint64_t block, int64_t groups,
                        uint32_t* words) {
  constexpr auto kSequence = std::make_integer_sequence<int, kBlocksTogether>();
  Words count;
  for (int i = 0; i < kBlocksTogether; ++i) count[i] = static_cast<uint64_t>(i);
  for (int64_t g = 0; g < groups; ++g) {
    Words a = count + block, b = a >> 32, c = Words{} + stream, d = c >> 32;
    auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const Words p = multiplyHalves(a, Words{} + 0xd2511f53u);
      const Words q = multiplyHalves(c, Words{} + 0xcd9e8d57u);
      a = q >> 32 ^ b ^ key0;
      b = q;
      c = p >> 32 ^ d ^ key1;
      d = p;
      key0 += 0x9e3779b9u;
      key1 += 0xbb67ae85u;
    }
    storeBlocks((a & 0xffffffffu) | b << 32, (c & 0xffffffffu) | d << 32, words, kSequence);
    block += static_cast<uint64_t>(kBlocksTogether);
    words += 4 * kBlocksTogether;
  }
}

}  // namespace
}  // namespace gradus
