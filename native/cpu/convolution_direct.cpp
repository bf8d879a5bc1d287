// With a channel or two in each group there is nothing to multiply in blocks: each image's plane is
// copied with its padding, and neighbouring pixels are summed in vectors, tap by tap.
#include <algorithm>

#include "cpu/convolution.h"
#include "cpu/convolution_patch.h"
#include "cpu/gemm_buffer.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"
#include "cpu/loops.h"
#include "cpu/pool.h"

namespace gradus {

namespace {

constexpr int kRows = 4;  // of pixels that are summed at once, as one would wait for itself

thread_local Buffer ownPlanes, ownRows, ownNone;

/** How many of `planes` planes, each of so many pixels and taps, are worth a task. */
int64_t grainOf(int64_t planes, int64_t pixels, int64_t taps) {
  const int64_t work = std::max<int64_t>(pixels * taps, 1);
  return planes * work <= kInline ? std::max<int64_t>(planes, 1)
                                  : std::max<int64_t>(8 * kGrain / work, 1);
}

/** Output channels of one image after the other: rows of y as vectors of neighbouring pixels. */
class Planes {
 public:
  explicit Planes(const Correlation& correlation)
      : c(correlation), patch_(c.sight, false), weights_(c.ins() * c.sight.taps.size()) {}

  /** All that a group gives to an image. */
  void sum(int64_t image, int64_t group) {
    if (!weights_.empty()) see(image, group);
    image_ = image;
    for (int64_t o = 0; o < c.outs(); ++o) {
      const float* w = c.weights.data + group * c.weights.groupStride + o * c.weights.outStride;
      size_t k = 0;
      for (int64_t i = 0; i < c.ins(); ++i) {
        for (const Tap& tap : c.sight.taps) weights_[k++] = w[i * c.weights.inStride + tap.element];
      }
      channel_ = group * c.outs() + o;
      int64_t row = 0;
      for (; row + kRows <= c.sight.rows; row += kRows) sumRows<kRows>(row);
      for (; row < c.sight.rows; ++row) sumRows<1>(row);
    }
  }

 private:
  void see(int64_t image, int64_t group) {
    const int64_t pixels = c.sight.rows * c.sight.columns;
    if (image != image_) patch_.place(image * pixels, (image + 1) * pixels);
    if (image_ < 0) {  // in all images, what a pixel sees lies in the same places
      seen_ = ownPlanes.atLeast(patch_.size(c.ins()));
      patch_.clear(c.ins(), seen_);
      for (int64_t i = 0; i < c.ins(); ++i) {
        for (const Tap& tap : c.sight.taps) {
          offsets_.push_back(i * patch_.plane() + patch_.offsetOf(tap, 1));
        }
      }
    }
    patch_.fill(group * c.ins(), c.ins(), ownNone, seen_);
  }

  template <int Rows>
  void sumRows(int64_t row) const {
    const int64_t columns = c.sight.columns;
    const float* from[Rows];
    for (int r = 0; r < Rows; ++r) {
      from[r] = seen_;
      if (weights_.empty()) continue;
      from[r] += patch_.offsetOf((image_ * c.sight.rows + row + r) * columns, 1);
    }
    const float bias = c.bias == nullptr ? 0 : c.bias[channel_];
    for (int64_t j = 0; j < columns; j += kLanes) {
      Vector sums[Rows];
      for (int r = 0; r < Rows; ++r) sums[r] = Vector{} + bias;
      for (size_t k = 0; k < weights_.size(); ++k) {
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) {
          Vector x;
          std::memcpy(&x, from[r] + offsets_[k] + j, sizeof(x));
          sums[r] += weights_[k] * x;
        }
      }
      for (int r = 0; r < Rows; ++r) {
        float floats[kLanes];
        std::memcpy(floats, &sums[r], sizeof(floats));
        store(floats, row + r, j, std::min<int64_t>(kLanes, columns - j));
      }
    }
  }

  void store(const float* sums, int64_t row, int64_t column, int64_t n) const {
    const Grid& g = c.grid;
    const int64_t at =
        ((image_ * g.channels + channel_) * g.height + g.firstRow + row * g.rowStep) * g.width +
        g.firstColumn + column * g.columnStep;
    withElement(g.type, [&](auto element) {
      auto* y = g.y.as<decltype(element)>() + at;
      for (int64_t i = 0; i < n; ++i) {
        auto* to = y + i * g.columnStep;
        math::store(c.accumulate ? sums[i] + math::toFloat(*to) : sums[i], to);
      }
    });
  }

  const Correlation& c;
  Patch patch_;
  int64_t image_ = -1, channel_ = 0;
  float* seen_ = nullptr;
  std::vector<float> weights_;
  std::vector<int64_t> offsets_;
};

/** The sums, over all images, of dy times each tap of what its pixels see of one channel. */
class TapSums {
 public:
  explicit TapSums(const WeightGradient& gradient)
      : g(gradient), totals_(g.sight.taps.size()), patch_(g.sight, false) {
    padded_ = (g.sight.columns + kLanes - 1) / kLanes * kLanes;
    for (int64_t i = 0; i < kLanes; ++i) inside_[i] = padded_ - kLanes + i < g.sight.columns;
  }

  /** Adds the products of input channel `in` and output channel `out` of an image. */
  void add(int64_t image, int64_t in, int64_t out) {
    const int64_t rows = g.sight.rows, columns = g.sight.columns, pixels = rows * columns;
    if (pixels == 0) return;
    patch_.place(image * pixels, (image + 1) * pixels);
    if (seen_ == nullptr) {  // in all images, what a pixel sees lies in the same places
      seen_ = ownPlanes.atLeast(patch_.size(1));
      patch_.clear(1, seen_);
    }
    patch_.fill(in, 1, ownNone, seen_);
    float* dy = ownRows.atLeast(rows * padded_);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = ((image * g.outChannels + out) * rows + row) * columns;
      std::fill_n(dy + (row + 1) * padded_ - kLanes, kLanes, 0.0f);
      withElement(g.sight.type, [&](auto element) {
        const auto* from = g.dy.as<decltype(element)>() + at;
        for (int64_t i = 0; i < columns; ++i) dy[row * padded_ + i] = math::toFloat(from[i]);
      });
    }
    for (size_t t = 0; t < totals_.size(); ++t) {
      const float* x = seen_ + patch_.offsetOf(g.sight.taps[t], 1);
      totals_[t] += sum(x, dy, image * rows);
    }
  }

  void store(int64_t in, int64_t out) {
    withElement(g.weightType, [&](auto element) {
      auto* to = g.dweight.as<decltype(element)>() +
                 (out * g.ins() + in) * static_cast<int64_t>(totals_.size());
      for (size_t t = 0; t < totals_.size(); ++t) {
        auto* place = to + g.sight.taps[t].element;
        const double before = g.accumulate ? math::toFloat(*place) : 0;
        math::store(static_cast<float>(totals_[t] + before), place);
        totals_[t] = 0;
      }
    });
  }

 private:
  double sum(const float* x, const float* dy, int64_t firstLine) const {
    Vector sums[2] = {};
    for (int64_t row = 0; row < g.sight.rows; ++row, dy += padded_) {
      const float* from = x + patch_.offsetOf((firstLine + row) * g.sight.columns, 1);
      for (int64_t j = 0; j < padded_; j += kLanes) {
        Vector a, b;
        std::memcpy(&a, from + j, sizeof(a));
        std::memcpy(&b, dy + j, sizeof(b));
        // What stands behind a row belongs to others: it may even be no number.
        if (j + kLanes == padded_) a = inside_ ? a : Vector{};
        sums[row & 1] += a * b;
      }
    }
    const Vector both = sums[0] + sums[1];
    float lanes[kLanes];
    std::memcpy(lanes, &both, sizeof(lanes));
    double total = 0;
    for (float lane : lanes) total += lane;
    return total;
  }

  typedef int32_t Mask __attribute__((vector_size(kLanes * sizeof(int32_t))));

  const WeightGradient& g;
  std::vector<double> totals_;
  Patch patch_;
  float* seen_ = nullptr;
  int64_t padded_;
  Mask inside_ = {};
};

}  // namespace

void correlateDirectly(const Correlation& c) {
  const int64_t images = c.sight.batch, pixels = c.sight.rows * c.sight.columns;
  const auto taps = static_cast<int64_t>(c.sight.taps.size());
  if (pixels == 0) return;
  pool().split(images * c.groups, grainOf(images * c.groups, pixels, taps + 1),
               [&](int64_t begin, int64_t end) {
                 Planes planes(c);
                 for (int64_t i = begin; i < end; ++i) planes.sum(i / c.groups, i % c.groups);
               });
}

void gradWeightDirectly(const WeightGradient& g) {
  pool().split(g.outChannels, 1, [&](int64_t begin, int64_t end) {
    TapSums sums(g);
    for (int64_t out = begin; out < end; ++out) {
      for (int64_t in = 0; in < g.ins(); ++in) {
        for (int64_t image = 0; image < g.sight.batch; ++image) {
          sums.add(image, out / g.outs() * g.ins() + in, out);
        }
        sums.store(in, out);
      }
    }
  });
}

}  // namespace gradus
