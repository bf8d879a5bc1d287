// Dropout for whoever fuses it: the mask is that of the op `dropout`, by the element's index.
#pragma once

#include <cstdint>

namespace gradus {

class Dropout {
 public:
  /** Drops with probability p, met to 2^-32; the rest is divided by 1 - p. */
  Dropout(int64_t seed, int64_t stream, double p);

  /** y[i] = x[i] scaled or 0, where x[i] is element at + i of its tensor; y may be x. */
  void apply(const float* x, float* y, int64_t at, int64_t n) const;

 private:
  int64_t seed_, stream_;
  uint32_t threshold_;
  float scale_;
  bool everything_;
};

}  // namespace gradus
