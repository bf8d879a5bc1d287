// Convolutions by matrix products. What the pixels of some images see is written out as a matrix
// (channels and taps, pixels of all these images), so that small images make large products too,
// and what a product gives is laid back. With one input channel in each group there is nothing to
// multiply in blocks, and kernels sum up what they see.
#include <algorithm>

#include "cuda/backend.h"
#include "cuda/convolution.h"
#include "cuda/reductions.h"
#include "cuda/rows.h"

namespace gradus {

namespace {

constexpr int64_t kColumns = int64_t{1} << 25;  // elements of the matrix at a time

/** y = x as another type. */
template <class E, class Y>
__global__ void convert(const E* x, Y* y, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount())
    math::store(math::toFloat(x[i]), y + i);
}

/** Parameters in the type of the activations. */
class Weights {
 public:
  Weights(Gpu& gpu, DType from, In x, DType wanted, int64_t n)
      : scratch_(gpu.memory(), from == wanted ? 0 : n * byteSize(wanted)),
        address_(from == wanted ? x : In(scratch_.data())) {
    if (from == wanted) return;
    withFloating(from, [&](auto element) {
      withFloating(wanted, [&](auto result) {
        using E = decltype(element);
        using Y = decltype(result);
        launch(gpu, "conv2d", gridFor(gpu, n), convert<E, Y>, x.as<E>(),
               reinterpret_cast<Y*>(scratch_.data()), n);
      });
    });
  }
  operator In() const { return address_; }

 private:
  const Scratch<char> scratch_;
  const In address_;
};

/** columns (channels, taps, images, outHeight, outWidth) = what the pixels of y see of x. */
template <class Count, class E>
__global__ void spread(const E* x, E* columns, Sliding s, int64_t images, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Count at = static_cast<Count>(i), width = static_cast<Count>(s.outWidth);
    const Count line = at / width, rest = line / static_cast<Count>(s.outHeight);
    const Count k = rest / static_cast<Count>(images);
    const Count channel = k / static_cast<Count>(s.taps());
    const int64_t tap = k - channel * static_cast<Count>(s.taps());
    const int64_t image = rest - k * static_cast<Count>(images);
    const int64_t oh = line - rest * static_cast<Count>(s.outHeight), ow = at - line * width;
    const int64_t row = s.down.from(oh, tap / s.across.kernel);
    const int64_t column = s.across.from(ow, tap % s.across.kernel);
    const bool inside = row >= 0 && row < s.height && column >= 0 && column < s.width;
    const int64_t plane = image * s.channels + channel;
    if (inside) {
      columns[i] = x[(plane * s.height + row) * s.width + column];
    } else {
      math::store(0.0f, columns + i);
    }
  }
}

/** y (channels, images, plane) = x (images, channels, plane). */
template <class Count, class E>
__global__ void channelsFirst(const E* x, E* y, int64_t images, int64_t channels, int64_t plane,
                              int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Count at = static_cast<Count>(i), size = static_cast<Count>(plane);
    const Count line = at / size, channel = line / static_cast<Count>(images);
    const int64_t image = line - channel * static_cast<Count>(images);
    y[i] = x[(image * channels + channel) * plane + (at - line * size)];
  }
}

/** y (images, channels, plane) = sums (channels, images, plane) + bias (channels). */
template <class Count, class E, class B>
__global__ void imagesFirst(const float* sums, const B* bias, E* y, int64_t images,
                            int64_t channels, int64_t plane, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Count at = static_cast<Count>(i), size = static_cast<Count>(plane);
    const Count line = at / size, image = line / static_cast<Count>(channels);
    const int64_t channel = line - image * static_cast<Count>(channels);
    float sum = sums[(channel * images + image) * plane + (at - line * size)];
    if (bias != nullptr) sum += math::toFloat(bias[channel]);
    math::store(sum, y + i);
  }
}

/** An element of x: its image, channel, row and column. */
struct Place {
  template <class Count>
  __device__ static Place of(Count at, int64_t channels, int64_t height, int64_t width) {
    const Count line = at / static_cast<Count>(width), plane = line / static_cast<Count>(height);
    const Count image = plane / static_cast<Count>(channels);
    return {static_cast<int64_t>(image),
            static_cast<int64_t>(plane - image * static_cast<Count>(channels)),
            static_cast<int64_t>(line - plane * static_cast<Count>(height)),
            static_cast<int64_t>(at - line * static_cast<Count>(width))};
  }
  int64_t image, channel, row, column;
};

template <class E, class B>
struct Gathered {
  const B* bias;
  E* dx;
  bool accumulate;

  __device__ void store(float sum, int64_t channel, int64_t i) const {
    if (bias != nullptr) sum += math::toFloat(bias[channel]);
    if (accumulate) sum += math::toFloat(dx[i]);
    math::store(sum, dx + i);
  }
};

/** dx = the sums of what its pixels gave to columns (channels, taps, images, outHeight, outWidth).
 */
template <class Count, class E, class B>
__global__ void gather(const float* columns, Gathered<E, B> to, Sliding s, int64_t images,
                       int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place p = Place::of(static_cast<Count>(i), s.channels, s.height, s.width);
    float sum = 0;
    for (int64_t k = 0; k < s.down.kernel; ++k) {
      const int64_t oh = s.down.placeOf(p.row, k, s.outHeight);
      if (oh < 0) continue;
      for (int64_t l = 0; l < s.across.kernel; ++l) {
        const int64_t ow = s.across.placeOf(p.column, l, s.outWidth);
        if (ow < 0) continue;
        const int64_t line = (p.channel * s.taps() + k * s.across.kernel + l) * images + p.image;
        sum += columns[(line * s.outHeight + oh) * s.outWidth + ow];
      }
    }
    to.store(sum, p.channel, i);
  }
}

// One input channel in each group

template <class Count, class E, class W>
__global__ void depthwise(const E* x, const W* weight, const W* bias, E* y, Sliding s, int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place p = Place::of(static_cast<Count>(i), s.outChannels, s.outHeight, s.outWidth);
    const E* plane = x + (p.image * s.channels + p.channel / s.outs()) * s.plane();
    const W* w = weight + p.channel * s.taps();
    float sum = 0;
    for (int64_t k = 0; k < s.down.kernel; ++k) {
      const int64_t row = s.down.from(p.row, k);
      if (row < 0 || row >= s.height) continue;
      for (int64_t l = 0; l < s.across.kernel; ++l) {
        const int64_t column = s.across.from(p.column, l);
        if (column < 0 || column >= s.width) continue;
        sum += math::toFloat(w[k * s.across.kernel + l]) *
               math::toFloat(plane[row * s.width + column]);
      }
    }
    if (bias != nullptr) sum += math::toFloat(bias[p.channel]);
    math::store(sum, y + i);
  }
}

template <class Count, class E, class W>
__global__ void depthwiseGradInput(const E* dy, const W* weight, Gathered<E, W> to, Sliding s,
                                   int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const Place p = Place::of(static_cast<Count>(i), s.channels, s.height, s.width);
    float sum = 0;
    for (int64_t o = p.channel * s.outs(); o < (p.channel + 1) * s.outs(); ++o) {
      const E* plane = dy + (p.image * s.outChannels + o) * s.outPlane();
      const W* w = weight + o * s.taps();
      for (int64_t k = 0; k < s.down.kernel; ++k) {
        const int64_t oh = s.down.placeOf(p.row, k, s.outHeight);
        if (oh < 0) continue;
        for (int64_t l = 0; l < s.across.kernel; ++l) {
          const int64_t ow = s.across.placeOf(p.column, l, s.outWidth);
          if (ow < 0) continue;
          sum += math::toFloat(w[k * s.across.kernel + l]) *
                 math::toFloat(plane[oh * s.outWidth + ow]);
        }
      }
    }
    to.store(sum, p.channel, i);
  }
}

/** A block for each element of the weights. */
template <class E, class W>
__global__ void depthwiseGradWeight(const E* x, const E* dy, W* dweight, bool accumulate, Sliding s,
                                    int64_t batch, int64_t n) {
  const int64_t element = blockIndex();
  if (element >= n) return;
  const int64_t o = element / s.taps(), tap = element % s.taps();
  const int64_t k = tap / s.across.kernel, l = tap % s.across.kernel;
  const int64_t perImage = s.outPlane();
  double total = 0;
  for (int64_t image = 0; image < batch; ++image) {
    const E* from = x + (image * s.channels + o / s.outs()) * s.plane();
    const E* to = dy + (image * s.outChannels + o) * perImage;
    float sum = 0;
    for (int64_t at = threadIdx.x; at < perImage; at += blockDim.x) {
      const int64_t row = s.down.from(at / s.outWidth, k);
      const int64_t column = s.across.from(at % s.outWidth, l);
      if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
      sum += math::toFloat(to[at]) * math::toFloat(from[row * s.width + column]);
    }
    total += sum;
  }
  total = blockReduce(total, 0.0, Plus());
  if (threadIdx.x != 0) return;
  if (accumulate) total += math::toFloat(dweight[element]);
  math::store(static_cast<float>(total), dweight + element);
}

/** A block for each channel. */
template <class E, class Y>
__global__ void sumChannels(const E* x, Y* y, int64_t batch, int64_t channels, int64_t inner,
                            bool accumulate) {
  const int64_t channel = blockIndex();
  if (channel >= channels) return;
  double total = 0;
  for (int64_t image = 0; image < batch; ++image) {
    const E* plane = x + (image * channels + channel) * inner;
    float sum = 0;
    for (int64_t i = threadIdx.x; i < inner; i += blockDim.x) sum += math::toFloat(plane[i]);
    total += sum;
  }
  total = blockReduce(total, 0.0, Plus());
  if (threadIdx.x != 0) return;
  if (accumulate) total += math::toFloat(y[channel]);
  math::store(static_cast<float>(total), y + channel);
}

template <class Y>
__global__ void storeSums(const float* sums, Y* y, int64_t n, bool accumulate) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    math::store(accumulate ? sums[i] + math::toFloat(y[i]) : sums[i], y + i);
  }
}

/** The products of one window, some images at a time. */
class Products {
 public:
  Products(const char* op, Gpu& gpu, Gemm& gemm, DType type, const Window& window)
      : op_(op), gpu_(gpu), gemm_(gemm), type_(type), s_(window), batch_(window.batch()) {
    const int64_t perImage = s_.channels * s_.taps() * s_.outPlane();
    together_ = std::clamp<int64_t>(kColumns / std::max<int64_t>(perImage, 1), 1,
                                    std::max<int64_t>(batch_, 1));
  }

  void forward(In x, In weight, DType bt, In bias, Out y) {
    eachPart([&](int64_t image, int64_t images, int64_t pixels) {
      const Scratch<char> columns(gpu_.memory(), s_.channels * s_.taps() * pixels * size());
      const Scratch<float> sums(gpu_.memory(), s_.outChannels * pixels);
      spreadOut(x, image, images, columns.data());
      multiply(s_.outs(), pixels, depth(), weight, s_.outs() * depth(), false, columns.data(),
               depth() * pixels, false, false, sums.data());
      const int64_t n = s_.outChannels * pixels;
      withTypes(bt, [&](auto element, auto parameter) {
        using E = decltype(element);
        using B = decltype(parameter);
        withCount(n, [&](auto count) {
          launch(gpu_, op_, gridFor(gpu_, n), imagesFirst<decltype(count), E, B>, sums.data(),
                 bias.as<B>(), y.as<E>() + image * s_.outChannels * s_.outPlane(), images,
                 s_.outChannels, s_.outPlane(), n);
        });
      });
    });
  }

  void gradInput(In dy, In weight, DType bt, In bias, Out dx, bool accumulate) {
    eachPart([&](int64_t image, int64_t images, int64_t pixels) {
      const Scratch<char> channels(gpu_.memory(), s_.outChannels * pixels * size());
      const Scratch<float> columns(gpu_.memory(), s_.channels * s_.taps() * pixels);
      putChannelsFirst(dy, image, images, channels.data());
      multiply(depth(), pixels, s_.outs(), weight, s_.outs() * depth(), true, channels.data(),
               s_.outs() * pixels, false, false, columns.data());
      const int64_t n = images * s_.channels * s_.plane();
      withTypes(bt, [&](auto element, auto parameter) {
        using E = decltype(element);
        using B = decltype(parameter);
        withCount(n, [&](auto count) {
          const Gathered<E, B> to{bias.as<B>(), dx.as<E>() + image * s_.channels * s_.plane(),
                                  accumulate};
          launch(gpu_, op_, gridFor(gpu_, n), gather<decltype(count), E, B>, columns.data(), to, s_,
                 images, n);
        });
      });
    });
  }

  void gradWeight(In x, In dy, DType wt, Out dweight, bool accumulate) {
    const int64_t n = s_.outChannels * depth();
    const bool direct = wt == DType::F32;
    const Scratch<float> own(gpu_.memory(), direct ? 0 : n);
    const Out sums = direct ? dweight : Out(own.data());
    eachPart([&](int64_t image, int64_t images, int64_t pixels) {
      const Scratch<char> columns(gpu_.memory(), s_.channels * s_.taps() * pixels * size());
      const Scratch<char> channels(gpu_.memory(), s_.outChannels * pixels * size());
      spreadOut(x, image, images, columns.data());
      putChannelsFirst(dy, image, images, channels.data());
      multiply(s_.outs(), depth(), pixels, channels.data(), s_.outs() * pixels, false,
               columns.data(), depth() * pixels, true, image > 0 || (direct && accumulate), sums);
    });
    if (direct) return;
    withFloating(wt, [&](auto element) {
      using Y = decltype(element);
      launch(gpu_, op_, gridFor(gpu_, n), storeSums<Y>, own.data(), dweight.as<Y>(), n, accumulate);
    });
  }

 private:
  /** Calls part(image, images, pixels) for images from `image` on, which have so many pixels in y;
   * also where there is none, for the sake of what is then 0. */
  template <class Part>
  void eachPart(Part&& part) const {
    int64_t image = 0;
    do {
      const int64_t images = std::min(together_, batch_ - image);
      part(image, images, images * s_.outPlane());
      image += images;
    } while (image < batch_);
  }

  template <class F>
  void withTypes(DType parameter, F&& f) const {
    withFloating(type_, [&](auto element) {
      withFloating(parameter, [&](auto other) { f(element, other); });
    });
  }

  int64_t size() const { return byteSize(type_); }
  int64_t depth() const { return s_.ins() * s_.taps(); }

  void spreadOut(In x, int64_t image, int64_t images, void* columns) const {
    const int64_t n = s_.channels * s_.taps() * images * s_.outPlane();
    withFloating(type_, [&](auto element) {
      using E = decltype(element);
      withCount(n, [&](auto count) {
        launch(gpu_, op_, gridFor(gpu_, n), spread<decltype(count), E>,
               x.as<E>() + image * s_.channels * s_.plane(), static_cast<E*>(columns), s_, images,
               n);
      });
    });
  }

  void putChannelsFirst(In y, int64_t image, int64_t images, void* channels) const {
    const int64_t n = s_.outChannels * images * s_.outPlane();
    withFloating(type_, [&](auto element) {
      using E = decltype(element);
      withCount(n, [&](auto count) {
        launch(gpu_, op_, gridFor(gpu_, n), channelsFirst<decltype(count), E>,
               y.as<E>() + image * s_.outChannels * s_.outPlane(), static_cast<E*>(channels),
               images, s_.outChannels, s_.outPlane(), n);
      });
    });
  }

  /** y = a b for each group, in F32. */
  void multiply(int64_t m, int64_t n, int64_t k, In a, int64_t aStride, bool transposeA, In b,
                int64_t bStride, bool transposeB, bool accumulate, Out y) const {
    gemm_.multiply(op_, {s_.groups, m, n, k, aStride, bStride, transposeA, transposeB, type_,
                         DType::F32, a, b, int64_t{0}, accumulate ? In(y) : In(int64_t{0}), y});
  }

  const char* op_;
  Gpu& gpu_;
  Gemm& gemm_;
  const DType type_;
  const Sliding s_;
  const int64_t batch_;
  int64_t together_;
};

bool isDepthwise(const Sliding& s) { return s.ins() == 1; }

template <class F>
void withTypes(DType type, DType parameter, F&& f) {
  withFloating(
      type, [&](auto element) { withFloating(parameter, [&](auto other) { f(element, other); }); });
}

}  // namespace

void CudaBackend::addConvolution() {
  conv2d = [this](Type t, In x, Type wt, In weight, In bias, Out y, Window window) {
    const Sliding s(window);
    const int64_t n = window.batch() * s.outChannels * s.outPlane();
    if (n == 0) return;
    if (isDepthwise(s)) {
      return withTypes(t, wt, [&](auto element, auto parameter) {
        using E = decltype(element);
        using W = decltype(parameter);
        withCount(n, [&](auto count) {
          launch(gpu_, "conv2d", gridFor(gpu_, n), depthwise<decltype(count), E, W>, x.as<E>(),
                 weight.as<W>(), bias.as<W>(), y.as<E>(), s, n);
        });
      });
    }
    const Weights weights(gpu_, wt, weight, t, s.outChannels * s.ins() * s.taps());
    Products("conv2d", gpu_, gemm_, t, window).forward(x, weights, wt, bias, y);
  };

  conv2dGradInput = [this](Type t, In dy, Type wt, In weight, In bias, Out dx, bool accumulate,
                           Window window) {
    const Sliding s(window);
    const int64_t n = window.batch() * s.channels * s.plane();
    if (n == 0) return;
    if (isDepthwise(s)) {
      return withTypes(t, wt, [&](auto element, auto parameter) {
        using E = decltype(element);
        using W = decltype(parameter);
        withCount(n, [&](auto count) {
          const Gathered<E, W> to{bias.as<W>(), dx.as<E>(), accumulate};
          launch(gpu_, "conv2dGradInput", gridFor(gpu_, n),
                 depthwiseGradInput<decltype(count), E, W>, dy.as<E>(), weight.as<W>(), to, s, n);
        });
      });
    }
    const Weights weights(gpu_, wt, weight, t, s.outChannels * s.ins() * s.taps());
    Products("conv2dGradInput", gpu_, gemm_, t, window)
        .gradInput(dy, weights, wt, bias, dx, accumulate);
  };

  conv2dGradWeight = [this](Type t, In x, In dy, Type wt, Out dweight, bool accumulate,
                            Window window) {
    const Sliding s(window);
    const int64_t n = s.outChannels * s.ins() * s.taps();
    if (n == 0) return;
    if (isDepthwise(s)) {
      return withTypes(t, wt, [&](auto element, auto parameter) {
        using E = decltype(element);
        using W = decltype(parameter);
        launch(gpu_, "conv2dGradWeight", blocksFor(n), depthwiseGradWeight<E, W>, x.as<E>(),
               dy.as<E>(), dweight.as<W>(), accumulate, s, window.batch(), n);
      });
    }
    Products("conv2dGradWeight", gpu_, gemm_, t, window).gradWeight(x, dy, wt, dweight, accumulate);
  };

  channelSums = [this](Type t, In x, Type yType, Out y, int64_t batch, int64_t channels,
                       int64_t inner, bool accumulate) {
    withTypes(t, yType, [&](auto element, auto other) {
      using E = decltype(element);
      using Y = decltype(other);
      launch(gpu_, "channelSums", blocksFor(channels, threadsFor(inner)), sumChannels<E, Y>,
             x.as<E>(), y.as<Y>(), batch, channels, inner, accumulate);
    });
  };
}

}  // namespace gradus
