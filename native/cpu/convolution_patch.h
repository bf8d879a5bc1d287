// The part of some images that a range of pixels sees, laid out with its padding as floats, so that
// the same tap of neighbouring pixels is found in neighbouring places, inside the images and out.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/convolution.h"
#include "cpu/gemm_pack.h"

namespace gradus {
namespace {

constexpr int64_t kSlack = 16;  // floats that may be read and written behind a patch or a strip

/** `count` floats that are neighbours in a patch and in the row of a strip. */
struct Run {
  int64_t to, from, count;
};

/** Where to copy a vector from, and to which column of a strip. */
struct Copy {
  int64_t to, from;
};

/** How the rows of a strip are gathered from a patch: row r from offset[r] on, by these copies. */
class Gathering {
 public:
  void clear() {
    copies_.clear();
    longest_ = 0;
    runs_.clear();
  }

  /** In the order of the columns. A copy may write more than it has to: the next one, or the next
   * row, writes over it. */
  void add(const Run& run) {
    if (!runs_.empty()) {
      Run& last = runs_.back();
      if (last.to + last.count == run.to && last.from + last.count == run.from) {
        last.count += run.count;
        return;
      }
    }
    runs_.push_back(run);
  }

  /** To be called when all were added. */
  void finish() {
    for (const Run& run : runs_) longest_ = std::max(longest_, run.count);
    const int64_t unit = this->unit();
    for (const Run& run : runs_) {
      for (int64_t i = 0; i < run.count; i += unit) {
        copies_.push_back({run.to + i, run.from + i});
      }
    }
  }

  void gather(const float* patch, const int64_t* offsets, int64_t rows, int64_t width,
              float* to) const {
    switch (unit()) {
      case 16:
        return gather<16>(patch, offsets, rows, width, to);
      case 8:
        return gather<8>(patch, offsets, rows, width, to);
      default:
        return gather<4>(patch, offsets, rows, width, to);
    }
  }

 private:
  int64_t unit() const { return longest_ > 8 ? 16 : longest_ > 4 ? 8 : 4; }

  template <int Unit>
  void gather(const float* patch, const int64_t* offsets, int64_t rows, int64_t width,
              float* to) const {
    const Copy* copies = copies_.data();
    const auto count = static_cast<int64_t>(copies_.size());
    for (int64_t r = 0; r < rows; ++r, to += width) {
      const float* from = patch + offsets[r];
      for (int64_t i = 0; i < count; ++i) {
        float unit[Unit];
        std::memcpy(unit, from + copies[i].from, sizeof(unit));
        std::memcpy(to + copies[i].to, unit, sizeof(unit));
      }
    }
  }

  std::vector<Copy> copies_;
  std::vector<Run> runs_;
  int64_t longest_ = 0;
};

/**
 * Rows of images one below the other. In the plain order a channel follows the other, and in a row
 * the columns with the same remainder by the stride lie side by side, as the same tap of
 * neighbouring pixels has the same. In the interleaved order the channels of a place lie side by
 * side.
 */
class Patch {
 public:
  Patch(const Sight& sight, bool interleaved) : s_(sight), interleaved_(interleaved) {
    for (const Tap& tap : s_.taps) {
      tapRows_.push_back(tap.row);
      firstColumn_ = std::min(firstColumn_, tap.column);
      lastColumn_ = std::max(lastColumn_, tap.column);
    }
    std::sort(tapRows_.begin(), tapRows_.end());
    tapRows_.erase(std::unique(tapRows_.begin(), tapRows_.end()), tapRows_.end());
  }

  /** Makes it that of pixels [begin, end), which are not none. */
  void place(int64_t begin, int64_t end) {
    firstLine_ = begin / s_.columns;
    const int64_t lastLine = (end - 1) / s_.columns;
    const bool one = firstLine_ == lastLine;
    gridColumn_ = one ? begin % s_.columns : 0;
    const int64_t columns = one ? end - begin : s_.columns;
    if (interleaved_) {
      phaseWidth_ = (columns - 1) * s_.strideWidth + lastColumn_ - firstColumn_ + 1;
      width_ = phaseWidth_;
    } else {
      phases_ = std::min(s_.strideWidth, lastColumn_ - firstColumn_ + 1);
      phaseWidth_ = columns + (lastColumn_ - firstColumn_) / s_.strideWidth;
      width_ = phases_ * phaseWidth_;
    }
    placeRows(lastLine);
  }

  /** Floats for so many channels. */
  int64_t size(int64_t channels) const {
    return channels * static_cast<int64_t>(lines_.size()) * width_ + kSlack;
  }
  /** From a channel to the next, in the plain order. */
  int64_t plane() const { return static_cast<int64_t>(lines_.size()) * width_; }

  /** Fills the padding of a patch in the plain order, which stays as it is while the patch does. */
  void clear(int64_t channels, float* to) const { std::fill_n(to, size(channels), 0.0f); }

  /** Copies `channels` channels from `first` on; in the plain order, into a patch that was cleared.
   */
  void fill(int64_t first, int64_t channels, Buffer& floats, float* to) const {
    withElement(s_.type, [&](auto element) {
      using E = decltype(element);
      if (interleaved_) {
        fillInterleaved<E>(first, channels, floats, to);
      } else {
        fillPlain<E>(first, channels, to);
      }
    });
  }

  /** The place of a tap relative to that of a pixel; `channels` in the interleaved order, else 1.
   */
  int64_t offsetOf(const Tap& tap, int64_t channels) const {
    const int64_t column = tap.column - firstColumn_;
    const int64_t row =
        spread_ ? std::lower_bound(tapRows_.begin(), tapRows_.end(), tap.row) - tapRows_.begin()
                : tap.row - tapRows_.front();
    if (interleaved_) return (row * width_ + column) * channels;
    return row * width_ + column % s_.strideWidth * phaseWidth_ + column / s_.strideWidth;
  }

  /** The place of a pixel that it was placed for. */
  int64_t offsetOf(int64_t pixel, int64_t channels) const {
    const int64_t line = pixel / s_.columns, column = pixel % s_.columns - gridColumn_;
    const int64_t row = starts_[static_cast<size_t>(line - firstLine_)];
    return (row * width_ + column * (interleaved_ ? s_.strideWidth : 1)) * channels;
  }

 private:
  /** A row of an image, or of padding. */
  struct Line {
    int64_t image, row;
  };

  /** Which rows of the images there are, once each or, where that is less, once for each tap. */
  void placeRows(int64_t lastLine) {
    const int64_t span = tapRows_.back() - tapRows_.front() + 1;
    const auto taps = static_cast<int64_t>(tapRows_.size());
    const int64_t perImage = std::min(s_.rows, lastLine - firstLine_ + 1);
    spread_ = perImage * taps < (perImage - 1) * s_.strideHeight + span;
    lines_.clear();
    starts_.clear();
    for (int64_t line = firstLine_; line <= lastLine; ++line) {
      const int64_t image = line / s_.rows, own = line % s_.rows * s_.strideHeight;
      if (spread_) {
        starts_.push_back(static_cast<int64_t>(lines_.size()));
        for (int64_t row : tapRows_) lines_.push_back({image, own + row});
      } else if (line == firstLine_ || line % s_.rows == 0) {
        starts_.push_back(static_cast<int64_t>(lines_.size()));
        addRows(image, own + tapRows_.front(), span);
      } else {
        starts_.push_back(starts_.back() + s_.strideHeight);
        const int64_t next = lines_.back().row + 1, end = own + tapRows_.back() + 1;
        addRows(image, next, end - next);
      }
    }
  }

  void addRows(int64_t image, int64_t first, int64_t count) {
    for (int64_t row = first; row < first + count; ++row) lines_.push_back({image, row});
  }

  template <class E>
  const E* rowOf(const Line& line, int64_t channel) const {
    return s_.x.as<E>() + ((line.image * s_.channels + channel) * s_.height + line.row) * s_.width;
  }

  bool isPadding(const Line& line) const { return line.row < 0 || line.row >= s_.height; }

  /** The input column of the leftmost place. */
  int64_t leftmost() const { return gridColumn_ * s_.strideWidth + firstColumn_; }

  /** Of each phase: which of its places are inside, and the input column of the first of them. */
  struct Span {
    int64_t begin, end, column;
  };
  Span spanOf(int64_t phase) const {
    const int64_t first = leftmost() + phase, step = s_.strideWidth;
    const int64_t begin = std::clamp<int64_t>((step - 1 - first) / step, 0, phaseWidth_);
    const int64_t inside = first >= s_.width ? 0 : (s_.width - 1 - first) / step + 1;
    return {begin, std::clamp(inside, begin, phaseWidth_), first + begin * step};
  }

  template <class E>
  void fillPlain(int64_t first, int64_t channels, float* to) const {
    const int64_t imageSize = s_.channels * s_.height * s_.width;
    for (int64_t channel = first; channel < first + channels; ++channel, to += plane()) {
      const E* from = s_.x.as<E>() + channel * s_.height * s_.width;
      for (int64_t phase = 0; phase < phases_; ++phase) {
        const Span span = spanOf(phase);
        const int64_t n = span.end - span.begin;
        if (n == 0) continue;
        float* place = to + phase * phaseWidth_ + span.begin;
        for (const Line& line : lines_) {
          if (!isPadding(line)) {
            copyRow(from + line.image * imageSize + line.row * s_.width + span.column,
                    s_.strideWidth, n, place);
          }
          place += width_;
        }
      }
    }
  }

  /** `n` elements of a row, `step` apart. */
  template <class E>
  static void copyRow(const E* from, int64_t step, int64_t n, float* to) {
    if constexpr (std::is_same_v<E, float>) {
      if (step == 1 && n >= 16) return copyUnits<16>(from, n, to);
      if (step == 1 && n >= 8) return copyUnits<8>(from, n, to);
      if (step == 1 && n >= 4) return copyUnits<4>(from, n, to);
    }
    if (step == 1) {
      for (int64_t i = 0; i < n; ++i) to[i] = math::toFloat(from[i]);
    } else if (step == 2) {
      for (int64_t i = 0; i < n; ++i) to[i] = math::toFloat(from[i * 2]);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = math::toFloat(from[i * step]);
    }
  }

  /** At least one unit; the last one may overlap that before it. */
  template <int Unit>
  static void copyUnits(const float* from, int64_t n, float* to) {
    float unit[Unit];
    for (int64_t i = 0; i + Unit <= n; i += Unit) {
      std::memcpy(unit, from + i, sizeof(unit));
      std::memcpy(to + i, unit, sizeof(unit));
    }
    std::memcpy(unit, from + n - Unit, sizeof(unit));
    std::memcpy(to + n - Unit, unit, sizeof(unit));
  }

  template <class E>
  void fillInterleaved(int64_t first, int64_t channels, Buffer& floats, float* to) const {
    const int64_t left = leftmost();
    const int64_t begin = std::clamp<int64_t>(-left, 0, width_);
    const int64_t end = std::clamp<int64_t>(s_.width - left, begin, width_);
    for (const Line& line : lines_) {
      if (isPadding(line) || begin == end) {
        std::fill_n(to, width_ * channels, 0.0f);
      } else {
        const E* from = rowOf<E>(line, first) + left + begin;
        std::fill_n(to, begin * channels, 0.0f);
        pack(Matrix{s_.type, from, 1, s_.height * s_.width}, end - begin, channels, channels,
             floats, to + begin * channels);
        std::fill_n(to + end * channels, (width_ - end) * channels, 0.0f);
      }
      to += width_ * channels;
    }
  }

  const Sight& s_;
  const bool interleaved_;
  std::vector<int64_t> tapRows_;  // in order, each once
  int64_t firstColumn_ = INT64_MAX, lastColumn_ = INT64_MIN;
  bool spread_ = false;  // rows stand there once for each tap
  int64_t firstLine_ = 0, gridColumn_ = 0;
  int64_t phases_ = 1, phaseWidth_ = 0, width_ = 0;
  std::vector<Line> lines_;
  std::vector<int64_t> starts_;  // of each row of the grid
};

}  // namespace
}  // namespace gradus
