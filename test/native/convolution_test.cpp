// Convolutions against their formula in double: strides, padding, dilation, groups, all types.
#include "check.h"
#include "copies.h"

namespace {

using gradus::Window;

/** A window by what a user gives; the output's sizes follow. */
struct Case {
  int64_t batch, channels, height, width, outs, kernelHeight, kernelWidth;
  int64_t strideHeight = 1, strideWidth = 1, paddingHeight = 0, paddingWidth = 0;
  int64_t dilationHeight = 1, dilationWidth = 1, groups = 1;

  static int64_t places(int64_t n, int64_t kernel, int64_t stride, int64_t padding,
                        int64_t dilation) {
    return (n + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  }
  int64_t outHeight() const {
    return places(height, kernelHeight, strideHeight, paddingHeight, dilationHeight);
  }
  int64_t outWidth() const {
    return places(width, kernelWidth, strideWidth, paddingWidth, dilationWidth);
  }
  std::vector<int64_t> numbers() const {
    return {batch,        channels,       height,        width,        outs,        outHeight(),
            outWidth(),   kernelHeight,   kernelWidth,   strideHeight, strideWidth, paddingHeight,
            paddingWidth, dilationHeight, dilationWidth, groups};
  }
  int64_t xSize() const { return batch * channels * height * width; }
  int64_t ySize() const { return batch * outs * outHeight() * outWidth(); }
  int64_t weightSize() const { return outs * (channels / groups) * kernelHeight * kernelWidth; }
};

const std::vector<Case> kCases = {
    // One element; a plain kernel; one that is as large as the image
    {1, 1, 1, 1, 1, 1, 1},
    {2, 3, 5, 6, 4, 3, 3},
    {2, 3, 4, 5, 7, 4, 5},
    // Padding, also more than the kernel covers
    {2, 3, 8, 8, 9, 3, 3, 1, 1, 1, 1},
    {3, 2, 4, 4, 5, 2, 2, 1, 1, 3, 2},
    {1, 2, 3, 3, 2, 1, 1, 1, 1, 2, 2},
    // Strides, also beyond the kernel, and what they leave over
    {2, 3, 9, 11, 4, 3, 3, 2, 2, 1, 1},
    {2, 3, 10, 8, 4, 1, 1, 2, 2},
    {2, 2, 13, 17, 3, 2, 3, 3, 4, 1, 0},
    {1, 2, 12, 7, 3, 3, 1, 2, 1, 2, 1},
    // Dilation
    {2, 2, 11, 13, 3, 3, 3, 1, 1, 2, 2, 2, 2},
    {1, 3, 12, 15, 2, 2, 3, 2, 3, 1, 4, 3, 2},
    {1, 2, 40, 9, 3, 2, 2, 1, 1, 0, 0, 30, 3},
    // Groups, depthwise, more outputs than inputs in each
    {2, 6, 7, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 2},
    {2, 19, 9, 10, 19, 3, 3, 1, 1, 1, 1, 1, 1, 19},
    {2, 5, 8, 7, 15, 3, 3, 2, 2, 1, 1, 1, 1, 5},
    {1, 4, 18, 21, 4, 5, 3, 2, 1, 4, 2, 2, 2, 4},
    // One row; longer than a task takes
    {3, 4, 1, 50, 6, 1, 3, 1, 1, 0, 1},
    {2, 3, 1, 1030, 5, 1, 5, 1, 1, 0, 2, 1, 1},
    {2, 3, 1, 1030, 5, 1, 3, 1, 2, 0, 8, 1, 16},
    // Many channels, so that a product has several depths, rows and strips
    {2, 40, 9, 9, 70, 3, 3, 1, 1, 1, 1},
    {3, 70, 4, 4, 130, 3, 3, 1, 1, 1, 1},
    {2, 33, 8, 8, 48, 3, 3, 2, 2, 1, 1},
    {4, 300, 2, 2, 9, 1, 1},
    {2, 2, 30, 31, 3, 15, 17, 1, 1, 7, 8},
    {6, 1, 28, 28, 32, 5, 5},
    {3, 17, 20, 20, 11, 3, 3, 1, 1, 1, 1},
    // Nothing
    {0, 3, 5, 5, 4, 3, 3},
    {2, 3, 5, 5, 0, 3, 3},
    {2, 0, 5, 5, 4, 3, 3},
    {1, 2, 0, 4, 3, 1, 1, 1, 1, 1, 0},
};

/** Calls f(x, weight, y), places of elements, for each product of two that a sum has. */
template <class F>
void eachProduct(const Case& c, F&& f) {
  const int64_t ins = c.channels / c.groups, outs = c.outs / c.groups;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t o = 0; o < c.outs; ++o)
      for (int64_t i = 0; i < c.outHeight(); ++i)
        for (int64_t j = 0; j < c.outWidth(); ++j)
          for (int64_t in = 0; in < ins; ++in)
            for (int64_t k = 0; k < c.kernelHeight; ++k)
              for (int64_t l = 0; l < c.kernelWidth; ++l) {
                const int64_t row = i * c.strideHeight + k * c.dilationHeight - c.paddingHeight;
                const int64_t column = j * c.strideWidth + l * c.dilationWidth - c.paddingWidth;
                if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
                const int64_t channel = o / outs * ins + in;
                f(((b * c.channels + channel) * c.height + row) * c.width + column,
                  ((o * ins + in) * c.kernelHeight + k) * c.kernelWidth + l,
                  ((b * c.outs + o) * c.outHeight() + i) * c.outWidth() + j);
              }
}

struct Operands {
  Operands(DType type, DType wt, const Case& c)
      : x(type, 0), dy(type, 0), weight(wt, 0), bias(wt, 0), xBias(wt, 0) {
    Numbers numbers(static_cast<uint64_t>(c.xSize() * 31 + c.weightSize()));
    x = numbers.tensor(type, c.xSize(), -1, 1);
    dy = numbers.tensor(type, c.ySize(), -1, 1);
    // A GPU rounds weights to the type of what they meet.
    const Tensor rounded = numbers.tensor(type, c.weightSize(), -1, 1);
    weight = Tensor(wt, c.weightSize());
    for (int64_t i = 0; i < weight.size(); ++i) weight.set(i, rounded[i]);
    bias = numbers.tensor(wt, c.outs, -1, 1);
    xBias = numbers.tensor(wt, c.channels, -1, 1);
  }
  Tensor x, dy, weight, bias, xBias;
};

/** Every element is the sum of so many products of numbers up to 1 in size. */
void agree(const char* what, const Case& c, const Tensor& got, const Doubles& want,
           const Doubles& counts) {
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; i < got.size(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (close(got.type(), got[i], want[at], 2, 2e-7 * (1 + counts[at]))) continue;
    if (wrong++ == 0) first = i;
  }
  CHECK(wrong == 0 && got.guardIntact(),
        "%s %s, %lld of %lld wrong, first %lld: %g for %g; images %lldx%lldx%lldx%lld, kernel "
        "%lldx%lld, groups %lld",
        what, nameOf(got.type()), static_cast<long long>(wrong), static_cast<long long>(got.size()),
        static_cast<long long>(first), first < 0 ? 0 : got[first],
        first < 0 ? 0 : want[static_cast<size_t>(first)], static_cast<long long>(c.batch),
        static_cast<long long>(c.channels), static_cast<long long>(c.height),
        static_cast<long long>(c.width), static_cast<long long>(c.kernelHeight),
        static_cast<long long>(c.kernelWidth), static_cast<long long>(c.groups));
}

void followTheFormula(Backend& backend, DType type, DType wt, const Case& c) {
  const Operands o(type, wt, c);
  const std::vector<int64_t> row = c.numbers();
  const Window window(gradus::Dims(row.data()));
  Doubles y(static_cast<size_t>(c.ySize())), dx(static_cast<size_t>(c.xSize()));
  Doubles dweight(static_cast<size_t>(c.weightSize()));
  Doubles yCounts = y, dxCounts = dx, dweightCounts = dweight;
  eachProduct(c, [&](int64_t x, int64_t w, int64_t at) {
    const auto xi = static_cast<size_t>(x), wi = static_cast<size_t>(w);
    const auto yi = static_cast<size_t>(at);
    y[yi] += o.x[x] * o.weight[w];
    dx[xi] += o.dy[at] * o.weight[w];
    dweight[wi] += o.dy[at] * o.x[x];
    ++yCounts[yi];
    ++dxCounts[xi];
    ++dweightCounts[wi];
  });

  Tensor gotY(type, c.ySize()), gotDx(type, c.xSize()), gotDweight(wt, c.weightSize());
  backend.conv2d(type, o.x, wt, o.weight, nullptr, gotY, window);
  agree("conv2d", c, gotY, y, yCounts);
  backend.conv2dGradInput(type, o.dy, wt, o.weight, nullptr, gotDx, false, window);
  agree("conv2dGradInput", c, gotDx, dx, dxCounts);
  backend.conv2dGradWeight(type, o.x, o.dy, wt, gotDweight, false, window);
  agree("conv2dGradWeight", c, gotDweight, dweight, dweightCounts);

  // With what is added on the way; from memory that is not aligned
  const int64_t plane = c.outHeight() * c.outWidth();
  Doubles biased = y;
  for (size_t i = 0; i < y.size(); ++i) {
    biased[i] += o.bias[static_cast<int64_t>(i) / plane % c.outs];
  }
  const Shifted x(o.x), dy(o.dy), weight(o.weight);
  backend.conv2d(type, x, wt, weight, o.bias, gotY, window);
  agree("conv2d with bias", c, gotY, biased, yCounts);

  Tensor onX = o.x, onWeight = o.weight;
  Doubles more = dx, moreWeight = dweight;
  for (size_t i = 0; i < more.size(); ++i) {
    more[i] += o.x[static_cast<int64_t>(i)];
    more[i] += o.xBias[static_cast<int64_t>(i) / (c.height * c.width) % c.channels];
  }
  for (size_t i = 0; i < moreWeight.size(); ++i) {
    moreWeight[i] += o.weight[static_cast<int64_t>(i)];
  }
  backend.conv2dGradInput(type, dy, wt, weight, o.xBias, onX, true, window);
  agree("conv2dGradInput onto x", c, onX, more, dxCounts);
  backend.conv2dGradWeight(type, x, dy, wt, onWeight, true, window);
  agree("conv2dGradWeight onto weight", c, onWeight, moreWeight, dweightCounts);
}

void channelsAreSummed(Backend& backend, DType type, DType to, int64_t batch, int64_t channels,
                       int64_t inner) {
  Numbers numbers(7);
  const Tensor x = numbers.tensor(type, batch * channels * inner, -1, 1);
  const Tensor before = numbers.tensor(to, channels, -1, 1);
  for (bool accumulate : {false, true}) {
    Tensor y = before;
    backend.channelSums(type, x, to, y, batch, channels, inner, accumulate);
    for (int64_t c = 0; c < channels; ++c) {
      double want = accumulate ? before[c] : 0;
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t i = 0; i < inner; ++i) want += x[(b * channels + c) * inner + i];
      CHECK(close(to, y[c], want, 4, 1e-7 * static_cast<double>(batch * inner)),
            "channelSums of %lldx%lldx%lld: %g for %g", static_cast<long long>(batch),
            static_cast<long long>(channels), static_cast<long long>(inner), y[c], want);
    }
    CHECK(y.guardIntact(), "channelSums wrote behind y");
  }
}

void notANumberGoesThrough(Backend& backend) {
  const Case c{1, 2, 5, 5, 3, 3, 3, 1, 1, 1, 1};
  const std::vector<int64_t> row = c.numbers();
  const Window window(gradus::Dims(row.data()));
  Operands o(DType::F32, DType::F32, c);
  o.x.set(12, kNaN);  // the middle of the first channel
  o.dy.set(12, kInfinity);
  Tensor y(DType::F32, c.ySize()), dx(DType::F32, c.xSize());
  backend.conv2d(DType::F32, o.x, DType::F32, o.weight, nullptr, y, window);
  backend.conv2dGradInput(DType::F32, o.dy, DType::F32, o.weight, nullptr, dx, false, window);
  for (int64_t i = 0; i < 25; ++i) {
    const bool near = i / 5 > 0 && i / 5 < 4 && i % 5 > 0 && i % 5 < 4;
    CHECK(std::isnan(y[i]) == near, "conv2d beside NaN: %g", y[i]);
    CHECK(std::isfinite(dx[i]) == !near, "conv2dGradInput beside infinity: %g", dx[i]);
  }
}

/** The same bits whatever the number of threads. */
void threadsChangeNothing(const std::vector<Backend*>& backends, const Case& c) {
  const Operands o(DType::F32, DType::F32, c);
  const std::vector<int64_t> row = c.numbers();
  const Window window(gradus::Dims(row.data()));
  std::vector<Tensor> first;
  for (Backend* backend : backends) {
    Tensor y(DType::F32, c.ySize()), dx(DType::F32, c.xSize()), dw(DType::F32, c.weightSize());
    Tensor sums(DType::F32, c.outs);
    const Type t = DType::F32;
    backend->conv2d(t, o.x, t, o.weight, o.bias, y, window);
    backend->conv2dGradInput(t, o.dy, t, o.weight, nullptr, dx, false, window);
    backend->conv2dGradWeight(t, o.x, o.dy, t, dw, false, window);
    backend->channelSums(t, o.dy, t, sums, c.batch, c.outs, c.outHeight() * c.outWidth(), false);
    if (first.empty()) {
      first = {y, dx, dw, sums};
    } else {
      CHECK(y.sameBits(first[0]) && dx.sameBits(first[1]) && dw.sameBits(first[2]) &&
                sums.sameBits(first[3]),
            "other bits with %d threads", backend->threads());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (const Case& c : kCases) {
    followTheFormula(backend, DType::F32, DType::F32, c);
    followTheFormula(backend, DType::BF16, DType::F32, c);
    followTheFormula(backend, DType::F16, DType::F16, c);
  }
  for (DType type : kFloating) {
    channelsAreSummed(backend, type, type, 3, 5, 7);
    channelsAreSummed(backend, type, DType::F32, 5, 33, 1030);
  }
  channelsAreSummed(backend, DType::F32, DType::F32, 0, 3, 4);
  channelsAreSummed(backend, DType::F32, DType::F32, 1, 1, 70000);
  notANumberGoesThrough(backend);
  const std::vector<Backend*> copies = copiesOf(argv[1], argv[2]);
  threadsChangeNothing(copies, {8, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1});
  threadsChangeNothing(copies, {8, 16, 16, 16, 40, 3, 3, 2, 2, 1, 1});
  threadsChangeNothing(copies, {4, 64, 12, 12, 64, 3, 3, 1, 1, 1, 1, 1, 1, 64});
  return report("convolution_test");
}
