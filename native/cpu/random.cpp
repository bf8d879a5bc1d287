// Element i takes word i % 4 of Philox block i / 4, whatever its type and whoever computes it.
//
// uniform and dropout give the same bits on every machine. normal may differ in its last bits
// between instruction levels, whose compilers contract products and sums differently.
#include <algorithm>
#include <cmath>

#include "cpu/backend.h"
#include "cpu/dropout.h"
#include "cpu/loops.h"
#include "math/philox.h"

namespace gradus {

namespace {

static_assert(kBlock % 4 == 0 && kGrain % 4 == 0 && kInline % 4 == 0, "pieces hold whole blocks");

/** The words of elements at...at + n, rounded up to whole blocks. */
void randomWords(int64_t seed, int64_t stream, int64_t at, int64_t n, uint32_t* words) {
  const auto key = static_cast<uint64_t>(seed), counter = static_cast<uint64_t>(stream);
  const auto first = static_cast<uint64_t>(at) / 4;
  for (int64_t i = 0; i < (n + 3) / 4; ++i) {
    math::PhiloxBlock block = math::philox(key, counter, first + static_cast<uint64_t>(i));
    words[4 * i] = block.a;
    words[4 * i + 1] = block.b;
    words[4 * i + 2] = block.c;
    words[4 * i + 3] = block.d;
  }
}

/** Calls each(at, n, words) for pieces of [0, n) of at most kBlock elements. */
template <class Each>
void withWords(int64_t n, int64_t seed, int64_t stream, Each&& each) {
  ranges(n, [&](int64_t begin, int64_t end) {
    alignas(64) uint32_t words[kBlock];
    blocks(begin, end, [&](int64_t at, int64_t m) {
      randomWords(seed, stream, at, m, words);
      each(at, m, static_cast<const uint32_t*>(words));
    });
  });
}

/** The largest value of the type below `high`: where rounding would otherwise give `high` itself.
 */
float largestBelow(DType t, float high) {
  float below = std::nextafter(high, -HUGE_VALF);
  if (t == DType::F32) return below;
  uint16_t bits;
  narrow(t, &below, &bits, 0, 1);
  if (loadOne(t, &bits, 0) < high) return loadOne(t, &bits, 0);
  bits = static_cast<uint16_t>(bits == 0 ? 0x8001 : (bits & 0x8000) != 0 ? bits + 1 : bits - 1);
  return loadOne(t, &bits, 0);
}

}  // namespace

Dropout::Dropout(int64_t seed, int64_t stream, double p)
    : seed_(seed),
      stream_(stream),
      threshold_(0),
      scale_(static_cast<float>(1.0 / (1.0 - p))),
      everything_(false) {
  // An element is dropped where its word lies below p * 2^32.
  const double bound = std::nearbyint(p * 0x1p32);
  everything_ = bound >= 0x1p32;
  if (!everything_) threshold_ = static_cast<uint32_t>(bound);
}

void Dropout::apply(const float* x, float* y, int64_t at, int64_t n) const {
  if (everything_) {
    std::fill(y, y + n, 0.0f);
    return;
  }
  alignas(64) uint32_t words[kBlock];
  for (int64_t i = 0; i < n;) {
    const int64_t lead = (at + i) % 4, m = std::min(n - i, kBlock - lead);
    randomWords(seed_, stream_, at + i - lead, lead + m, words);
    GRADUS_INDEPENDENT
    for (int64_t j = 0; j < m; ++j) {
      const float kept = x[i + j] * scale_;
      y[i + j] = words[lead + j] >= threshold_ ? kept : 0.0f;
    }
    i += m;
  }
}

void CpuBackend::addRandom() {
  uniform = [](Type t, Out y, int64_t n, int64_t seed, int64_t stream, double low, double high) {
    const auto from = static_cast<float>(low), to = static_cast<float>(high);
    const float range = to - from;
    const float last = std::fmax(largestBelow(t, to), from);
    withWords(n, seed, stream, [&](int64_t at, int64_t m, const uint32_t* words) {
      alignas(64) float buffer[kBlock];
      float* out = target(t, y, at, buffer);
      for (int64_t i = 0; i < m; ++i) {
        float value = math::uniform(words[i], from, range);
        out[i] = value < last ? value : last;
      }
      flush(t, out, y, at, m);
    });
  };

  normal = [](Type t, Out y, int64_t n, int64_t seed, int64_t stream, double mean,
              double deviation) {
    const auto centre = static_cast<float>(mean), scale = static_cast<float>(deviation);
    withWords(n, seed, stream, [&](int64_t at, int64_t m, const uint32_t* words) {
      alignas(64) float buffer[kBlock];
      for (int64_t i = 0; i < (m + 1) / 2; ++i) {
        math::NormalPair pair = math::normal(words[2 * i], words[2 * i + 1]);
        buffer[2 * i] = pair.first * scale + centre;
        buffer[2 * i + 1] = pair.second * scale + centre;
      }
      narrow(t, buffer, y, at, m);
    });
  };

  dropout = [](Type t, In x, Out y, int64_t n, int64_t seed, int64_t stream, double p) {
    const Dropout dropout(seed, stream, p);
    ranges(n, [&](int64_t begin, int64_t end) {
      alignas(64) float xs[kBlock], ys[kBlock];
      blocks(begin, end, [&](int64_t at, int64_t m) {
        const float* from = load(t, x, at, xs, m);
        float* to = target(t, y, at, ys);
        dropout.apply(from, to, at, m);
        flush(t, to, y, at, m);
      });
    });
  };
}

}  // namespace gradus
