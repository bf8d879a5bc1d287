// Pooling against its definition in double: all types, strides, padding and dilation, and planes
// that are shared out.
#include "check.h"
#include "copies.h"

namespace {

struct Case {
  int64_t batch, channels, height, width, kernelHeight, kernelWidth, strideHeight, strideWidth,
      paddingHeight, paddingWidth, dilation;
  bool ceil;

  static int64_t outOf(int64_t size, int64_t kernel, int64_t stride, int64_t padding,
                       int64_t dilation, bool ceil) {
    const int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
    int64_t n = (room + (ceil ? stride - 1 : 0)) / stride + 1;
    if (ceil && (n - 1) * stride >= size + padding) --n;  // a window must begin inside
    return n;
  }
  int64_t outHeight() const {
    return outOf(height, kernelHeight, strideHeight, paddingHeight, dilation, ceil);
  }
  int64_t outWidth() const {
    return outOf(width, kernelWidth, strideWidth, paddingWidth, dilation, ceil);
  }
  int64_t planes() const { return batch * channels; }
  int64_t size() const { return planes() * height * width; }
  int64_t outSize() const { return planes() * outHeight() * outWidth(); }
  std::vector<int64_t> window() const {
    return {batch,        channels,     height,      width,        channels,    outHeight(),
            outWidth(),   kernelHeight, kernelWidth, strideHeight, strideWidth, paddingHeight,
            paddingWidth, dilation,     dilation,    channels};
  }
  void print() const {
    std::printf("(%ld, %ld, %ld, %ld) by (%ld, %ld): ", static_cast<long>(batch),
                static_cast<long>(channels), static_cast<long>(height), static_cast<long>(width),
                static_cast<long>(kernelHeight), static_cast<long>(kernelWidth));
  }
};

// The usual ones; one element; no overlap, gaps and overlap; windows that reach out; wide rows.
const std::vector<Case> kCases = {
    {2, 3, 8, 8, 2, 2, 2, 2, 0, 0, 1, false},  {2, 3, 33, 35, 3, 3, 2, 2, 1, 1, 1, false},
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, false},  {2, 2, 7, 5, 3, 2, 1, 1, 1, 0, 1, false},
    {1, 2, 9, 11, 2, 3, 3, 4, 1, 1, 1, false}, {2, 2, 10, 7, 3, 3, 2, 2, 1, 1, 1, true},
    {1, 2, 5, 5, 2, 2, 2, 2, 0, 0, 1, true},   {1, 2, 6, 6, 3, 3, 3, 3, 0, 0, 1, true},
    {1, 3, 1, 70, 1, 4, 1, 3, 0, 2, 1, false}, {2, 1, 4, 300, 4, 5, 1, 2, 2, 2, 1, false},
    {0, 2, 4, 4, 2, 2, 2, 2, 0, 0, 1, false},  {40, 17, 16, 16, 2, 2, 2, 2, 0, 0, 1, false}};
const std::vector<Case> kDilated = {{2, 2, 9, 12, 3, 3, 1, 1, 1, 1, 2, false},
                                    {1, 2, 11, 10, 2, 3, 2, 3, 1, 1, 3, false},
                                    {1, 1, 12, 12, 3, 3, 2, 2, 1, 1, 2, true}};

size_t at(int64_t i) { return static_cast<size_t>(i); }

/** Calls f(output, input) for each element of a window that is inside. */
template <class F>
void eachInside(const Case& c, F&& f) {
  for (int64_t o = 0; o < c.outSize(); ++o) {
    const int64_t ox = o % c.outWidth(), oy = o / c.outWidth() % c.outHeight();
    const int64_t plane = o / c.outWidth() / c.outHeight();
    for (int64_t j = 0; j < c.kernelHeight; ++j) {
      for (int64_t k = 0; k < c.kernelWidth; ++k) {
        const int64_t y = oy * c.strideHeight - c.paddingHeight + j * c.dilation;
        const int64_t x = ox * c.strideWidth - c.paddingWidth + k * c.dilation;
        if (y >= 0 && y < c.height && x >= 0 && x < c.width) {
          f(o, (plane * c.height + y) * c.width + x);
        }
      }
    }
  }
}

Tensor numbers(DType type, int64_t n) {
  return Numbers(static_cast<uint64_t>(n)).tensor(type, n, -3, 2);
}

void checkMax(Backend& backend, DType type, const Case& c, const Tensor& x) {
  const std::vector<int64_t> window = c.window();
  Tensor y(type, c.outSize()), index(DType::I32, c.outSize()), dx(type, c.size());
  const Tensor dy = numbers(type, c.outSize());
  backend.maxPool2d(type, x, y, index, window.data());
  backend.maxPool2dGrad(type, dy, index, dx, window.data());
  Doubles best(at(c.outSize()), -kInfinity), place(at(c.outSize()), -1), gradient(at(c.size()));
  eachInside(c, [&](int64_t o, int64_t i) {
    const bool first = place[at(o)] < 0, known = !std::isnan(best[at(o)]);
    if (first || (known && !(x[i] <= best[at(o)]))) {
      best[at(o)] = x[i];
      place[at(o)] = static_cast<double>(i);
    }
  });
  int64_t wrong = 0;
  for (int64_t o = 0; o < c.outSize(); ++o) {
    const int64_t plane = o / (c.outHeight() * c.outWidth());
    wrong += std::isnan(best[at(o)]) ? !std::isnan(y[o]) : y[o] != best[at(o)];
    wrong += index[o] + static_cast<double>(plane * c.height * c.width) != place[at(o)];
    gradient[at(static_cast<int64_t>(place[at(o)]))] += dy[o];
  }
  for (int64_t i = 0; i < c.size(); ++i) wrong += !close(type, dx[i], gradient[at(i)], 4, 1e-6);
  if (wrong > 0) c.print();
  CHECK(wrong == 0 && y.guardIntact() && index.guardIntact() && dx.guardIntact(),
        "max, %s: %ld are wrong", nameOf(type), static_cast<long>(wrong));
}

/** How much of a window counts along one axis. */
int64_t counted(int64_t out, int64_t size, int64_t kernel, int64_t stride, int64_t padding,
                bool countPadding) {
  int64_t n = 0;
  for (int64_t k = 0; k < kernel; ++k) {
    const int64_t i = out * stride - padding + k;
    n += countPadding ? i < size + padding : i >= 0 && i < size;
  }
  return n;
}

void checkAverage(Backend& backend, DType type, const Case& c, bool countPadding) {
  const std::vector<int64_t> window = c.window();
  const Tensor x = numbers(type, c.size()), dy = numbers(type, c.outSize());
  Tensor y(type, c.outSize()), dx(type, c.size());
  backend.avgPool2d(type, x, y, countPadding, window.data());
  backend.avgPool2dGrad(type, dy, dx, countPadding, window.data());
  Doubles mean(at(c.outSize())), gradient(at(c.size()));
  eachInside(c, [&](int64_t o, int64_t i) {
    const int64_t ox = o % c.outWidth(), oy = o / c.outWidth() % c.outHeight();
    const auto n = static_cast<double>(
        counted(oy, c.height, c.kernelHeight, c.strideHeight, c.paddingHeight, countPadding) *
        counted(ox, c.width, c.kernelWidth, c.strideWidth, c.paddingWidth, countPadding));
    mean[at(o)] += x[i] / n;
    gradient[at(i)] += dy[o] / n;
  });
  int64_t wrong = 0;
  for (int64_t o = 0; o < c.outSize(); ++o) wrong += !close(type, y[o], mean[at(o)], 4, 1e-6);
  for (int64_t i = 0; i < c.size(); ++i) wrong += !close(type, dx[i], gradient[at(i)], 4, 1e-6);
  if (wrong > 0) c.print();
  CHECK(wrong == 0 && y.guardIntact() && dx.guardIntact(), "average, %s: %ld are wrong",
        nameOf(type), static_cast<long>(wrong));
}

void windowsFollowTheirDefinition(Backend& backend) {
  for (DType type : kFloating) {
    for (const Case& c : kCases) {
      checkMax(backend, type, c, numbers(type, c.size()));
      checkAverage(backend, type, c, true);
      checkAverage(backend, type, c, false);
    }
    for (const Case& c : kDilated) checkMax(backend, type, c, numbers(type, c.size()));
  }
}

/** The first of equals is the largest, NaN before all numbers, and -infinity is a number. */
void tiesAndNanHaveAnOrder(Backend& backend) {
  for (const Case& c : kCases) {
    Tensor same(DType::F32, Doubles(at(c.size()), 1));
    checkMax(backend, DType::F32, c, same);
    Tensor none(DType::F32, Doubles(at(c.size()), -kInfinity));
    checkMax(backend, DType::F32, c, none);
    Tensor some = numbers(DType::F32, c.size());
    for (int64_t i = 0; i < c.size(); i += 3) some.set(i, i % 2 == 0 ? kNaN : -kInfinity);
    checkMax(backend, DType::F32, c, some);
  }
}

struct Shares {
  int64_t planes, height, width, outHeight, outWidth;
};

void planesAreSharedOut(Backend& backend) {
  const std::vector<Shares> cases = {
      {6, 8, 8, 1, 1}, {5, 7, 7, 1, 1}, {3, 10, 13, 4, 5}, {2, 3, 5, 6, 7},   {4, 40, 41, 1, 1},
      {2, 5, 9, 5, 9}, {0, 4, 4, 2, 2}, {1, 1, 300, 1, 7}, {600, 4, 4, 1, 1}, {70, 24, 25, 6, 2}};
  for (DType type : kFloating) {
    for (const Shares& c : cases) {
      const int64_t n = c.planes * c.height * c.width, m = c.planes * c.outHeight * c.outWidth;
      const Tensor x = numbers(type, n), dy = numbers(type, m);
      Tensor y(type, m), dx(type, n);
      backend.adaptiveAvgPool2d(type, x, y, c.planes, c.height, c.width, c.outHeight, c.outWidth);
      backend.adaptiveAvgPool2dGrad(type, dy, dx, c.planes, c.height, c.width, c.outHeight,
                                    c.outWidth);
      Doubles gradient(at(n));
      int64_t wrong = 0;
      for (int64_t o = 0; o < m; ++o) {
        const int64_t ox = o % c.outWidth, oy = o / c.outWidth % c.outHeight;
        const int64_t plane = o / c.outWidth / c.outHeight;
        const int64_t top = oy * c.height / c.outHeight, left = ox * c.width / c.outWidth;
        const int64_t bottom = ((oy + 1) * c.height + c.outHeight - 1) / c.outHeight;
        const int64_t right = ((ox + 1) * c.width + c.outWidth - 1) / c.outWidth;
        const auto count = static_cast<double>((bottom - top) * (right - left));
        double mean = 0;
        for (int64_t j = top; j < bottom; ++j) {
          for (int64_t k = left; k < right; ++k) {
            const int64_t i = (plane * c.height + j) * c.width + k;
            mean += x[i] / count;
            gradient[at(i)] += dy[o] / count;
          }
        }
        wrong += !close(type, y[o], mean, 4, 1e-6);
      }
      for (int64_t i = 0; i < n; ++i) wrong += !close(type, dx[i], gradient[at(i)], 4, 1e-6);
      CHECK(wrong == 0 && y.guardIntact() && dx.guardIntact(),
            "%s, %ld of (%ld, %ld) to (%ld, %ld): %ld are wrong", nameOf(type),
            static_cast<long>(c.planes), static_cast<long>(c.height), static_cast<long>(c.width),
            static_cast<long>(c.outHeight), static_cast<long>(c.outWidth),
            static_cast<long>(wrong));
    }
  }
}

/** A view need not begin where a vector could. */
void planesMayBeginAnywhere(Backend& backend) {
  const Case c{3, 4, 16, 16, 2, 2, 2, 2, 0, 0, 1, false};
  const std::vector<int64_t> window = c.window();
  for (DType type : kFloating) {
    const Tensor x = numbers(type, c.size()), dy = numbers(type, c.outSize());
    const Shifted movedX(x), movedDy(dy);
    Tensor y(type, c.outSize()), index(DType::I32, c.outSize()), dx(type, c.size());
    Shifted movedY(y), movedIndex(index), movedDx(dx);
    backend.maxPool2d(type, x, y, index, window.data());
    backend.maxPool2d(type, movedX, movedY, movedIndex, window.data());
    backend.maxPool2dGrad(type, dy, index, dx, window.data());
    backend.maxPool2dGrad(type, movedDy, movedIndex, movedDx, window.data());
    int64_t wrong = 0;
    for (int64_t i = 0; i < c.outSize(); ++i) {
      wrong += y[i] != movedY[i] || index[i] != movedIndex[i];
    }
    for (int64_t i = 0; i < c.size(); ++i) wrong += dx[i] != movedDx[i];
    backend.avgPool2d(type, x, y, true, window.data());
    backend.avgPool2d(type, movedX, movedY, true, window.data());
    backend.avgPool2dGrad(type, dy, dx, true, window.data());
    backend.avgPool2dGrad(type, movedDy, movedDx, true, window.data());
    for (int64_t i = 0; i < c.outSize(); ++i) wrong += y[i] != movedY[i];
    for (int64_t i = 0; i < c.size(); ++i) wrong += dx[i] != movedDx[i];
    CHECK(wrong == 0 && movedY.guardIntact() && movedDx.guardIntact(), "%s: %ld are wrong",
          nameOf(type), static_cast<long>(wrong));
  }
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const Case c{20, 30, 33, 31, 3, 3, 2, 2, 1, 1, 1, false};
  const std::vector<int64_t> window = c.window();
  const Tensor x = numbers(DType::F32, c.size()), dy = numbers(DType::F32, c.outSize());
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Tensor y(DType::F32, c.outSize()), index(DType::I32, c.outSize()), dx(DType::F32, c.size());
    backend->maxPool2d(DType::F32, x, y, index, window.data());
    backend->maxPool2dGrad(DType::F32, dy, index, dx, window.data());
    results.insert(results.end(), {y, index, dx});
    backend->avgPool2d(DType::F32, x, y, true, window.data());
    backend->avgPool2dGrad(DType::F32, dy, dx, true, window.data());
    results.insert(results.end(), {y, dx});
  }
  for (size_t i = 5; i < results.size(); ++i) {
    CHECK(results[i].sameBits(results[i % 5]), "result %zu differs", i % 5);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  windowsFollowTheirDefinition(backend);
  tiesAndNanHaveAnOrder(backend);
  planesAreSharedOut(backend);
  planesMayBeginAnywhere(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("pooling_test");
}
