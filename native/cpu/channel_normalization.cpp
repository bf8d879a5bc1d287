// A channel's elements lie apart, a run of `inner` in each example. A task has a tile of channels:
// one, or of short runs as many as lie side by side in a thousand elements, so that vectors are
// full. It goes over its tile for the statistics and again for what is made of them, which then
// comes from L2. Moments are taken around the mean of each block and merged, so that neither a
// large mean nor many elements cost digits.
#include <algorithm>
#include <cmath>

#include "cpu/backend.h"
#include "cpu/rows.h"

namespace gradus {

namespace {

struct Sizes {
  int64_t batch, channels, inner;

  int64_t each() const { return batch * inner; }  // elements of a channel
  int64_t all() const { return batch * channels * inner; }
  int64_t at(int64_t example, int64_t channel) const {
    return (example * channels + channel) * inner;
  }
};

constexpr int64_t kLong = 256;  // elements of a run that is worth a loop of its own
constexpr int64_t kMost = 512;  // columns of a tile of shorter ones
constexpr int64_t kRows = 64;   // examples of a tile whose columns are summed in float

/** The channels that each task has: by size alone. */
class Tiles {
 public:
  explicit Tiles(const Sizes& s) : channels_(s.channels) {
    const int64_t columns = std::clamp<int64_t>(s.channels * s.inner / 16, 64, kMost);
    group_ = isShort(s) ? std::max<int64_t>(1, columns / std::max<int64_t>(1, s.inner)) : 1;
    grain_ = s.all() <= kInline ? std::max<int64_t>(1, s.channels) : group_;
  }

  /** Whether tiles are several channels, whose values are spread over their columns. */
  static bool isShort(const Sizes& s) { return s.inner < kLong; }

  /** Calls tile(begin, end) with the channels of each. */
  template <class Tile>
  void run(Tile&& tile) const {
    pool().split(channels_, grain_, [&](int64_t begin, int64_t end) {
      for (; begin < end; begin += group_) tile(begin, std::min(begin + group_, end));
    });
  }

 private:
  int64_t channels_, group_, grain_;
};

/** A value that all columns share, where others have an array of them. */
struct Same {
  float value;
  float operator[](int64_t) const { return value; }
};

/** Each channel's value, at each of its columns. */
void spread(const float* values, int64_t channels, int64_t inner, float* columns) {
  for (int64_t c = 0; c < channels; ++c) {
    std::fill(columns + c * inner, columns + (c + 1) * inner, values[c]);
  }
}

double total(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

/** Of the elements seen so far: how many, their mean, and the squares around it (Chan et al.). */
struct Moments {
  double n = 0, mean = 0, squares = 0;

  /** Others, whose squares were taken around `centre`, which is nearly their mean. */
  void add(double count, double itsMean, float centre, double itsSquares) {
    const double off = itsMean - centre, d = itsMean - mean, sum = n + count;
    squares += itsSquares - count * off * off + d * d * n * (count / sum);
    mean += d * (count / sum);
    n = sum;
  }

  float rstd(double eps) const { return static_cast<float>(1 / std::sqrt(squares / n + eps)); }
};

/** Adds the moments of elements that lie side by side. */
void addMoments(DType t, In x, int64_t at, int64_t n, Moments* moments) {
  alignas(64) float xs[kBlock];
  blocks(at, at + n, [&](int64_t from, int64_t m) {
    const float* block = load(t, x, from, xs, m);
    const auto count = static_cast<double>(m);
    const double mean = rowTotal(m, [block](int64_t i, auto* v) { get(block + i, v); }) / count;
    const auto centre = static_cast<float>(mean);
    const double squares = rowTotal(m, [block, centre](int64_t i, auto* v) {
      get(block + i, v);
      *v -= centre;
      *v *= *v;
    });
    moments->add(count, mean, centre, squares);
  });
}

/** y = (x - mean) rstd weight + bias, each an array or Same. */
template <class Mean, class Column>
void normalize(const float* x, Mean mean, Mean rstd, Column weight, Column bias, float* y,
               int64_t n) {
  GRADUS_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean[i]) * rstd[i] * weight[i] + bias[i];
}

/** dx = (weight dy - meanG - (x - mean) slope) rstd, and + dx where it accumulates. */
template <class Mean, class Column>
void normalizeGrad(const float* dy, const float* x, Mean mean, Mean rstd, Column weight, Mean meanG,
                   Mean slope, const float* old, float* dx, int64_t n) {
  if (old != nullptr) {
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) {
      dx[i] = old[i] + (dy[i] * weight[i] - meanG[i] - (x[i] - mean[i]) * slope[i]) * rstd[i];
    }
  } else {
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) {
      dx[i] = (dy[i] * weight[i] - meanG[i] - (x[i] - mean[i]) * slope[i]) * rstd[i];
    }
  }
}

/** The sums of dy and of dy * normalized x over elements that lie side by side. */
struct GradSums {
  double g = 0, gx = 0;

  void add(const float* dy, const float* x, float mean, float rstd, int64_t n) {
    LaneSum gs, gxs;
    lanewise(n, [&](int64_t i, auto* kind, int slot) {
      std::remove_reference_t<decltype(*kind)> d, v;
      get(dy + i, &d);
      get(x + i, &v);
      gs.add(d, slot);
      gxs.add(d * ((v - mean) * rstd), slot);
    });
    g += gs.total();
    gx += gxs.total();
  }
};

/** What a gradient reads, and where it writes dx, if anywhere. */
struct GradBlocks {
  GradBlocks(DType t, In dy, In x, Out dx, bool accumulate, int64_t n)
      : type(t), dy(dy), x(x), dx(dx), accumulate(accumulate), writer(t, dx, accumulate ? 0 : n) {}

  /** Calls block(dy, x, at, n) for pieces of [begin, end), as floats. */
  template <class Block>
  void read(int64_t begin, int64_t end, Block&& block) {
    blocks(begin, end, [&](int64_t at, int64_t m) {
      block(load(type, dy, at, dys, m), load(type, x, at, xs, m), at, m);
    });
  }

  /** The same, with what dx is to be added to or null, and where it goes. */
  template <class Block>
  void write(int64_t begin, int64_t end, Block&& block) {
    read(begin, end, [&](const float* d, const float* from, int64_t at, int64_t m) {
      const float* old = accumulate ? load(type, dx, at, olds, m) : nullptr;
      block(d, from, old, writer.target(at), at, m);
      writer.flush(at, m);
    });
  }

  DType type;
  In dy, x;
  Out dx;
  bool accumulate;
  Writer writer;
  alignas(64) float dys[kBlock];
  alignas(64) float xs[kBlock];
  alignas(64) float olds[kBlock];
};

/** The parameters of channels as floats. */
struct Parameters {
  Parameters(Memory& memory, DType wt, In weight, In bias, int64_t channels)
      : weight(memory, wt, weight, channels, 1.0f), bias(memory, wt, bias, channels, 0.0f) {}
  const Parameter weight, bias;
};

/** Room for the values of tiles of short runs at their columns: `count` arrays. */
class Columns {
 public:
  Columns(Memory& memory, const Sizes& s, int64_t count)
      : size_(Tiles::isShort(s) ? s.channels * s.inner : 0),
        inner_(s.inner),
        floats_(memory, size_ * count) {}

  /** Those of the channels from there on. */
  float* at(int64_t array, int64_t channel) const {
    return floats_.data() + array * size_ + channel * inner_;
  }

 private:
  int64_t size_, inner_;
  Scratch<float> floats_;
};

/** y from means and reciprocal deviations, of the channels of a tile. */
void normalizeTile(DType t, In x, const Parameters& p, const float* mean, const float* rstd, Out y,
                   const Sizes& s, const Columns& columns, int64_t begin, int64_t end) {
  alignas(64) float xs[kBlock];
  Writer writer(t, y, s.all());
  const float *weights = p.weight, *biases = p.bias;
  auto blocksOf = [&](int64_t at, int64_t n, auto means, auto rstds, auto ws, auto bs) {
    blocks(at, at + n, [&](int64_t from, int64_t m) {
      normalize(load(t, x, from, xs, m), means, rstds, ws, bs, writer.target(from), m);
      writer.flush(from, m);
    });
  };
  if (!Tiles::isShort(s)) {
    for (int64_t c = begin; c < end; ++c) {
      for (int64_t b = 0; b < s.batch; ++b) {
        blocksOf(s.at(b, c), s.inner, Same{mean[c]}, Same{rstd[c]}, Same{weights[c]},
                 Same{biases[c]});
      }
    }
    return;
  }
  const float* values[] = {mean, rstd, weights, biases};
  const float* spreads[4];
  for (int k = 0; k < 4; ++k) {
    spread(values[k] + begin, end - begin, s.inner, columns.at(k, begin));
    spreads[k] = columns.at(k, begin);
  }
  for (int64_t b = 0; b < s.batch; ++b) {
    blocksOf(s.at(b, begin), (end - begin) * s.inner, spreads[0], spreads[1], spreads[2],
             spreads[3]);
  }
}

/** The moments of the channels of a tile of short runs. */
void columnMoments(DType t, In x, const Sizes& s, const Columns& columns, int64_t begin,
                   int64_t end, Moments* moments) {
  alignas(64) float xs[kBlock];
  const int64_t width = (end - begin) * s.inner;
  float *sums = columns.at(0, begin), *centres = columns.at(1, begin);
  for (int64_t first = 0; first < s.batch; first += kRows) {
    const int64_t last = std::min(first + kRows, s.batch);
    const auto count = static_cast<double>((last - first) * s.inner);
    std::fill(sums, sums + width, 0.0f);
    for (int64_t b = first; b < last; ++b) {
      const float* row = load(t, x, s.at(b, begin), xs, width);
      GRADUS_INDEPENDENT
      for (int64_t j = 0; j < width; ++j) sums[j] += row[j];
    }
    double means[kMost];
    for (int64_t c = 0; c < end - begin; ++c) {
      means[c] = total(sums + c * s.inner, s.inner) / count;
      const auto centre = static_cast<float>(means[c]);
      spread(&centre, 1, s.inner, centres + c * s.inner);
    }
    std::fill(sums, sums + width, 0.0f);
    for (int64_t b = first; b < last; ++b) {
      const float* row = load(t, x, s.at(b, begin), xs, width);
      GRADUS_INDEPENDENT
      for (int64_t j = 0; j < width; ++j) {
        const float d = row[j] - centres[j];
        sums[j] += d * d;
      }
    }
    for (int64_t c = 0; c < end - begin; ++c) {
      moments[c].add(count, means[c], centres[c * s.inner], total(sums + c * s.inner, s.inner));
    }
  }
}

/** The statistics that one batch leaves, and those of all. */
struct Statistics {
  float *mean, *rstd, *runningMean, *runningVariance;
  double momentum, eps;

  void keep(int64_t c, const Moments& m) const {
    mean[c] = static_cast<float>(m.mean);
    rstd[c] = m.rstd(eps);
    move(runningMean, c, m.mean);
    move(runningVariance, c, m.squares / std::max(m.n - 1, 1.0));
  }

  void move(float* running, int64_t c, double value) const {
    if (running == nullptr) return;
    running[c] = static_cast<float>(running[c] + momentum * (value - running[c]));
  }
};

/** The sums of dy and of dy * normalized x for the channels of a tile. */
void gradSums(GradBlocks& grad, const Sizes& s, const Columns& columns, const float* mean,
              const float* rstd, int64_t begin, int64_t end, GradSums* sums) {
  if (!Tiles::isShort(s)) {
    for (int64_t c = begin; c < end; ++c) {
      for (int64_t b = 0; b < s.batch; ++b) {
        grad.read(s.at(b, c), s.at(b, c) + s.inner,
                  [&](const float* dy, const float* x, int64_t, int64_t n) {
                    sums[c - begin].add(dy, x, mean[c], rstd[c], n);
                  });
      }
    }
    return;
  }
  const int64_t width = (end - begin) * s.inner;
  float *gs = columns.at(0, begin), *gxs = columns.at(1, begin);
  const float *means = columns.at(2, begin), *rstds = columns.at(3, begin);
  for (int64_t first = 0; first < s.batch; first += kRows) {
    std::fill(gs, gs + width, 0.0f);
    std::fill(gxs, gxs + width, 0.0f);
    for (int64_t b = first; b < std::min(first + kRows, s.batch); ++b) {
      grad.read(s.at(b, begin), s.at(b, begin) + width,
                [&](const float* dy, const float* x, int64_t, int64_t n) {
                  GRADUS_INDEPENDENT
                  for (int64_t j = 0; j < n; ++j) {
                    gs[j] += dy[j];
                    gxs[j] += dy[j] * ((x[j] - means[j]) * rstds[j]);
                  }
                });
    }
    for (int64_t c = 0; c < end - begin; ++c) {
      sums[c].g += total(gs + c * s.inner, s.inner);
      sums[c].gx += total(gxs + c * s.inner, s.inner);
    }
  }
}

/** dx of the channels of a tile, whose means and rstds are spread where runs are short. */
void gradTile(GradBlocks& grad, const Sizes& s, const Columns& columns, const float* weight,
              const float* mean, const float* rstd, int64_t begin, int64_t end,
              const GradSums* sums) {
  const auto each = static_cast<double>(s.each());
  auto meanG = [&](int64_t c) { return static_cast<float>(weight[c] * sums[c - begin].g / each); };
  auto slope = [&](int64_t c) {
    return static_cast<float>(weight[c] * sums[c - begin].gx * rstd[c] / each);
  };
  auto blocksOf = [&](int64_t at, int64_t n, auto means, auto rstds, auto ws, auto gs,
                      auto slopes) {
    grad.write(at, at + n,
               [&](const float* dy, const float* x, const float* old, float* dx, int64_t,
                   int64_t m) { normalizeGrad(dy, x, means, rstds, ws, gs, slopes, old, dx, m); });
  };
  if (!Tiles::isShort(s)) {
    for (int64_t c = begin; c < end; ++c) {
      for (int64_t b = 0; b < s.batch; ++b) {
        blocksOf(s.at(b, c), s.inner, Same{mean[c]}, Same{rstd[c]}, Same{weight[c]}, Same{meanG(c)},
                 Same{slope(c)});
      }
    }
    return;
  }
  const float *means = columns.at(2, begin), *rstds = columns.at(3, begin);
  float *gs = columns.at(0, begin), *slopes = columns.at(1, begin), *ws = columns.at(4, begin);
  for (int64_t c = begin; c < end; ++c) {
    const int64_t to = (c - begin) * s.inner;
    const float values[] = {meanG(c), slope(c), weight[c]};
    spread(values, 1, s.inner, gs + to);
    spread(values + 1, 1, s.inner, slopes + to);
    spread(values + 2, 1, s.inner, ws + to);
  }
  const float *constGs = gs, *constSlopes = slopes, *constWs = ws;
  for (int64_t b = 0; b < s.batch; ++b) {
    blocksOf(s.at(b, begin), (end - begin) * s.inner, means, rstds, constWs, constGs, constSlopes);
  }
}

}  // namespace

void CpuBackend::addChannelNormalization() {
  batchNorm = [this](Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd,
                     Out runningMean, Out runningVariance, Out batches, int64_t batch,
                     int64_t channels, int64_t inner, double momentum, double eps) {
    const Sizes s{batch, channels, inner};
    if (s.all() == 0) return;
    if (batches) ++*batches.as<int64_t>();
    if (momentum < 0) momentum = 1.0 / static_cast<double>(*batches.as<int64_t>());
    const Statistics statistics{mean.as<float>(),
                                rstd.as<float>(),
                                runningMean.as<float>(),
                                runningVariance.as<float>(),
                                momentum,
                                eps};
    const Parameters parameters(memory_, wt, weight, bias, channels);
    const Columns columns(memory_, s, 4);
    const Scratch<Moments> moments(memory_, channels);
    Tiles(s).run([&](int64_t begin, int64_t end) {
      Moments* own = moments.data() + begin;
      std::fill(own, own + (end - begin), Moments());
      if (Tiles::isShort(s)) {
        columnMoments(t, x, s, columns, begin, end, own);
      } else {
        for (int64_t b = 0; b < batch; ++b) addMoments(t, x, s.at(b, begin), inner, own);
      }
      for (int64_t c = begin; c < end; ++c) statistics.keep(c, own[c - begin]);
      normalizeTile(t, x, parameters, statistics.mean, statistics.rstd, y, s, columns, begin, end);
    });
  };

  batchNormApply = [this](Type t, In x, Type wt, In weight, In bias, In mean, In variance, Out y,
                          int64_t batch, int64_t channels, int64_t inner, double eps) {
    const Sizes s{batch, channels, inner};
    const Parameters parameters(memory_, wt, weight, bias, channels);
    const Columns columns(memory_, s, 4);
    const Scratch<float> rstd(memory_, channels);
    for (int64_t c = 0; c < channels; ++c) {
      rstd.data()[c] = static_cast<float>(1 / std::sqrt(variance.as<float>()[c] + eps));
    }
    Tiles(s).run([&](int64_t begin, int64_t end) {
      normalizeTile(t, x, parameters, mean.as<float>(), rstd.data(), y, s, columns, begin, end);
    });
  };

  batchNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                         bool accumulate, Out dweight, Out dbias, int64_t batch, int64_t channels,
                         int64_t inner) {
    const Sizes s{batch, channels, inner};
    const Parameter w(memory_, wt, weight, channels, 1.0f);
    const Columns columns(memory_, s, 5);
    const Scratch<GradSums> sums(memory_, channels);
    const Scratch<float> parameters(memory_, 2 * channels);
    const float *means = mean.as<float>(), *rstds = rstd.as<float>();
    Tiles(s).run([&](int64_t begin, int64_t end) {
      GradBlocks grad(t, dy, x, dx, accumulate, s.all());
      GradSums* own = sums.data() + begin;
      std::fill(own, own + (end - begin), GradSums());
      if (Tiles::isShort(s)) {
        spread(means + begin, end - begin, inner, columns.at(2, begin));
        spread(rstds + begin, end - begin, inner, columns.at(3, begin));
      }
      gradSums(grad, s, columns, means, rstds, begin, end, own);
      for (int64_t c = begin; c < end; ++c) {
        parameters.data()[c] = static_cast<float>(own[c - begin].gx);
        parameters.data()[channels + c] = static_cast<float>(own[c - begin].g);
      }
      if (dx) gradTile(grad, s, columns, w, means, rstds, begin, end, own);
    });
    if (dweight) narrow(wt, parameters.data(), dweight, 0, channels);
    if (dbias) narrow(wt, parameters.data() + channels, dbias, 0, channels);
  };

  groupNorm = [this](Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd,
                     int64_t batch, int64_t channels, int64_t groups, int64_t inner, double eps) {
    const Parameters parameters(memory_, wt, weight, bias, channels);
    const float *weights = parameters.weight, *biases = parameters.bias;
    const int64_t each = channels / groups, size = each * inner;
    if (size == 0) return;
    rowRanges(batch * groups, size, [&](int64_t begin, int64_t end) {
      alignas(64) float xs[kBlock];
      Writer writer(t, y, batch * channels * inner);
      for (int64_t row = begin; row < end; ++row) {
        Moments moments;
        addMoments(t, x, row * size, size, &moments);
        const auto centre = static_cast<float>(moments.mean);
        const float scale = moments.rstd(eps);
        mean.as<float>()[row] = centre;
        rstd.as<float>()[row] = scale;
        for (int64_t k = 0; k < each; ++k) {
          const int64_t c = row % groups * each + k, at = row * size + k * inner;
          blocks(at, at + inner, [&](int64_t from, int64_t m) {
            normalize(load(t, x, from, xs, m), Same{centre}, Same{scale}, Same{weights[c]},
                      Same{biases[c]}, writer.target(from), m);
            writer.flush(from, m);
          });
        }
      }
    });
  };

  groupNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                         bool accumulate, Out dweight, Out dbias, int64_t batch, int64_t channels,
                         int64_t groups, int64_t inner) {
    const Parameter w(memory_, wt, weight, channels, 1.0f);
    const float* weights = w;
    const int64_t each = channels / groups, size = each * inner;
    // An example's sums of dy * normalized x for each channel, then those of dy.
    const Scratch<float> sums(memory_, batch * channels * 2);
    rowRanges(batch * groups, size, [&](int64_t begin, int64_t end) {
      GradBlocks grad(t, dy, x, dx, accumulate, batch * channels * inner);
      for (int64_t row = begin; row < end; ++row) {
        const float centre = mean.as<float>()[row], scale = rstd.as<float>()[row];
        const int64_t first = row % groups * each;
        float* own = sums.data() + row / groups * channels * 2 + first;
        GradSums all;
        for (int64_t k = 0; k < each; ++k) {
          const int64_t at = row * size + k * inner;
          GradSums channel;
          grad.read(at, at + inner, [&](const float* d, const float* v, int64_t, int64_t m) {
            channel.add(d, v, centre, scale, m);
          });
          own[k] = static_cast<float>(channel.gx);
          own[channels + k] = static_cast<float>(channel.g);
          all.g += channel.g * weights[first + k];
          all.gx += channel.gx * weights[first + k];
        }
        if (!dx) continue;
        const Same meanG{static_cast<float>(all.g / static_cast<double>(size))};
        const Same slope{static_cast<float>(all.gx * scale / static_cast<double>(size))};
        for (int64_t k = 0; k < each; ++k) {
          const int64_t at = row * size + k * inner;
          grad.write(
              at, at + inner,
              [&](const float* d, const float* v, const float* old, float* to, int64_t, int64_t m) {
                normalizeGrad(d, v, Same{centre}, Same{scale}, Same{weights[first + k]}, meanG,
                              slope, old, to, m);
              });
        }
      }
    });
    if (dweight) sumChunks(sums.data(), batch, 2 * channels, wt, dweight, channels);
    if (dbias) sumChunks(sums.data() + channels, batch, 2 * channels, wt, dbias, channels);
  };
}

}  // namespace gradus
