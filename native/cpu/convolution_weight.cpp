// The gradient of the weights is the product of dy (channels of y, pixels) and a matrix (pixels, k)
// of what the pixels see, whose depth is all pixels of all images. Both are packed from where their
// channels lie side by side, so that k counts taps of sixteen channels at a time. Where dweight is
// small the depth is cut into slices with sums of their own, which are then added in their order.
#include <algorithm>

#include "cpu/convolution.h"
#include "cpu/convolution_patch.h"
#include "cpu/gemm_buffer.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"
#include "cpu/loops.h"
#include "cpu/pool.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

constexpr int64_t kStrip = kStripVectors * kLanes;
constexpr int64_t kDepth = 192;       // pixels at a time: a strip of them leaves room in L1
constexpr int64_t kChannels = 16;     // that lie side by side
constexpr int64_t kStrips = 8;        // of a task, for which dy is packed again
constexpr int64_t kTasks = 16;        // enough to be shared out evenly
constexpr int64_t kFewest = 4;        // for which dy is packed more often, if need be
constexpr int64_t kLeastSlice = 512;  // pixels, for which sums of their own pay

int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }

thread_local Buffer ownPatch, ownStrip, ownRows, ownPanels, ownColumns;

class WeightBlocks {
 public:
  WeightBlocks(Memory& memory, const WeightGradient& gradient)
      : g(gradient),
        taps_(static_cast<int64_t>(g.sight.taps.size())),
        k_(g.ins() * taps_),
        strips_(ceilDivide(k_, kStrip)),
        mostSlices_(std::max<int64_t>(g.sight.pixels() / kLeastSlice, 1)),
        parts_(std::max(ceilDivide(strips_, kStrips),
                        std::min(strips_, kFewest / (mostSlices_ * g.groups)))),
        slices_(std::clamp<int64_t>(ceilDivide(kTasks, parts_ * g.groups), 1, mostSlices_)),
        sums_(memory, g.groups * slices_ * strips_ * g.outs() * kStrip) {}

  void run() {
    pool().run(g.groups * slices_ * parts_, [&](int64_t task) {
      const int64_t part = task % parts_, slice = task / parts_ % slices_;
      const int64_t group = task / parts_ / slices_;
      const int64_t begin = strips_ * part / parts_, end = strips_ * (part + 1) / parts_;
      const int64_t pixels = g.sight.pixels();
      multiply(group, slice, begin, end, pixels * slice / slices_, pixels * (slice + 1) / slices_);
      if (slices_ == 1) store(group, 0, g.outs(), begin, end);
    });
    if (slices_ == 1) return;
    constexpr int64_t kRows = 8;
    const int64_t chunks = ceilDivide(g.outs(), kRows);
    pool().run(g.groups * chunks, [&](int64_t task) {
      const int64_t row = task % chunks * kRows;
      store(task / chunks, row, std::min(row + kRows, g.outs()), 0, strips_);
    });
  }

 private:
  /** Column j of the product: which element of the weights of an output channel it is. */
  struct Column {
    int64_t channel, tap;
  };
  Column column(int64_t j) const {
    const int64_t block = j / (kChannels * taps_) * kChannels;
    const int64_t wide = std::min(kChannels, g.ins() - block), rest = j - block * taps_;
    return {block + rest % wide, rest / wide};
  }

  float* sums(int64_t group, int64_t slice, int64_t strip) const {
    return sums_.data() + ((group * slices_ + slice) * strips_ + strip) * g.outs() * kStrip;
  }

  const Tap& tap(int64_t t) const { return g.sight.taps[static_cast<size_t>(t)]; }

  void multiply(int64_t group, int64_t slice, int64_t stripBegin, int64_t stripEnd, int64_t begin,
                int64_t end) const {
    const int64_t first = column(stripBegin * kStrip).channel / kChannels * kChannels;
    const int64_t last = column(std::min(stripEnd * kStrip, k_) - 1).channel / kChannels;
    const int64_t channels = std::min((last + 1) * kChannels, g.ins()) - first;
    const int64_t outs = g.outs(), panels = ceilDivide(outs, kPanel);
    Patch patch(g.sight, true);
    std::vector<int64_t> offsets(static_cast<size_t>(kDepth));
    float* a = ownPanels.atLeast(panels * kPanel * kDepth);
    float* own = ownStrip.atLeast(kStrip * kDepth + kSlack);
    for (int64_t p = begin; p < end; p += kDepth) {
      const int64_t depth = std::min(kDepth, end - p);
      packGradient(group, p, depth, a);
      patch.place(p, p + depth);
      float* seen = ownPatch.atLeast(patch.size(channels));
      patch.fill(group * g.ins() + first, channels, ownColumns, seen);
      for (int64_t i = 0; i < depth; ++i) {
        offsets[static_cast<size_t>(i)] = patch.offsetOf(p + i, channels);
      }
      Gathering gathering;
      for (int64_t s = stripBegin; s < stripEnd; ++s) {
        const int64_t columns = std::min(kStrip, k_ - s * kStrip);
        const int64_t vectors = ceilDivide(columns, kLanes);
        addRuns(patch, s * kStrip, columns, first, channels, gathering);
        gathering.gather(seen, offsets.data(), depth, vectors * kLanes, own);
        Panels t;
        t.rows = outs;
        t.k = depth;
        t.a = a;
        t.b = own;
        t.y = sums(group, slice, s);
        t.yRow = vectors * kLanes;
        t.bias = nullptr;
        t.accumulate = p > begin;
        t.descent = nullptr;
        multiplyPanels(t, vectors);
      }
    }
  }

  void addRuns(const Patch& patch, int64_t firstColumn, int64_t columns, int64_t firstChannel,
               int64_t channels, Gathering& gathering) const {
    gathering.clear();
    for (int64_t j = 0; j < columns;) {
      const Column c = column(firstColumn + j);
      const int64_t block = c.channel / kChannels * kChannels;
      const int64_t wide = std::min(block + kChannels, g.ins()) - c.channel;
      const int64_t count = std::min(wide, columns - j);
      const int64_t from = patch.offsetOf(tap(c.tap), channels) + c.channel - firstChannel;
      gathering.add({j, from, count});
      j += count;
    }
    gathering.finish();
  }

  /** dy of `depth` pixels from p on, in panels of kPanel channels. */
  void packGradient(int64_t group, int64_t p, int64_t depth, float* to) const {
    const int64_t plane = g.sight.rows * g.sight.columns, outs = g.outs();
    const int64_t channel = group * outs;
    withElement(g.sight.type, [&](auto element) {
      using E = decltype(element);
      float* rows = ownRows.atLeast(outs * depth);
      for (int64_t at = 0; at < depth;) {
        const int64_t image = (p + at) / plane, pixel = (p + at) % plane;
        const int64_t n = std::min(depth - at, plane - pixel);
        const E* from = g.dy.as<E>() + (image * g.outChannels + channel) * plane + pixel;
        for (int64_t o = 0; o < outs; ++o, from += plane) {
          float* row = rows + o * depth + at;
          for (int64_t i = 0; i < n; ++i) row[i] = math::toFloat(from[i]);
        }
        at += n;
      }
      packPanels(Matrix{DType::F32, rows, 1, depth}, depth, outs, ownColumns, to);
    });
  }

  /** dweight of output channels [row, rowEnd) of a group, columns of some strips. */
  void store(int64_t group, int64_t row, int64_t rowEnd, int64_t stripBegin,
             int64_t stripEnd) const {
    withElement(g.weightType, [&](auto element) {
      using E = decltype(element);
      for (int64_t s = stripBegin; s < stripEnd; ++s) {
        const int64_t columns = std::min(kStrip, k_ - s * kStrip);
        const int64_t width = ceilDivide(columns, kLanes) * kLanes;
        int64_t places[kStrip];
        for (int64_t j = 0; j < columns; ++j) {
          const Column c = column(s * kStrip + j);
          places[j] = c.channel * taps_ + tap(c.tap).element;
        }
        for (int64_t o = row; o < rowEnd; ++o) {
          E* to = g.dweight.as<E>() + (group * g.outs() + o) * k_;
          float total[kStrip] = {};
          for (int64_t slice = 0; slice < slices_; ++slice) {
            const float* from = sums(group, slice, s) + o * width;
            for (int64_t j = 0; j < columns; ++j) total[j] += from[j];
          }
          for (int64_t j = 0; j < columns; ++j) {
            const float before = g.accumulate ? math::toFloat(to[places[j]]) : 0;
            math::store(total[j] + before, to + places[j]);
          }
        }
      }
    });
  }

  const WeightGradient& g;
  const int64_t taps_, k_, strips_, mostSlices_, parts_, slices_;
  Scratch<float> sums_;
};

}  // namespace

void gradWeightInBlocks(Memory& memory, const WeightGradient& gradient) {
  if (gradient.ins() == 0 || gradient.outs() == 0) return;
  if (gradient.sight.pixels() > 0) return WeightBlocks(memory, gradient).run();
  if (gradient.accumulate) return;
  const int64_t taps = static_cast<int64_t>(gradient.sight.taps.size());
  std::memset(gradient.dweight.as<void>(), 0,
              static_cast<size_t>(gradient.outChannels * gradient.ins() * taps *
                                  byteSize(gradient.weightType)));
}

}  // namespace gradus
