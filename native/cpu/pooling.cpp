// Pooling goes plane by plane, and in it from one row of the output to the next, all columns of
// which go through their windows together, so that vectors are full.
#include <algorithm>
#include <limits>
#include <vector>

#include "cpu/backend.h"
#include "cpu/rows.h"

namespace gradus {

namespace {

struct Range {
  int64_t begin, end;
};

/** The columns of the output, of `outWidth`, at which the element of the window that lies `offset`
 * columns from its start, less the padding, is inside. */
Range columnsInside(int64_t offset, int64_t stride, int64_t width, int64_t outWidth) {
  const int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t end = offset >= width ? 0 : (width - 1 - offset) / stride + 1;
  return {std::min(begin, outWidth), std::max(std::min(end, outWidth), std::min(begin, outWidth))};
}

/** A plane of an input and of an output, and what slides over it. */
struct Pooling {
  explicit Pooling(const Window& w)
      : planes(w.batch() * w.channels()),
        height(w.height()),
        width(w.width()),
        outHeight(w.outHeight()),
        outWidth(w.outWidth()),
        kernelHeight(w.kernelHeight()),
        kernelWidth(w.kernelWidth()),
        strideHeight(w.strideHeight()),
        strideWidth(w.strideWidth()),
        paddingHeight(w.paddingHeight()),
        paddingWidth(w.paddingWidth()),
        dilationHeight(w.dilationHeight()),
        dilationWidth(w.dilationWidth()),
        inside{columnsInside(-paddingWidth, strideWidth, width, outWidth).begin,
               columnsInside(kernelWidth - 1 - paddingWidth, strideWidth, width, outWidth).end} {
    inside.end = std::max(inside.begin, inside.end);
  }

  int64_t size() const { return height * width; }
  int64_t outSize() const { return outHeight * outWidth; }

  int64_t planes, height, width, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight,
      strideWidth, paddingHeight, paddingWidth, dilationHeight, dilationWidth;
  Range inside;  // the columns of the output whose windows are, without dilation
};

/** Calls f with a stride that the compiler knows where it is a usual one: it then loads vectors and
 * sorts them. */
template <class F>
void withStride(int64_t stride, F&& f) {
  if (stride == 1) return f(std::integral_constant<int64_t, 1>());
  if (stride == 2) return f(std::integral_constant<int64_t, 2>());
  f(stride);
}

/** Planes that a task reads, as floats. */
class Planes {
 public:
  Planes(Memory& memory, DType t, In x, int64_t size)
      : type_(t), x_(x), size_(size), floats_(memory, t == DType::F32 ? 0 : size) {}

  const float* operator[](int64_t plane) const {
    return load(type_, x_, plane * size_, floats_.data(), size_);
  }

 private:
  DType type_;
  In x_;
  int64_t size_;
  Scratch<float> floats_;
};

/** Planes that a task adds to, cleared at first. */
class Sums {
 public:
  Sums(Memory& memory, DType t, Out y, int64_t size)
      : type_(t), y_(y), size_(size), floats_(memory, t == DType::F32 ? 0 : size) {}

  float* clear(int64_t plane) const {
    float* to = target(type_, y_, plane * size_, floats_.data());
    std::fill(to, to + size_, 0.0f);
    return to;
  }
  void flush(int64_t plane) const {
    gradus::flush(type_, floats_.data(), y_, plane * size_, size_);
  }

 private:
  DType type_;
  Out y_;
  int64_t size_;
  Scratch<float> floats_;
};

/** The largest of a window and where it stands; -1 where it has nothing inside. */
struct Largest {
  float value = -std::numeric_limits<float>::infinity();
  int32_t place = -1;

  /** The first of equals and the first NaN are kept. */
  void meet(float x, int64_t at) {
    if (place >= 0 && (x <= value || value != value)) return;
    value = x;
    place = static_cast<int32_t>(at);
  }
};

/** Any window, element by element. */
Largest largestOf(const Pooling& p, const float* x, int64_t row, int64_t column) {
  Largest largest;
  for (int64_t i = 0; i < p.kernelHeight; ++i) {
    const int64_t y = row * p.strideHeight - p.paddingHeight + i * p.dilationHeight;
    if (y < 0 || y >= p.height) continue;
    for (int64_t j = 0; j < p.kernelWidth; ++j) {
      const int64_t at = column * p.strideWidth - p.paddingWidth + j * p.dilationWidth;
      if (at >= 0 && at < p.width) largest.meet(x[y * p.width + at], y * p.width + at);
    }
  }
  return largest;
}

/** Windows side by side that lie inside, of which the first begins at x[at]. */
template <int kHeight, int kWidth, class Stride>
void largestInside(const float* x, int64_t width, Stride stride, int64_t at, float* y,
                   int32_t* index, int64_t n) {
  const auto first = static_cast<int32_t>(at), step = static_cast<int32_t>(stride);
  const auto down = static_cast<int32_t>(width);
  x += at;
  GRADUS_INDEPENDENT
  for (int32_t i = 0; i < static_cast<int32_t>(n); ++i) {
    const float* from = x + i * stride;
    const int32_t start = first + i * step;
    float best = from[0];
    int32_t place = start;
    for (int j = 0; j < kHeight; ++j) {
      for (int k = j == 0 ? 1 : 0; k < kWidth; ++k) {
        const float v = from[j * width + k];
        const bool keep = (v <= best) | (best != best);
        best = keep ? best : v;
        place = keep ? place : start + j * down + k;
      }
    }
    y[i] = best;
    index[i] = place;
  }
}

/** One row of the output: the usual windows in vectors, others and those at the edges one by one.
 */
template <class Stride>
void largestOfRow(const Pooling& p, const float* x, Stride stride, int64_t row, float* y,
                  int32_t* index) {
  auto oneByOne = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Largest largest = largestOf(p, x, row, i);
      y[i] = largest.value;
      index[i] = largest.place;
    }
  };
  const int64_t top = row * p.strideHeight - p.paddingHeight;
  const bool inner = top >= 0 && top + p.kernelHeight <= p.height;
  const Range columns = p.inside;
  if (!inner || p.dilationHeight > 1 || p.dilationWidth > 1) return oneByOne(0, p.outWidth);
  const int64_t at = top * p.width + columns.begin * stride - p.paddingWidth;
  const int64_t n = columns.end - columns.begin;
  float* best = y + columns.begin;
  int32_t* places = index + columns.begin;
  if (p.kernelHeight == 2 && p.kernelWidth == 2) {
    largestInside<2, 2>(x, p.width, stride, at, best, places, n);
  } else if (p.kernelHeight == 3 && p.kernelWidth == 3) {
    largestInside<3, 3>(x, p.width, stride, at, best, places, n);
  } else if (p.kernelHeight == 1 && p.kernelWidth == 2) {
    largestInside<1, 2>(x, p.width, stride, at, best, places, n);
  } else if (p.kernelHeight == 1 && p.kernelWidth == 3) {
    largestInside<1, 3>(x, p.width, stride, at, best, places, n);
  } else {
    return oneByOne(0, p.outWidth);
  }
  oneByOne(0, columns.begin);
  oneByOne(columns.end, p.outWidth);
}

/** What one row or column of averages is made of: where it begins and ends, and how many elements
 * count. */
struct Span {
  int64_t begin, end;
  float count;
};

/** The spans of an axis. */
class Spans {
 public:
  Spans(Memory& memory, int64_t outSize) : spans_(memory, outSize) {}

  /** Of a window that slides; padding counts as far as it reaches, or not at all. */
  void slide(int64_t size, int64_t outSize, int64_t kernel, int64_t stride, int64_t padding,
             bool countPadding) const {
    for (int64_t i = 0; i < outSize; ++i) {
      const int64_t start = i * stride - padding;
      const int64_t begin = std::max<int64_t>(start, 0), end = std::min(start + kernel, size);
      const int64_t counted =
          countPadding ? std::min(start + kernel, size + padding) - start : end - begin;
      spans_.data()[i] = {begin, end, static_cast<float>(counted)};
    }
  }

  /** Of the axis shared out among all. */
  void share(int64_t size, int64_t outSize) const {
    for (int64_t i = 0; i < outSize; ++i) {
      const int64_t begin = i * size / outSize, end = ((i + 1) * size + outSize - 1) / outSize;
      spans_.data()[i] = {begin, end, static_cast<float>(end - begin)};
    }
  }

  const Span& operator[](int64_t i) const { return spans_.data()[i]; }

 private:
  Scratch<Span> spans_;
};

/** Columns of averages whose windows slide. */
struct SlidingColumns {
  SlidingColumns(Memory& memory, const Pooling& p) : p(p), ranges(memory, p.kernelWidth) {
    for (int64_t j = 0; j < p.kernelWidth; ++j) {
      ranges.data()[j] = columnsInside(j - p.paddingWidth, p.strideWidth, p.width, p.outWidth);
    }
  }

  const Pooling& p;
  const Scratch<Range> ranges;  // of the output, at which each column of the kernel is inside

  template <class F>
  void each(F&& f) const {
    withStride(p.strideWidth, [&](auto stride) {
      for (int64_t j = 0; j < p.kernelWidth; ++j) {
        const Range r = ranges.data()[j];
        const int64_t offset = j - p.paddingWidth;
        f(r.begin, r.end - r.begin, r.begin * stride + offset, stride);
      }
    });
  }

  /** y = the sums of the columns of each window. */
  void gather(const float* x, float* y) const {
    std::fill(y, y + p.outWidth, 0.0f);
    each([&](int64_t out, int64_t n, int64_t in, auto stride) {
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) y[out + i] += x[in + i * stride];
    });
  }

  /** x += each window's y at its columns. */
  void scatter(const float* y, float* x) const {
    each([&](int64_t out, int64_t n, int64_t in, auto stride) {
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) x[in + i * stride] += y[out + i];
    });
  }
};

/** Columns of averages that have a span each. */
struct SpanColumns {
  const Spans& spans;
  int64_t outWidth;

  void gather(const float* x, float* y) const {
    for (int64_t i = 0; i < outWidth; ++i) {
      const Span& s = spans[i];
      y[i] = static_cast<float>(
          rowTotal(s.end - s.begin, [&](int64_t j, auto* v) { get(x + s.begin + j, v); }));
    }
  }

  void scatter(const float* y, float* x) const {
    for (int64_t i = 0; i < outWidth; ++i) {
      for (int64_t j = spans[i].begin; j < spans[i].end; ++j) x[j] += y[i];
    }
  }
};

/** The sizes of an average, and the spans of its axes. */
struct Average {
  Average(Memory& memory, int64_t planes, int64_t height, int64_t width, int64_t outHeight,
          int64_t outWidth)
      : memory(memory),
        planes(planes),
        height(height),
        width(width),
        outHeight(outHeight),
        outWidth(outWidth),
        rows(memory, outHeight),
        columns(memory, outWidth) {}

  /** Rows of a window are summed first, all columns at once, then columns. */
  template <class Columns>
  void run(DType t, In x, Out y, const Columns& columnsOf) const {
    const int64_t size = height * width;
    rowRanges(planes, size, [&](int64_t begin, int64_t end) {
      const Planes xs(memory, t, x, size);
      const Scratch<float> sum(memory, width), row(memory, t == DType::F32 ? 0 : outWidth);
      for (int64_t plane = begin; plane < end; ++plane) {
        const float* from = xs[plane];
        for (int64_t i = 0; i < outHeight; ++i) {
          const Span& span = rows[i];
          const float* first = from + span.begin * width;
          if (span.end - span.begin > 1) {
            add(first, first + width, sum.data());
            for (int64_t k = 2; k < span.end - span.begin; ++k) {
              add(sum.data(), first + k * width, sum.data());
            }
            first = sum.data();
          } else if (span.end <= span.begin) {
            std::fill(sum.data(), sum.data() + width, 0.0f);
            first = sum.data();
          }
          const int64_t at = (plane * outHeight + i) * outWidth;
          float* to = target(t, y, at, row.data());
          columnsOf.gather(first, to);
          divide(to, span, to);
          flush(t, to, y, at, outWidth);
        }
      }
    });
  }

  template <class Columns>
  void grad(DType t, In dy, Out dx, const Columns& columnsOf) const {
    const int64_t size = height * width;
    rowRanges(planes, size, [&](int64_t begin, int64_t end) {
      const Planes dys(memory, t, dy, outHeight * outWidth);
      const Sums dxs(memory, t, dx, size);
      const Scratch<float> sum(memory, width), shares(memory, outWidth);
      for (int64_t plane = begin; plane < end; ++plane) {
        const float* from = dys[plane];
        float* to = dxs.clear(plane);
        for (int64_t i = 0; i < outHeight; ++i) {
          const Span& span = rows[i];
          divide(from + i * outWidth, span, shares.data());
          std::fill(sum.data(), sum.data() + width, 0.0f);
          columnsOf.scatter(shares.data(), sum.data());
          for (int64_t k = span.begin; k < span.end; ++k) {
            add(to + k * width, sum.data(), to + k * width);
          }
        }
        dxs.flush(plane);
      }
    });
  }

  void add(const float* a, const float* b, float* y) const {
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < width; ++i) y[i] = a[i] + b[i];
  }

  void divide(const float* x, const Span& row, float* y) const {
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < outWidth; ++i) y[i] = x[i] / (row.count * columns[i].count);
  }

  Memory& memory;
  int64_t planes, height, width, outHeight, outWidth;
  Spans rows, columns;
};

/** Calls f with an average whose windows slide, and its columns. */
template <class F>
void sliding(Memory& memory, const Pooling& p, bool countPadding, F&& f) {
  const Average average(memory, p.planes, p.height, p.width, p.outHeight, p.outWidth);
  average.rows.slide(p.height, p.outHeight, p.kernelHeight, p.strideHeight, p.paddingHeight,
                     countPadding);
  average.columns.slide(p.width, p.outWidth, p.kernelWidth, p.strideWidth, p.paddingWidth,
                        countPadding);
  f(average, SlidingColumns(memory, p));
}

}  // namespace

void CpuBackend::addPooling() {
  maxPool2d = [this](Type t, In x, Out y, Out index, Window window) {
    const Pooling p(window);
    rowRanges(p.planes, p.size(), [&](int64_t begin, int64_t end) {
      const Planes xs(memory_, t, x, p.size());
      const Scratch<float> best(memory_, t == DType::F32 ? 0 : p.outWidth);
      for (int64_t plane = begin; plane < end; ++plane) {
        const float* from = xs[plane];
        for (int64_t row = 0; row < p.outHeight; ++row) {
          const int64_t at = plane * p.outSize() + row * p.outWidth;
          float* to = target(t, y, at, best.data());
          withStride(p.strideWidth, [&](auto stride) {
            largestOfRow(p, from, stride, row, to, index.as<int32_t>() + at);
          });
          flush(t, to, y, at, p.outWidth);
        }
      }
    });
  };

  maxPool2dGrad = [this](Type t, In dy, In index, Out dx, Window window) {
    const Pooling p(window);
    rowRanges(p.planes, p.size(), [&](int64_t begin, int64_t end) {
      const Planes dys(memory_, t, dy, p.outSize());
      const Sums dxs(memory_, t, dx, p.size());
      for (int64_t plane = begin; plane < end; ++plane) {
        const float* from = dys[plane];
        const int32_t* places = index.as<int32_t>() + plane * p.outSize();
        float* to = dxs.clear(plane);
        for (int64_t i = 0; i < p.outSize(); ++i) {
          if (places[i] >= 0) to[places[i]] += from[i];
        }
        dxs.flush(plane);
      }
    });
  };

  avgPool2d = [this](Type t, In x, Out y, bool countPadding, Window window) {
    const Pooling p(window);
    sliding(memory_, p, countPadding, [&](const Average& average, const SlidingColumns& columns) {
      average.run(t, x, y, columns);
    });
  };

  avgPool2dGrad = [this](Type t, In dy, Out dx, bool countPadding, Window window) {
    const Pooling p(window);
    sliding(memory_, p, countPadding, [&](const Average& average, const SlidingColumns& columns) {
      average.grad(t, dy, dx, columns);
    });
  };

  adaptiveAvgPool2d = [this](Type t, In x, Out y, int64_t planes, int64_t height, int64_t width,
                             int64_t outHeight, int64_t outWidth) {
    const Average average(memory_, planes, height, width, outHeight, outWidth);
    average.rows.share(height, outHeight);
    average.columns.share(width, outWidth);
    average.run(t, x, y, SpanColumns{average.columns, outWidth});
  };

  adaptiveAvgPool2dGrad = [this](Type t, In dy, Out dx, int64_t planes, int64_t height,
                                 int64_t width, int64_t outHeight, int64_t outWidth) {
    const Average average(memory_, planes, height, width, outHeight, outWidth);
    average.rows.share(height, outHeight);
    average.columns.share(width, outWidth);
    average.grad(t, dy, dx, SpanColumns{average.columns, outWidth});
  };
}

}  // namespace gradus
