// A convolution is the product of its weights (channels of y, k) and a matrix (k, pixels), where k
// counts input channels and taps. That matrix never stands in memory: a task copies what its pixels
// see of some channels, padded, to where it stays in L1 or L2, and packs strips as wide as a tile
// from there. The pixels of all images are one row, so that small images fill the tiles too.
#include <algorithm>

#include "cpu/convolution.h"
#include "cpu/convolution_patch.h"
#include "cpu/gemm_buffer.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"
#include "cpu/pool.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

constexpr int64_t kStrip = kStripVectors * kLanes;
constexpr int64_t kDepth = 192;       // of k: a strip of it leaves room in L1
constexpr int64_t kWhole = 256;       // k up to here is one depth
constexpr int64_t kResult = 1 << 15;  // floats of y that a task has in L2
constexpr int64_t kTasks = 16;        // enough to be shared out evenly
constexpr int64_t kFewRows = 128;     // channels of y for which a strip is packed again
constexpr int64_t kManyRows = 512;    // of which the weights of a depth stay in L2
constexpr int64_t kLongRow = 4 * kStrip;
constexpr int64_t kPackWork = 1 << 14;  // weights that a task packs

int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }

thread_local Buffer ownPatch, ownStrip, ownSums, ownColumns;

class Blocks {
 public:
  Blocks(Memory& memory, const Correlation& correlation)
      : c(correlation),
        taps_(static_cast<int64_t>(c.sight.taps.size())),
        k_(c.ins() * taps_),
        panels_(ceilDivide(c.outs(), kPanel)),
        weights_(memory, c.groups * panels_ * kPanel * k_) {
    if (k_ <= kWhole) {
      depth_ = k_;
    } else if (taps_ <= kDepth) {  // whole channels, about as many at a time
      const int64_t most = kDepth / taps_;
      depth_ = ceilDivide(c.ins(), ceilDivide(c.ins(), most)) * taps_;
    } else {
      depth_ = ceilDivide(k_, ceilDivide(k_, kDepth));
    }
    // Long rows one by one, or all pixels as one row.
    const bool isLong = c.sight.columns >= kLongRow;
    length_ = isLong ? c.sight.columns : c.sight.pixels();
    lengths_ = isLong ? c.sight.batch * c.sight.rows : 1;
    vectors_ = ceilDivide(length_, kLanes);
    strips_ = ceilDivide(vectors_, kStripVectors);
    const int64_t rows = std::clamp<int64_t>(c.outs(), kPanel, kFewRows);
    parts_ = ceilDivide(strips_, std::max<int64_t>(kResult / (rows * kStrip), 4));
    const int64_t tasks = c.groups * lengths_ * parts_;
    chunks_ = std::max(std::min(ceilDivide(kTasks, tasks), c.outs() / kFewRows),
                       ceilDivide(c.outs(), kManyRows));
  }

  void run() {
    packWeights();
    const int64_t tasks = c.groups * lengths_ * parts_ * chunks_;
    pool().run(tasks, [&](int64_t task) {
      const int64_t chunk = task % chunks_, rest = task / chunks_;
      const int64_t part = rest % parts_, group = rest / parts_ / lengths_;
      const int64_t begin = panels_ * chunk / chunks_, end = panels_ * (chunk + 1) / chunks_;
      multiply(group, begin * kPanel, std::min(end * kPanel, c.outs()),
               rest / parts_ % lengths_ * length_, strips_ * part / parts_,
               strips_ * (part + 1) / parts_);
    });
  }

 private:
  struct Strip {
    int64_t begin, end, vectors;
    int64_t width() const { return vectors * kLanes; }
  };

  /** Strips differ by at most one vector; their pixels count from `first` on. */
  Strip strip(int64_t first, int64_t s) const {
    const int64_t begin = s * vectors_ / strips_, end = (s + 1) * vectors_ / strips_;
    return {first + begin * kLanes, first + std::min(end * kLanes, length_), end - begin};
  }

  int64_t depthAt(int64_t l) const { return std::min(depth_, k_ - l); }

  /** Depth by depth; in each, panels of kPanel output channels. */
  const float* weights(int64_t group, int64_t row, int64_t l) const {
    return weights_.data() + (group * k_ + l) * panels_ * kPanel + row * depthAt(l);
  }

  void packWeights() {
    if (k_ == 0) return;
    const int64_t blocks = ceilDivide(k_, depth_);
    const int64_t perTask = std::max<int64_t>(kPackWork / (kPanel * depth_), 1);
    const int64_t pieces = ceilDivide(panels_, perTask);
    const bool inOrder = c.weights.inStride == taps_;
    pool().run(c.groups * blocks * pieces, [&](int64_t task) {
      const int64_t l = task / pieces % blocks * depth_, group = task / pieces / blocks;
      const int64_t first = task % pieces * perTask * kPanel;
      const int64_t rows = std::min(perTask * kPanel, c.outs() - first), k = depthAt(l);
      float* to = const_cast<float*>(weights(group, first, l));
      const float* from =
          c.weights.data + group * c.weights.groupStride + first * c.weights.outStride;
      if (inOrder) {
        const Matrix x{DType::F32, from + l, 1, c.weights.outStride};
        packPanels(x, k, rows, ownColumns, to);
      } else {
        for (int64_t row = 0; row < rows; row += kPanel) {
          packPanel(from + row * c.weights.outStride, std::min<int64_t>(kPanel, rows - row), l, k,
                    to + row * k);
        }
      }
    });
  }

  void packPanel(const float* from, int64_t rows, int64_t l, int64_t k, float* to) const {
    int64_t channel = l / taps_, tap = l % taps_;
    for (int64_t at = 0; at < k; ++at, to += kPanel) {
      const float* x =
          from + channel * c.weights.inStride + c.sight.taps[static_cast<size_t>(tap)].element;
      for (int64_t r = 0; r < kPanel; ++r) to[r] = r < rows ? x[r * c.weights.outStride] : 0;
      if (++tap == taps_) {
        tap = 0;
        ++channel;
      }
    }
  }

  /** Output channels [row, rowEnd) of a group, at some strips of the pixels from `first` on. */
  void multiply(int64_t group, int64_t row, int64_t rowEnd, int64_t first, int64_t stripBegin,
                int64_t stripEnd) const {
    const int64_t rows = rowEnd - row, strips = stripEnd - stripBegin;
    float* sums = ownSums.atLeast(strips * rows * kStrip);
    if (k_ == 0) {
      std::fill_n(sums, strips * rows * kStrip, 0.0f);
    } else {
      Patch patch(c.sight, false);
      patch.place(strip(first, stripBegin).begin, strip(first, stripEnd - 1).end);
      std::vector<Gathering> gatherings(static_cast<size_t>(strips));
      for (int64_t s = 0; s < strips; ++s) {
        addRuns(patch, strip(first, stripBegin + s), gatherings[static_cast<size_t>(s)]);
      }
      std::vector<int64_t> offsets(static_cast<size_t>(depth_));
      float* own = ownStrip.atLeast(kStrip * depth_ + kSlack);
      const int64_t most = std::min(c.ins(), ceilDivide(depth_, taps_) + 1);
      float* seen = ownPatch.atLeast(patch.size(most));
      patch.clear(most, seen);
      for (int64_t l = 0; l < k_; l += depth_) {
        const int64_t k = depthAt(l), channel = l / taps_, end = ceilDivide(l + k, taps_);
        patch.fill(group * c.ins() + channel, end - channel, ownColumns, seen);
        for (int64_t at = 0; at < k; ++at) {
          offsets[static_cast<size_t>(at)] =
              ((l + at) / taps_ - channel) * patch.plane() +
              patch.offsetOf(c.sight.taps[static_cast<size_t>((l + at) % taps_)], 1);
        }
        for (int64_t s = 0; s < strips; ++s) {
          const int64_t vectors = strip(first, stripBegin + s).vectors;
          gatherings[static_cast<size_t>(s)].gather(seen, offsets.data(), k, vectors * kLanes, own);
          Panels t;
          t.rows = rows;
          t.k = k;
          t.a = weights(group, row, l);
          t.b = own;
          t.y = sums + s * rows * kStrip;
          t.yRow = vectors * kLanes;
          t.bias = nullptr;
          t.accumulate = l > 0;
          t.descent = nullptr;
          multiplyPanels(t, vectors);
        }
      }
    }
    for (int64_t s = 0; s < strips; ++s) {
      store(sums + s * rows * kStrip, group * c.outs() + row, rows, strip(first, stripBegin + s));
    }
  }

  void addRuns(const Patch& patch, const Strip& s, Gathering& gathering) const {
    for (int64_t p = s.begin; p < s.end;) {
      const int64_t end = std::min(s.end, (p / c.sight.columns + 1) * c.sight.columns);
      gathering.add({p - s.begin, patch.offsetOf(p, 1), end - p});
      p = end;
    }
    gathering.finish();
  }

  void store(const float* sums, int64_t channel, int64_t rows, const Strip& s) const {
    withElement(c.grid.type, [&](auto element) {
      using E = decltype(element);
      const Grid& g = c.grid;
      // Where the grid is the whole image its rows follow each other.
      const bool whole = g.columnStep == 1 && g.rowStep == 1 && g.width == c.sight.columns &&
                         g.height == c.sight.rows;
      const int64_t run = whole ? c.sight.rows * c.sight.columns : c.sight.columns;
      for (int64_t p = s.begin; p < s.end;) {
        const int64_t end = std::min(s.end, (p / run + 1) * run);
        const int64_t line = p / c.sight.columns;
        const int64_t image = line / c.sight.rows;
        const int64_t y = g.firstRow + line % c.sight.rows * g.rowStep;
        const int64_t x = g.firstColumn + p % c.sight.columns * g.columnStep;
        const int64_t plane = g.height * g.width;
        E* to = g.y.as<E>() + (image * g.channels + channel) * plane + y * g.width + x;
        storeRun(sums + p - s.begin, s.width(), channel, rows, end - p, to, plane);
        p = end;
      }
    });
  }

  template <class E>
  void storeRun(const float* sums, int64_t width, int64_t channel, int64_t rows, int64_t n, E* to,
                int64_t plane) const {
    const int64_t step = c.grid.columnStep;
    for (int64_t r = 0; r < rows; ++r, sums += width, to += plane) {
      const float add = c.bias == nullptr ? 0 : c.bias[channel + r];
      if (c.accumulate) {
        for (int64_t i = 0; i < n; ++i) {
          math::store(sums[i] + add + math::toFloat(to[i * step]), to + i * step);
        }
      } else if (step == 1) {
        for (int64_t i = 0; i < n; ++i) math::store(sums[i] + add, to + i);
      } else {
        for (int64_t i = 0; i < n; ++i) math::store(sums[i] + add, to + i * step);
      }
    }
  }

  const Correlation& c;
  const int64_t taps_, k_, panels_;
  int64_t depth_, length_, lengths_, vectors_, strips_, parts_, chunks_;
  Scratch<float> weights_;
};

}  // namespace

void correlateInBlocks(Memory& memory, const Correlation& correlation) {
  if (correlation.sight.pixels() == 0 || correlation.grid.channels == 0) return;
  Blocks(memory, correlation).run();
}

}  // namespace gradus
