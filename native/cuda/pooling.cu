// Pooling: a thread for each element of the output, and in gradients for each of the input, which
// looks for the windows that it lies in. Nothing is added by two threads, so sums have one order.
#include <limits>

#include "cuda/backend.h"
#include "cuda/device.h"
#include "cuda/launch.h"
#include "cuda/teams.h"

namespace gradus {

namespace {

/** One axis of what slides. */
struct Axis {
  int size, outSize, kernel, stride, padding, dilation;

  __device__ int start(int out) const { return out * stride - padding; }
  /** The windows that may have the element: those from first() on before end(). */
  __device__ int first(int in) const {
    const int past = in + padding - (kernel - 1) * dilation;
    return past <= 0 ? 0 : (past + stride - 1) / stride;
  }
  __device__ int end(int in) const {
    const int last = (in + padding) / stride + 1;
    return last < outSize ? last : outSize;
  }
  /** How many elements of a window count. */
  __device__ int count(int out, bool countPadding) const {
    const int from = start(out), to = from + kernel;
    const int begin = countPadding || from > 0 ? from : 0,
              limit = size + (countPadding ? padding : 0);
    return (to < limit ? to : limit) - begin;
  }
};

struct Sliding {
  Axis rows, columns;
  int64_t planes;
};

Axis axisOf(int64_t size, int64_t outSize, int64_t kernel, int64_t stride, int64_t padding,
            int64_t dilation) {
  return {static_cast<int>(size),   static_cast<int>(outSize), static_cast<int>(kernel),
          static_cast<int>(stride), static_cast<int>(padding), static_cast<int>(dilation)};
}

Sliding slidingOf(const Window& w) {
  return {axisOf(w.height(), w.outHeight(), w.kernelHeight(), w.strideHeight(), w.paddingHeight(),
                 w.dilationHeight()),
          axisOf(w.width(), w.outWidth(), w.kernelWidth(), w.strideWidth(), w.paddingWidth(),
                 w.dilationWidth()),
          w.batch() * w.channels()};
}

/** Where element i of planes (height, width) lies. */
template <class Index>
struct Place {
  __device__ Place(Index i, int height, int width) {
    const Index row = i / static_cast<Index>(width);
    plane = row / static_cast<Index>(height);
    x = static_cast<int>(i - row * static_cast<Index>(width));
    y = static_cast<int>(row - plane * static_cast<Index>(height));
  }
  Index plane;
  int y, x;
};

template <class Index, class E>
__global__ void maxPool(const E* x, E* y, int32_t* index, Sliding s, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place<Index> at(static_cast<Index>(i), s.rows.outSize, s.columns.outSize);
    const E* plane = x + static_cast<int64_t>(at.plane) * s.rows.size * s.columns.size;
    const int top = s.rows.start(at.y), left = s.columns.start(at.x);
    float best = -std::numeric_limits<float>::infinity();
    int place = -1;
    for (int j = 0; j < s.rows.kernel; ++j) {
      const int row = top + j * s.rows.dilation;
      if (row < 0 || row >= s.rows.size) continue;
      for (int k = 0; k < s.columns.kernel; ++k) {
        const int column = left + k * s.columns.dilation;
        if (column < 0 || column >= s.columns.size) continue;
        const float v = math::toFloat(plane[row * s.columns.size + column]);
        // A first NaN is kept, and so is the first element where all are -infinity.
        if (place < 0 || (!(v <= best) && best == best)) {
          best = v;
          place = row * s.columns.size + column;
        }
      }
    }
    math::store(best, y + i);
    index[i] = place;
  }
}

template <class Index, class E>
__global__ void maxPoolGrad(const E* dy, const int32_t* index, E* dx, Sliding s, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place<Index> at(static_cast<Index>(i), s.rows.size, s.columns.size);
    const int64_t plane = static_cast<int64_t>(at.plane) * s.rows.outSize * s.columns.outSize;
    const int place = at.y * s.columns.size + at.x;
    float sum = 0;
    for (int row = s.rows.first(at.y); row < s.rows.end(at.y); ++row) {
      for (int column = s.columns.first(at.x); column < s.columns.end(at.x); ++column) {
        const int64_t from = plane + row * s.columns.outSize + column;
        if (index[from] == place) sum += math::toFloat(dy[from]);
      }
    }
    math::store(sum, dx + i);
  }
}

template <class Index, class E>
__global__ void avgPool(const E* x, E* y, bool countPadding, Sliding s, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place<Index> at(static_cast<Index>(i), s.rows.outSize, s.columns.outSize);
    const E* plane = x + static_cast<int64_t>(at.plane) * s.rows.size * s.columns.size;
    const int top = s.rows.start(at.y), left = s.columns.start(at.x);
    float sum = 0;
    for (int j = 0; j < s.rows.kernel; ++j) {
      const int row = top + j;
      if (row < 0 || row >= s.rows.size) continue;
      for (int k = 0; k < s.columns.kernel; ++k) {
        const int column = left + k;
        if (column < 0 || column >= s.columns.size) continue;
        sum += math::toFloat(plane[row * s.columns.size + column]);
      }
    }
    const int count = s.rows.count(at.y, countPadding) * s.columns.count(at.x, countPadding);
    math::store(sum / static_cast<float>(count), y + i);
  }
}

template <class Index, class E>
__global__ void avgPoolGrad(const E* dy, E* dx, bool countPadding, Sliding s, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place<Index> at(static_cast<Index>(i), s.rows.size, s.columns.size);
    const int64_t plane = static_cast<int64_t>(at.plane) * s.rows.outSize * s.columns.outSize;
    float sum = 0;
    for (int row = s.rows.first(at.y); row < s.rows.end(at.y); ++row) {
      const int rows = s.rows.count(row, countPadding);
      for (int column = s.columns.first(at.x); column < s.columns.end(at.x); ++column) {
        const int count = rows * s.columns.count(column, countPadding);
        sum +=
            math::toFloat(dy[plane + row * s.columns.outSize + column]) / static_cast<float>(count);
      }
    }
    math::store(sum, dx + i);
  }
}

/** One axis that is shared out among the elements of the output. */
struct Shares {
  int size, outSize;

  __device__ int begin(int out) const { return static_cast<int>(int64_t{out} * size / outSize); }
  __device__ int end(int out) const {
    return static_cast<int>((int64_t{out + 1} * size + outSize - 1) / outSize);
  }
  /** The outputs that have the element: those from first() on, up to last(). */
  __device__ int first(int in) const { return static_cast<int>(int64_t{in} * outSize / size); }
  __device__ int last(int in) const {
    return static_cast<int>((int64_t{in + 1} * outSize - 1) / size);
  }
};

/** A team for each element of the output, as it may have a whole plane. */
template <class By, class E>
__global__ void adaptiveAvgPool(const E* x, E* y, Shares rows, Shares columns, int64_t n) {
  const int64_t i = By::index();
  float sum = 0;
  int count = 1;
  if (i < n) {
    const Place<int64_t> at(i, rows.outSize, columns.outSize);
    const E* plane = x + at.plane * rows.size * columns.size;
    const int top = rows.begin(at.y), left = columns.begin(at.x);
    const int width = columns.end(at.x) - left;
    count = (rows.end(at.y) - top) * width;
    for (int k = By::thread(); k < count; k += By::size()) {
      const int row = k / width, column = k - row * width;
      sum += math::toFloat(plane[(top + row) * columns.size + left + column]);
    }
  }
  sum = By::reduce(sum, 0.0f, Plus());
  if (i < n && By::thread() == 0) math::store(sum / static_cast<float>(count), y + i);
}

template <class Index, class E>
__global__ void adaptiveAvgPoolGrad(const E* dy, E* dx, Shares rows, Shares columns, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place<Index> at(static_cast<Index>(i), rows.size, columns.size);
    const int64_t plane = static_cast<int64_t>(at.plane) * rows.outSize * columns.outSize;
    float sum = 0;
    for (int row = rows.first(at.y); row <= rows.last(at.y); ++row) {
      const int height = rows.end(row) - rows.begin(row);
      for (int column = columns.first(at.x); column <= columns.last(at.x); ++column) {
        const int count = height * (columns.end(column) - columns.begin(column));
        sum +=
            math::toFloat(dy[plane + row * columns.outSize + column]) / static_cast<float>(count);
      }
    }
    math::store(sum, dx + i);
  }
}

/** Calls f(element, index) of the element's type and of a number that divides positions up to n. */
template <class F>
void withElements(DType t, int64_t n, F&& f) {
  withFloating(t, [&](auto element) { withCount(n, [&](auto index) { f(element, index); }); });
}

}  // namespace

void CudaBackend::addPooling() {
  maxPool2d = [this](Type t, In x, Out y, Out index, Window window) {
    const Sliding s = slidingOf(window);
    const int64_t n = s.planes * s.rows.outSize * s.columns.outSize;
    withElements(t, n, [&](auto element, auto count) {
      using E = decltype(element);
      launch(gpu_, "maxPool2d", gridFor(gpu_, n), maxPool<decltype(count), E>, x.as<E>(), y.as<E>(),
             index.as<int32_t>(), s, n);
    });
  };

  maxPool2dGrad = [this](Type t, In dy, In index, Out dx, Window window) {
    const Sliding s = slidingOf(window);
    const int64_t n = s.planes * s.rows.size * s.columns.size;
    withElements(t, n, [&](auto element, auto count) {
      using E = decltype(element);
      launch(gpu_, "maxPool2dGrad", gridFor(gpu_, n), maxPoolGrad<decltype(count), E>, dy.as<E>(),
             index.as<int32_t>(), dx.as<E>(), s, n);
    });
  };

  avgPool2d = [this](Type t, In x, Out y, bool countPadding, Window window) {
    const Sliding s = slidingOf(window);
    const int64_t n = s.planes * s.rows.outSize * s.columns.outSize;
    withElements(t, n, [&](auto element, auto count) {
      using E = decltype(element);
      launch(gpu_, "avgPool2d", gridFor(gpu_, n), avgPool<decltype(count), E>, x.as<E>(), y.as<E>(),
             countPadding, s, n);
    });
  };

  avgPool2dGrad = [this](Type t, In dy, Out dx, bool countPadding, Window window) {
    const Sliding s = slidingOf(window);
    const int64_t n = s.planes * s.rows.size * s.columns.size;
    withElements(t, n, [&](auto element, auto count) {
      using E = decltype(element);
      launch(gpu_, "avgPool2dGrad", gridFor(gpu_, n), avgPoolGrad<decltype(count), E>, dy.as<E>(),
             dx.as<E>(), countPadding, s, n);
    });
  };

  adaptiveAvgPool2d = [this](Type t, In x, Out y, int64_t planes, int64_t height, int64_t width,
                             int64_t outHeight, int64_t outWidth) {
    const Shares rows = {static_cast<int>(height), static_cast<int>(outHeight)};
    const Shares columns = {static_cast<int>(width), static_cast<int>(outWidth)};
    const int64_t n = planes * outHeight * outWidth;
    if (n == 0) return;
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      auto by = [&](auto team) {
        using By = decltype(team);
        launch(gpu_, "adaptiveAvgPool2d", By::over(n), adaptiveAvgPool<By, E>, x.as<E>(), y.as<E>(),
               rows, columns, n);
      };
      const int64_t each = (height * width) / (outHeight * outWidth);
      if (each < kWarp / 2) {
        by(Alone());
      } else if (each < kWarp * kWarp) {
        by(Warp());
      } else {
        by(Block());
      }
    });
  };

  adaptiveAvgPool2dGrad = [this](Type t, In dy, Out dx, int64_t planes, int64_t height,
                                 int64_t width, int64_t outHeight, int64_t outWidth) {
    const Shares rows = {static_cast<int>(height), static_cast<int>(outHeight)};
    const Shares columns = {static_cast<int>(width), static_cast<int>(outWidth)};
    const int64_t n = planes * height * width;
    withElements(t, n, [&](auto element, auto count) {
      using E = decltype(element);
      launch(gpu_, "adaptiveAvgPool2dGrad", gridFor(gpu_, n),
             adaptiveAvgPoolGrad<decltype(count), E>, dy.as<E>(), dx.as<E>(), rows, columns, n);
    });
  };
}

}  // namespace gradus
