// Sums, maxima and argmax over any axes against sums in double.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "check.h"
#include "tensors.h"

namespace {

/** A contiguous shape and the axes that a reduction removes. */
struct Case {
  std::vector<int64_t> shape;
  std::vector<bool> reduced;
};

const std::vector<Case> kCases = {
    {{}, {}},
    {{1}, {true}},
    {{31}, {true}},
    {{33}, {false}},
    {{70001}, {true}},  // more than one chunk
    {{300000}, {true}},
    {{7, 1030}, {false, true}},
    {{1030, 7}, {false, true}},
    {{5, 1}, {true, false}},
    {{1, 5}, {true, false}},
    {{7, 1030}, {true, false}},
    {{1030, 7}, {true, false}},
    {{515, 513}, {true, false}},
    {{3, 70001}, {false, true}},
    {{70001, 3}, {true, false}},
    // Whole vectors in each row: rows, rows of several chunks, columns, columns of many chunks.
    {{5, 1032}, {false, true}},
    {{3, 70016}, {false, true}},
    {{40, 24, 32}, {false, true, false}},
    {{4, 40, 48}, {false, true, false}},
    {{9000, 64}, {true, false}},
    {{6, 35, 17}, {true, false, true}},
    {{6, 35, 17}, {false, true, false}},
    {{6, 35, 17}, {true, true, false}},
    {{6, 35, 17}, {false, true, true}},
    {{3, 4, 5, 6, 7}, {true, false, true, false, true}},
    {{3, 4, 5, 6, 7}, {false, true, false, true, false}},
    {{0, 4}, {true, false}},
    {{4, 0}, {true, false}},
    {{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
     {false, true, false, true, false, true, false, true, false, true, false, true, false, true,
      false, true}},
};

/** What a kernel takes as Dims, and where each element of x belongs. */
struct Layout {
  explicit Layout(const Case& c) {
    const size_t rank = c.shape.size();
    std::vector<int64_t> xStrides(rank), yStrides(rank);
    for (size_t k = rank; k-- > 0;) {
      xStrides[k] = xSize;
      yStrides[k] = c.reduced[k] ? 0 : ySize;
      xSize *= c.shape[k];
      if (!c.reduced[k]) ySize *= c.shape[k];
    }
    dims = {static_cast<long>(rank)};
    dims.insert(dims.end(), c.shape.begin(), c.shape.end());
    dims.insert(dims.end(), xStrides.begin(), xStrides.end());
    dims.insert(dims.end(), yStrides.begin(), yStrides.end());
    for (int64_t i = 0; i < xSize; ++i) {
      int64_t rest = i, at = 0;
      for (size_t k = rank; k-- > 0; rest /= c.shape[k]) at += rest % c.shape[k] * yStrides[k];
      owner.push_back(at);
    }
  }

  int64_t xSize = 1, ySize = 1;
  std::vector<long> dims;
  std::vector<int64_t> owner;
};

/** All sums of this file from a process of its own, because a process has one pool. */
std::vector<float> sumsWith(const char* threads, char** argv) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    Backend& backend = *openBackend(argv[1], argv[2], std::atoi(threads));
    for (const auto& c : kCases) {
      const Layout layout(c);
      Tensor x = Numbers(6).tensor(DType::F32, layout.xSize, -1, 2), y(DType::F32, layout.ySize);
      backend.sum(DType::F32, x, y, layout.ySize, 1, gradus::Dims(layout.dims.data()));
      for (int64_t i = 0; i < layout.ySize; ++i) {
        const auto value = static_cast<float>(y[i]);
        if (write(ends[1], &value, sizeof(value)) != sizeof(value)) _exit(1);
      }
    }
    _exit(0);
  }
  close(ends[1]);
  std::vector<float> sums;
  float value;
  while (read(ends[0], &value, sizeof(value)) == sizeof(value)) sums.push_back(value);
  close(ends[0]);
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(status == 0, "the process with %s threads ended with %d", threads, status);
  return sums;
}

void sumsHaveTheSameBitsOnAnyNumberOfThreads(char** argv) {
  const auto alone = sumsWith("1", argv);
  CHECK(alone.size() > 1000, "%zu sums", alone.size());
  for (const char* threads : {"2", "5"}) {
    CHECK(sumsWith(threads, argv) == alone, "%s threads", threads);
  }
}

void sumsOfAnyAxes(Backend& backend) {
  for (const auto& c : kCases) {
    const Layout layout(c);
    for (DType type : kFloating) {
      Tensor x = Numbers(7).tensor(type, layout.xSize, -1, 2), y(type, layout.ySize);
      Doubles want(static_cast<size_t>(layout.ySize)), magnitude(want);
      for (int64_t i = 0; i < layout.xSize; ++i) {
        const auto at = static_cast<size_t>(layout.owner[static_cast<size_t>(i)]);
        want[at] += x[i] * 0.25;
        magnitude[at] += std::fabs(x[i]) * 0.25;
      }
      backend.sum(type, x, y, layout.ySize, 0.25, gradus::Dims(layout.dims.data()));
      for (int64_t i = 0; i < layout.ySize; ++i) {
        const auto at = static_cast<size_t>(i);
        CHECK(close(type, y[i], want[at], 0, magnitude[at] * 1e-6),
              "%s, %ld to %ld elements: y[%ld] is %.9g, not %.9g", nameOf(type),
              static_cast<long>(layout.xSize), static_cast<long>(layout.ySize),
              static_cast<long>(i), y[i], want[at]);
      }
      CHECK(y.guardIntact(), "%s", nameOf(type));
    }
  }
}

void aViewThatIsNotAlignedHasTheSameBits(Backend& backend) {
  for (const auto& c : kCases) {
    const Layout layout(c);
    if (layout.xSize == 0) continue;
    for (DType type : kFloating) {
      const Tensor x = Numbers(12).tensor(type, layout.xSize, -1, 2);
      const Shifted view(x);
      Tensor y(type, layout.ySize), again(type, layout.ySize);
      const gradus::Dims dims(layout.dims.data());
      backend.sum(type, x, y, layout.ySize, 1, dims);
      backend.sum(type, view, again, layout.ySize, 1, dims);
      CHECK(again.sameBits(y), "%s, %ld to %ld elements: sum", nameOf(type),
            static_cast<long>(layout.xSize), static_cast<long>(layout.ySize));
      backend.max(type, x, y, layout.ySize, dims);
      backend.max(type, view, again, layout.ySize, dims);
      CHECK(again.sameBits(y), "%s, %ld to %ld elements: max", nameOf(type),
            static_cast<long>(layout.xSize), static_cast<long>(layout.ySize));
    }
  }
}

void aLongSumOfSmallNumbersKeepsItsDigits(Backend& backend) {
  const int64_t n = 20000000;
  Tensor x(DType::F32, n), y(DType::F32, 1);
  for (int64_t i = 0; i < n; ++i) x.set(i, 0.1);
  const long dims[] = {1, n, 1, 0};
  backend.sum(DType::F32, x, y, 1, 1, gradus::Dims(dims));
  CHECK(std::fabs(y[0] / (n * static_cast<double>(0.1f)) - 1) < 1e-6, "sum is %.9g", y[0]);
  backend.sumSquares(DType::F32, x, y, n);
  const double square = static_cast<double>(0.1f) * static_cast<double>(0.1f);
  CHECK(std::fabs(y[0] / (n * square) - 1) < 1e-7, "sum of squares is %.9g", y[0]);
}

void maximaOfAnyAxes(Backend& backend) {
  for (const auto& c : kCases) {
    const Layout layout(c);
    if (layout.xSize == 0) continue;
    for (DType type : kAll) {
      Tensor x = Numbers(8).tensor(type, layout.xSize, -200, 200), y(type, layout.ySize);
      Doubles want(static_cast<size_t>(layout.ySize), -kInfinity);
      for (int64_t i = 0; i < layout.xSize; ++i) {
        auto& largest = want[static_cast<size_t>(layout.owner[static_cast<size_t>(i)])];
        largest = std::max(largest, x[i]);
      }
      backend.max(type, x, y, layout.ySize, gradus::Dims(layout.dims.data()));
      int64_t wrong = 0;
      for (int64_t i = 0; i < layout.ySize; ++i) wrong += y[i] != want[static_cast<size_t>(i)];
      CHECK(wrong == 0 && y.guardIntact(), "%s, %ld to %ld elements: %ld are wrong", nameOf(type),
            static_cast<long>(layout.xSize), static_cast<long>(layout.ySize),
            static_cast<long>(wrong));
    }
  }
}

void nanWinsAMaximumWhereverItStands(Backend& backend) {
  for (int64_t n : {1, 5, 33, 2000, 70001}) {
    for (int64_t at : {int64_t{0}, n / 2, n - 1}) {
      Tensor x = Numbers(9).tensor(DType::F32, n, -1, 1), y(DType::F32, 1), index(DType::I64, 1);
      x.set(n - 1, kInfinity);
      x.set(at, kNaN);
      const long rows[] = {1, n, 1, 0}, columns[] = {2, n, 1, 1, 1, 0, 1};
      backend.max(DType::F32, x, y, 1, gradus::Dims(rows));
      CHECK(std::isnan(y[0]), "NaN at %ld of %ld", static_cast<long>(at), static_cast<long>(n));
      backend.max(DType::F32, x, y, 1, gradus::Dims(columns));
      CHECK(std::isnan(y[0]), "NaN at %ld of %ld", static_cast<long>(at), static_cast<long>(n));
      backend.argmax(DType::F32, x, index, 1, n, 1);
      CHECK(index[0] == at, "NaN at %ld of %ld", static_cast<long>(at), static_cast<long>(n));
    }
  }
}

void argmaxIsTheFirstOfTheLargest(Backend& backend) {
  struct Shape {
    int64_t outer, n, inner;
  };
  for (const Shape& s : std::vector<Shape>{{1, 1, 1},
                                           {3, 10, 1},
                                           {257, 10, 1},
                                           {2, 5000, 1},
                                           {4, 9, 7},
                                           {2, 300, 600},
                                           {1, 70000, 1}}) {
    for (DType type : kAll) {
      // Few distinct values, so that there are ties.
      Tensor x = Numbers(10).tensor(type, s.outer * s.n * s.inner, -9, 9);
      for (int64_t i = 0; i < x.size(); ++i) x.set(i, std::floor(x[i]));
      Tensor y(DType::I64, s.outer * s.inner);
      backend.argmax(type, x, y, s.outer, s.n, s.inner);
      int64_t wrong = 0;
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t base = i / s.inner * s.n * s.inner + i % s.inner;
        int64_t first = 0;
        for (int64_t k = 1; k < s.n; ++k) {
          if (x[base + k * s.inner] > x[base + first * s.inner]) first = k;
        }
        wrong += y[i] != static_cast<double>(first);
      }
      CHECK(wrong == 0 && y.guardIntact(), "%s (%ld, %ld, %ld): %ld are wrong", nameOf(type),
            static_cast<long>(s.outer), static_cast<long>(s.n), static_cast<long>(s.inner),
            static_cast<long>(wrong));
    }
  }
  Tensor x(DType::F32, {kNaN, 1, kNaN, 5, 2, 7}), y(DType::I64, 3);
  backend.argmax(DType::F32, x, y, 1, 2, 3);
  CHECK(y[0] == 0 && y[1] == 1 && y[2] == 0, "%g %g %g", y[0], y[1], y[2]);
  Tensor lowest(DType::F32, {-kInfinity, -kInfinity}), index(DType::I64, 1);
  backend.argmax(DType::F32, lowest, index, 1, 2, 1);
  CHECK(index[0] == 0, "%g", index[0]);
}

void sumsOfSquares(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t n : {0, 1, 31, 33, 1025, 40000}) {
      Tensor x = Numbers(11).tensor(type, n, -3, 3), y(DType::F32, 1);
      double want = 0;
      for (int64_t i = 0; i < n; ++i) want += x[i] * x[i];
      backend.sumSquares(type, x, y, n);
      CHECK(close(DType::F32, y[0], want, 0) && y.guardIntact(), "%s, %ld elements: %.9g, not %.9g",
            nameOf(type), static_cast<long>(n), y[0], want);
    }
  }
  Tensor x(DType::F32, {1e30, 1e30}), y(DType::F32, 1);
  backend.sumSquares(DType::F32, x, y, 2);
  CHECK(y[0] == kInfinity, "%g", y[0]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3) sumsHaveTheSameBitsOnAnyNumberOfThreads(argv);
  Backend& backend = openBackend(argc, argv);
  sumsOfAnyAxes(backend);
  aViewThatIsNotAlignedHasTheSameBits(backend);
  aLongSumOfSmallNumbersKeepsItsDigits(backend);
  maximaOfAnyAxes(backend);
  nanWinsAMaximumWhereverItStands(backend);
  argmaxIsTheFirstOfTheLargest(backend);
  sumsOfSquares(backend);
  return report("reductions_test");
}
