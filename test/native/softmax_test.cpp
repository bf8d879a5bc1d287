// Softmax and its relatives against the formulas in double.
#include "check.h"
#include "copies.h"

namespace {

// One element, less than a vector, one more than a vector, than a block and a vocabulary.
const std::vector<int64_t> kCols = {1, 2, 7, 16, 17, 33, 257, 1025, 50257};
const std::vector<int64_t> kRows = {0, 1, 3, 67};

const float kInf = std::numeric_limits<float>::infinity();

Doubles rowOf(const Tensor& x, int64_t row, int64_t cols) {
  Doubles values;
  for (int64_t i = 0; i < cols; ++i) values.push_back(x[row * cols + i]);
  return values;
}

double logSumExp(const Doubles& x) {
  double largest = -kInfinity, sum = 0;
  for (double v : x) largest = std::fmax(largest, v);
  for (double v : x) sum += std::exp(v - largest);
  return largest + std::log(sum);
}

void softmaxFollowsItsFormula(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t cols : kCols) {
      for (int64_t rows : kRows) {
        if (rows * cols > 200000 && type != DType::F32) continue;
        Tensor x = Numbers(static_cast<uint64_t>(cols)).tensor(type, rows * cols, -9, 9);
        Tensor y(type, rows * cols), logY(type, rows * cols), inPlace = x;
        backend.softmax(type, x, y, rows, cols);
        backend.logSoftmax(type, x, logY, rows, cols);
        backend.softmax(type, inPlace, inPlace, rows, cols);
        int64_t wrong = 0;
        for (int64_t row = 0; row < rows; ++row) {
          const Doubles values = rowOf(x, row, cols);
          const double lse = logSumExp(values);
          for (int64_t i = 0; i < cols; ++i) {
            const double want = values[static_cast<size_t>(i)] - lse;
            // x - max has an error of half a unit at 18, and exp turns it into a relative one.
            wrong += !close(type, y[row * cols + i], std::exp(want), 16);
            wrong += !close(type, logY[row * cols + i], want, 2, 2e-6);
          }
        }
        CHECK(wrong == 0 && y.guardIntact() && logY.guardIntact(), "%s, (%ld, %ld): %ld are wrong",
              nameOf(type), static_cast<long>(rows), static_cast<long>(cols),
              static_cast<long>(wrong));
        CHECK(inPlace.sameBits(y), "in place, %s, (%ld, %ld)", nameOf(type),
              static_cast<long>(rows), static_cast<long>(cols));
      }
    }
  }
}

void gradientsFollowTheirFormulas(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t cols : kCols) {
      const int64_t rows = 3;
      Numbers numbers(static_cast<uint64_t>(cols));
      Tensor dy = numbers.tensor(type, rows * cols, -2, 2);
      Tensor y = numbers.tensor(type, rows * cols, 0, 2.0 / static_cast<double>(cols));
      Tensor logY = numbers.tensor(type, rows * cols, -20, 0);
      Tensor dx(type, rows * cols), logDx(type, rows * cols);
      backend.softmaxGrad(type, y, dy, dx, rows, cols);
      backend.logSoftmaxGrad(type, logY, dy, logDx, rows, cols);
      int64_t wrong = 0;
      for (int64_t row = 0; row < rows; ++row) {
        double dot = 0, sum = 0;
        for (int64_t i = row * cols; i < (row + 1) * cols; ++i) {
          dot += y[i] * dy[i];
          sum += dy[i];
        }
        for (int64_t i = row * cols; i < (row + 1) * cols; ++i) {
          // Differences: what cancels leaves the rounding of its terms, 2 and |sum|.
          wrong += !close(type, dx[i], y[i] * (dy[i] - dot), 2, y[i] * 1e-6);
          const double p = std::exp(logY[i]);
          wrong += !close(type, logDx[i], dy[i] - p * sum, 2, 1e-6 * (1 + p * std::fabs(sum)));
        }
      }
      CHECK(wrong == 0 && dx.guardIntact(), "%s, %ld columns: %ld are wrong", nameOf(type),
            static_cast<long>(cols), static_cast<long>(wrong));
      backend.softmaxGrad(type, y, dy, dy, rows, cols);
      CHECK(dy.sameBits(dx), "in place, %s, %ld columns", nameOf(type), static_cast<long>(cols));
    }
  }
}

Doubles softmaxOf(Backend& backend, bool log, const Doubles& values) {
  const auto n = static_cast<int64_t>(values.size());
  Tensor x(DType::F32, values), y(DType::F32, n);
  if (log) {
    backend.logSoftmax(DType::F32, x, y, 1, n);
  } else {
    backend.softmax(DType::F32, x, y, 1, n);
  }
  return rowOf(y, 0, n);
}

void specialValues(Backend& backend) {
  for (size_t n : {2u, 16u, 19u, 40u, 1100u}) {
    const Doubles masked(n, -kInf);
    for (double v : softmaxOf(backend, false, masked)) CHECK(v == 0, "fully masked: %g", v);
    for (double v : softmaxOf(backend, true, masked)) CHECK(v == -kInf, "fully masked: %g", v);

    for (size_t at : {size_t{0}, n / 2, n - 1}) {
      for (double rest : {0.0, static_cast<double>(-kInf)}) {
        Doubles x(n, rest);
        x[at] = kNaN;
        for (double v : softmaxOf(backend, false, x)) CHECK(std::isnan(v), "NaN in the row: %g", v);
        for (double v : softmaxOf(backend, true, x)) CHECK(std::isnan(v), "NaN in the row: %g", v);
        x[at] = kInf;
        for (double v : softmaxOf(backend, false, x)) CHECK(std::isnan(v), "inf in the row: %g", v);
      }
      Doubles x(n, -kInf);  // all but one masked
      x[at] = -1e30;
      const Doubles y = softmaxOf(backend, false, x), logY = softmaxOf(backend, true, x);
      for (size_t i = 0; i < n; ++i) {
        CHECK(y[i] == (i == at ? 1 : 0), "element %zu of %zu: %g", i, n, y[i]);
        CHECK(logY[i] == (i == at ? 0 : -kInf), "element %zu of %zu: %g", i, n, logY[i]);
      }
    }
    // Far below the largest exp gives 0, and what log-softmax gives stays finite.
    Doubles x(n, -1e4);
    x[0] = 1e4;
    CHECK(softmaxOf(backend, false, x)[1] == 0, "underflow");
    CHECK(softmaxOf(backend, true, x)[1] == -2e4, "underflow");
    const Doubles equal = softmaxOf(backend, false, Doubles(n, 3e38));
    CHECK(std::fabs(equal[0] * static_cast<double>(n) - 1) < 1e-6, "equal and huge: %g", equal[0]);
  }
}

void viewsThatAreNotAlignedGiveTheSame(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t cols : {1, 7, 57, 1100}) {
      const int64_t rows = 3, n = rows * cols;
      Numbers numbers(static_cast<uint64_t>(cols));
      const Tensor x = numbers.tensor(type, n, -9, 9), dy = numbers.tensor(type, n, -2, 2);
      const Shifted xView(x), dyView(dy);
      Tensor y(type, n), dx(type, n), one(type, n);  // `one` is aligned where its operands are not
      Shifted all(y);
      int64_t wrong = 0;
      auto compare = [&](const Tensor& want) {
        for (int64_t i = 0; i < n; ++i) {
          wrong += !close(type, one[i], want[i], 8, roundingOf(type) * std::fabs(want[i]) + 1e-6);
          wrong += !close(type, all[i], want[i], 8, roundingOf(type) * std::fabs(want[i]) + 1e-6);
        }
      };
      backend.logSoftmax(type, x, y, rows, cols);
      backend.logSoftmax(type, xView, one, rows, cols);
      backend.logSoftmax(type, xView, all, rows, cols);
      compare(y);
      backend.logSoftmaxGrad(type, y, dy, dx, rows, cols);
      backend.logSoftmaxGrad(type, Shifted(y), dy, one, rows, cols);
      backend.logSoftmaxGrad(type, Shifted(y), dyView, all, rows, cols);
      compare(dx);
      backend.softmax(type, x, y, rows, cols);
      backend.softmax(type, xView, one, rows, cols);
      backend.softmax(type, xView, all, rows, cols);
      compare(y);
      backend.softmaxGrad(type, y, dy, dx, rows, cols);
      backend.softmaxGrad(type, Shifted(y), dy, one, rows, cols);
      backend.softmaxGrad(type, Shifted(y), dyView, all, rows, cols);
      compare(dx);
      CHECK(wrong == 0 && one.guardIntact() && all.guardIntact(), "%s, %ld columns: %ld are wrong",
            nameOf(type), static_cast<long>(cols), static_cast<long>(wrong));
    }
  }
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const int64_t rows = 301, cols = 1003;
  Numbers numbers(5);
  Tensor x = numbers.tensor(DType::F32, rows * cols, -9, 9);
  Tensor dy = numbers.tensor(DType::F32, rows * cols, -9, 9);
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Tensor y(DType::F32, rows * cols), dx(DType::F32, rows * cols);
    backend->softmax(DType::F32, x, y, rows, cols);
    backend->softmaxGrad(DType::F32, y, dy, dx, rows, cols);
    results.push_back(y);
    results.push_back(dx);
  }
  for (size_t i = 2; i < results.size(); ++i) {
    CHECK(results[i].sameBits(results[i % 2]), "backend %zu differs", i / 2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  softmaxFollowsItsFormula(backend);
  gradientsFollowTheirFormulas(backend);
  specialValues(backend);
  viewsThatAreNotAlignedGiveTheSame(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("softmax_test");
}
