// The three products of a convolution: y of x and the weights, x of y and the weights, the weights
// of x and y.
#include "cpu/convolution.h"

#include <algorithm>

#include "cpu/backend.h"
#include "cpu/rows.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

/** Weights as floats, for the length of a call. */
class Floats {
 public:
  Floats(Memory& memory, DType t, In x, int64_t n) : own_(memory, t == DType::F32 ? 0 : n) {
    floats_ = t == DType::F32 ? x.as<float>() : own_.data();
    if (t == DType::F32 || !x) return;
    ranges(n, [&](int64_t begin, int64_t end) {
      widen(t, x, begin, 1, own_.data() + begin, end - begin);
    });
  }
  operator const float*() const { return floats_; }

 private:
  Scratch<float> own_;
  const float* floats_;
};

/** What the pixels of y see of x. */
Sight sightOf(DType t, In x, const Window& w) {
  Sight sight{t,
              x,
              w.batch(),
              w.channels(),
              w.height(),
              w.width(),
              w.outHeight(),
              w.outWidth(),
              w.strideHeight(),
              w.strideWidth(),
              {}};
  for (int64_t i = 0; i < w.kernelHeight(); ++i) {
    for (int64_t j = 0; j < w.kernelWidth(); ++j) {
      sight.taps.push_back({i * w.dilationHeight() - w.paddingHeight(),
                            j * w.dilationWidth() - w.paddingWidth(), i * w.kernelWidth() + j});
    }
  }
  return sight;
}

int64_t kernelSize(const Window& w) { return w.kernelHeight() * w.kernelWidth(); }
int64_t insOf(const Window& w) { return w.channels() / w.groups(); }
int64_t outsOf(const Window& w) { return w.outChannels() / w.groups(); }

/**
 * Where along an axis the elements `phase`, phase + stride, ... of x see y: element k of the kernel
 * lies on y at (place * stride + phase + padding - k * dilation) / stride where that is whole.
 */
bool sees(int64_t phase, int64_t k, int64_t stride, int64_t padding, int64_t dilation,
          int64_t* offset) {
  const int64_t at = phase + padding - k * dilation;
  *offset = at / stride;
  return at % stride == 0;
}

/** What the pixels of x in the phase of (row, column) see of y. */
Sight sightOfPhase(DType t, In dy, const Window& w, int64_t row, int64_t column) {
  Sight sight{t,
              dy,
              w.batch(),
              w.outChannels(),
              w.outHeight(),
              w.outWidth(),
              (w.height() - row + w.strideHeight() - 1) / w.strideHeight(),
              (w.width() - column + w.strideWidth() - 1) / w.strideWidth(),
              1,
              1,
              {}};
  Tap tap;
  for (int64_t i = 0; i < w.kernelHeight(); ++i) {
    if (!sees(row, i, w.strideHeight(), w.paddingHeight(), w.dilationHeight(), &tap.row)) continue;
    for (int64_t j = 0; j < w.kernelWidth(); ++j) {
      if (!sees(column, j, w.strideWidth(), w.paddingWidth(), w.dilationWidth(), &tap.column)) {
        continue;
      }
      tap.element = i * w.kernelWidth() + j;
      sight.taps.push_back(tap);
    }
  }
  return sight;
}

/** Whether groups are so small that a product of blocks would be mostly empty. */
bool isDirect(int64_t groups, int64_t ins, int64_t outs) {
  constexpr int64_t kFew = 4;
  return groups > 1 && ins * outs <= kFew;
}

void correlate(Memory& memory, const Correlation& c) {
  isDirect(c.groups, c.ins(), c.outs()) ? correlateDirectly(c) : correlateInBlocks(memory, c);
}

void gradWeight(Memory& memory, const WeightGradient& g) {
  isDirect(g.groups, g.ins(), g.outs()) ? gradWeightDirectly(g) : gradWeightInBlocks(memory, g);
}

}  // namespace

void CpuBackend::addConvolution() {
  conv2d = [this](Type t, In x, Type wt, In weight, In bias, Out y, Window w) {
    const int64_t size = kernelSize(w), ins = insOf(w), outs = outsOf(w);
    const Floats weights(memory_, wt, weight, w.outChannels() * ins * size);
    const Parameter biases(memory_, wt, bias, w.outChannels(), 0.0f);
    correlate(memory_, {sightOf(t, x, w),
                        w.groups(),
                        {weights, outs * ins * size, ins * size, size},
                        biases,
                        {t, y, w.outChannels(), w.outHeight(), w.outWidth(), 0, 0, 1, 1},
                        false});
  };

  conv2dGradInput = [this](Type t, In dy, Type wt, In weight, In bias, Out dx, bool accumulate,
                           Window w) {
    const int64_t size = kernelSize(w), ins = insOf(w), outs = outsOf(w);
    const Floats weights(memory_, wt, weight, w.outChannels() * ins * size);
    const Parameter biases(memory_, wt, bias, w.channels(), 0.0f);
    for (int64_t row = 0; row < std::min(w.strideHeight(), w.height()); ++row) {
      for (int64_t column = 0; column < std::min(w.strideWidth(), w.width()); ++column) {
        correlate(memory_, {sightOfPhase(t, dy, w, row, column),
                            w.groups(),
                            {weights, outs * ins * size, size, ins * size},
                            biases,
                            {t, dx, w.channels(), w.height(), w.width(), row, column,
                             w.strideHeight(), w.strideWidth()},
                            accumulate});
      }
    }
  };

  conv2dGradWeight = [this](Type t, In x, In dy, Type wt, Out dweight, bool accumulate, Window w) {
    gradWeight(memory_,
               {sightOf(t, x, w), w.groups(), dy, w.outChannels(), wt, dweight, accumulate});
  };

  channelSums = [this](Type t, In x, Type yType, Out y, int64_t batch, int64_t channels,
                       int64_t inner, bool accumulate) {
    const Scratch<double> sums(memory_, batch * channels);
    rowRanges(batch * channels, inner, [&](int64_t begin, int64_t end) {
      RowReader planes(t, x, inner);
      for (int64_t plane = begin; plane < end; ++plane) {
        const float* row = planes[plane];
        sums.data()[plane] = rowTotal(inner, [row](int64_t i, auto* v) { get(row + i, v); });
      }
    });
    for (int64_t channel = 0; channel < channels; ++channel) {
      double total = accumulate ? loadOne(yType, y, channel) : 0;
      for (int64_t i = 0; i < batch; ++i) total += sums.data()[i * channels + channel];
      const auto sum = static_cast<float>(total);
      narrow(yType, &sum, y, channel, 1);
    }
  };
}

}  // namespace gradus
