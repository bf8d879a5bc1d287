// Rotary positions (Su et al. 2021), in the half-split layout of Hugging Face: element i of a head
// turns with element i + size / 2, by position * theta^(-2i / size).
#include <cmath>
#include <cstring>
#include <vector>

#include "cpu/backend.h"
#include "cpu/indices.h"
#include "cpu/loops.h"
#include "math/functions.h"

namespace gradus {

namespace {

/** The cosines and sines of one position, once for all of its heads. */
struct Turns {
  Turns(int64_t size, double theta)
      : frequency(static_cast<size_t>(size / 2)), cosine(frequency.size()), sine(frequency.size()) {
    for (int64_t i = 0; i < size / 2; ++i) {
      frequency[static_cast<size_t>(i)] =
          std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(size));
    }
  }

  void at(int64_t position, bool inverse) {
    const auto n = static_cast<int64_t>(frequency.size());
    const auto place = static_cast<double>(inverse ? -position : position);
    const double* from = frequency.data();
    float *c = cosine.data(), *s = sine.data();
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) {
      const math::Turn t = math::turn(place * from[i]);
      c[i] = t.cosine;
      s[i] = t.sine;
    }
  }

  std::vector<double> frequency;
  std::vector<float> cosine, sine;
};

void rotateHead(const float* x, float* y, const Turns& turns) {
  const auto half = static_cast<int64_t>(turns.cosine.size());
  const float *c = turns.cosine.data(), *s = turns.sine.data();
  GRADUS_INDEPENDENT
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    y[i] = a * c[i] - b * s[i];
    y[half + i] = b * c[i] + a * s[i];
  }
}

}  // namespace

void CpuBackend::addPositions() {
  rotary = [](Type t, In x, Type positionType, In positions, int64_t first, Out y, int64_t rows,
              int64_t time, int64_t width, int64_t heads, int64_t size, double theta,
              bool inverse) {
    const int64_t rotated = heads * size, rest = (width - rotated) * byteSize(t);
    const Turns frequencies(size, theta);
    withIndices(positionType, positions, [&](auto* position) {
      rowRanges(rows, width, [&](int64_t begin, int64_t end) {
        Turns turns = frequencies;
        const auto length = static_cast<size_t>(t == DType::F32 ? 0 : rotated);
        std::vector<float> xs(length), ys(length);
        for (int64_t row = begin; row < end; ++row) {
          turns.at(positions ? position[row] : first + row % time, inverse);
          const int64_t at = row * width;
          const float* from = load(t, x, at, xs.data(), rotated);
          float* to = target(t, y, at, ys.data());
          for (int64_t h = 0; h < rotated; h += size) rotateHead(from + h, to + h, turns);
          flush(t, to, y, at, rotated);
          if (rest > 0 && x.address != y.address) {
            const int64_t tail = (at + rotated) * byteSize(t);
            std::memcpy(y.as<char>() + tail, x.as<char>() + tail, static_cast<size_t>(rest));
          }
        }
      });
    });
  };
}

}  // namespace gradus
