// Cross-entropy and its gradient against the formulas in double.
#include "check.h"
#include "copies.h"

namespace {

const int64_t kIgnored = -100;

struct Case {
  int64_t rows, cols;
};
// One, a prime, a batch of digits, one past a vector, a vocabulary.
const std::vector<Case> kCases = {{0, 3}, {1, 1}, {1, 50257}, {7, 17}, {64, 10}, {4099, 33}};

struct Result {
  double loss, count;
  Doubles lse, dx;  // dx for dloss = 1.5
};

Result reference(const Tensor& x, const Tensor& labels, int64_t rows, int64_t cols,
                 int64_t ignored) {
  Result r{0, 0, {}, Doubles(static_cast<size_t>(rows * cols))};
  for (int64_t row = 0; row < rows; ++row) {
    double largest = -kInfinity, sum = 0;
    for (int64_t i = 0; i < cols; ++i) largest = std::fmax(largest, x[row * cols + i]);
    for (int64_t i = 0; i < cols; ++i) sum += std::exp(x[row * cols + i] - largest);
    r.lse.push_back(largest + std::log(sum));
    const auto label = static_cast<int64_t>(labels[row]);
    if (label == ignored) continue;
    r.loss += r.lse.back() - x[row * cols + label];
    ++r.count;
  }
  r.loss /= r.count;
  for (int64_t row = 0; row < rows; ++row) {
    const auto label = static_cast<int64_t>(labels[row]);
    if (label == ignored) continue;
    for (int64_t i = 0; i < cols; ++i) {
      const double p = std::exp(x[row * cols + i] - r.lse[static_cast<size_t>(row)]);
      r.dx[static_cast<size_t>(row * cols + i)] = (p - (i == label)) * 1.5 / r.count;
    }
  }
  return r;
}

/** Every `period`-th row is ignored; none where it is 0. */
Tensor labelsOf(DType type, const Case& c, int64_t ignored, int64_t period) {
  Numbers numbers(9);
  Tensor labels(type, c.rows);
  for (int64_t row = 0; row < c.rows; ++row) {
    const bool skip = period > 0 && row % period == 0;
    labels.set(row, static_cast<double>(skip ? ignored : numbers.below(c.cols)));
  }
  return labels;
}

void check(Backend& backend, DType type, DType labelType, const Case& c, int64_t ignored,
           int64_t period) {
  Tensor x = Numbers(4).tensor(type, c.rows * c.cols, -9, 9), dx(type, c.rows * c.cols);
  Tensor labels = labelsOf(labelType, c, ignored, period);
  Tensor loss(DType::F32, 1), count(DType::F32, 1), lse(DType::F32, c.rows);
  Tensor dloss(DType::F32, Doubles{1.5});
  const Result want = reference(x, labels, c.rows, c.cols, ignored);
  backend.crossEntropy(type, x, labelType, labels, loss, lse, count, c.rows, c.cols, ignored);
  CHECK(close(DType::F32, loss[0], want.loss, 4), "%s, (%ld, %ld): got %.9g, want %.9g",
        nameOf(type), static_cast<long>(c.rows), static_cast<long>(c.cols), loss[0], want.loss);
  CHECK(count[0] == want.count, "got %g, want %g", count[0], want.count);
  int64_t wrong = 0;
  for (int64_t row = 0; row < c.rows; ++row) {
    wrong += !close(DType::F32, lse[row], want.lse[static_cast<size_t>(row)], 2, 1e-7);
  }
  CHECK(wrong == 0 && lse.guardIntact(), "%ld of lse are wrong", static_cast<long>(wrong));

  backend.crossEntropyGrad(type, x, labelType, labels, lse, count, dloss, dx, c.rows, c.cols,
                           ignored);
  for (int64_t i = 0; i < dx.size(); ++i) {
    // lse is rounded to float, half a unit at 16 at most, and exp turns that into a relative error.
    wrong += !close(type, dx[i], want.dx[static_cast<size_t>(i)], 24, 2e-6 / want.count);
  }
  CHECK(wrong == 0 && dx.guardIntact(), "%s, (%ld, %ld): %ld of dx are wrong", nameOf(type),
        static_cast<long>(c.rows), static_cast<long>(c.cols), static_cast<long>(wrong));
  backend.crossEntropyGrad(type, x, labelType, labels, lse, count, dloss, x, c.rows, c.cols,
                           ignored);
  CHECK(x.sameBits(dx), "in place, %s, (%ld, %ld)", nameOf(type), static_cast<long>(c.rows),
        static_cast<long>(c.cols));
}

void viewsThatAreNotAlignedGiveTheSame(Backend& backend) {
  for (DType type : kFloating) {
    for (const Case& c : std::vector<Case>{{5, 13}, {3, 1100}, {2, 20011}}) {
      const int64_t n = c.rows * c.cols;
      const Tensor x = Numbers(4).tensor(type, n, -9, 9), labels = labelsOf(DType::I64, c, 0, 3);
      Shifted view(x);
      Tensor loss(DType::F32, 1), count(DType::F32, 1), lse(DType::F32, c.rows), again = lse;
      const Tensor dloss(DType::F32, Doubles{1.5});
      Tensor dx(type, n), far(type, n);
      auto forward = [&](In logits, Out into) {
        backend.crossEntropy(type, logits, DType::I64, labels, loss, into, count, c.rows, c.cols,
                             kIgnored);
      };
      auto backward = [&](In logits, Out into) {
        backend.crossEntropyGrad(type, logits, DType::I64, labels, lse, count, dloss, into, c.rows,
                                 c.cols, kIgnored);
      };
      forward(x, lse);
      forward(view, again);
      int64_t wrong = 0;
      for (int64_t row = 0; row < c.rows; ++row)
        wrong += !close(DType::F32, again[row], lse[row], 2);
      backward(x, dx);
      backward(view, far);
      backward(view, view);
      for (int64_t i = 0; i < n; ++i) wrong += far[i] != dx[i] || view[i] != dx[i];
      CHECK(wrong == 0 && far.guardIntact() && view.guardIntact(), "%s, (%ld, %ld): %ld are wrong",
            nameOf(type), static_cast<long>(c.rows), static_cast<long>(c.cols),
            static_cast<long>(wrong));
    }
  }
}

void crossEntropyFollowsItsFormula(Backend& backend) {
  for (DType type : kFloating) {
    for (const Case& c : kCases) {
      check(backend, type, DType::I64, c, kIgnored, 0);
      check(backend, type, DType::I32, c, kIgnored, 3);
    }
  }
  check(backend, DType::F32, DType::I64, {7, 17}, 5, 2);  // an ignored label that is a class
}

void whereAllRowsAreIgnoredTheLossIsNaNAndTheGradientZero(Backend& backend) {
  Tensor x(DType::F32, Doubles(6, kNaN)), dx(DType::F32, 6), labels(DType::I32, {-100, -100});
  Tensor loss(DType::F32, 1), count(DType::F32, 1), lse(DType::F32, 2),
      dloss(DType::F32, Doubles{1.0});
  backend.crossEntropy(DType::F32, x, DType::I32, labels, loss, lse, count, 2, 3, kIgnored);
  CHECK(std::isnan(loss[0]) && count[0] == 0, "loss %g, count %g", loss[0], count[0]);
  backend.crossEntropyGrad(DType::F32, x, DType::I32, labels, lse, count, dloss, dx, 2, 3,
                           kIgnored);
  for (int64_t i = 0; i < 6; ++i) CHECK(dx[i] == 0, "dx %g", dx[i]);
}

void aNaNOrAnInfiniteLogitReachesTheLoss(Backend& backend) {
  Tensor labels(DType::I64, Doubles{1.0}), loss(DType::F32, 1), count(DType::F32, 1),
      lse(DType::F32, 1);
  auto lossOf = [&](const Doubles& logits) {
    Tensor x(DType::F32, logits);
    backend.crossEntropy(DType::F32, x, DType::I64, labels, loss, lse, count, 1, x.size(),
                         kIgnored);
    return loss[0];
  };
  CHECK(std::isnan(lossOf({kNaN, 1, 2})), "got %g", loss[0]);
  CHECK(lossOf({0, -kInfinity, 0}) == kInfinity, "got %g", loss[0]);
  CHECK(lossOf({-kInfinity, 3, -kInfinity}) == 0, "got %g", loss[0]);
  CHECK(lossOf({-1e4, 1e4, 0}) == 0 && lse[0] == 1e4f, "got %g", loss[0]);
  CHECK(lossOf({1e4, -1e4, 0}) == 2e4, "got %g", loss[0]);
}

void labelsOutsideTheClassesAreRefused(Backend& backend) {
  const int64_t rows = 70000, cols = 10;  // several tasks
  Tensor x(DType::F32, rows * cols), loss(DType::F32, Doubles{7.0}), count(DType::F32, 1);
  Tensor lse(DType::F32, rows), dx(DType::F32, rows * cols), dloss(DType::F32, Doubles{1.0});
  for (DType type : {DType::I32, DType::I64}) {
    const Doubles hostile = {12, 10, -1, type == DType::I32 ? -2147483648.0 : -0x1p63,
                             type == DType::I32 ? 2147483647.0 : 0x1p62};
    for (double bad : hostile) {
      for (int64_t row : {int64_t{0}, int64_t{3}, rows - 1}) {
        Tensor labels(type, Doubles(static_cast<size_t>(rows), 4));
        labels.set(row, bad);
        labels.set(rows - 1, bad);  // the first is the one that is named
        const std::string want = "crossEntropy: label " +
                                 std::to_string(static_cast<int64_t>(bad)) + " at row " +
                                 std::to_string(row) + " is outside [0, 10)";
        std::string got = outOfRange([&] {
          backend.crossEntropy(DType::F32, x, type, labels, loss, lse, count, rows, cols, kIgnored);
        });
        CHECK(got == want, "got '%s', want '%s'", got.c_str(), want.c_str());
        CHECK(loss[0] == 7, "the loss was written: %g", loss[0]);
        got = outOfRange([&] {
          backend.crossEntropyGrad(DType::F32, x, type, labels, lse, count, dloss, dx, rows, cols,
                                   kIgnored);
        });
        CHECK(got == want, "gradient: got '%s', want '%s'", got.c_str(), want.c_str());
      }
    }
  }
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const Case c{5003, 97};
  Tensor x = Numbers(6).tensor(DType::F32, c.rows * c.cols, -9, 9);
  Tensor labels = labelsOf(DType::I64, c, kIgnored, 7);
  std::vector<Tensor> losses;
  for (Backend* backend : backends) {
    Tensor loss(DType::F32, 1), count(DType::F32, 1), lse(DType::F32, c.rows);
    backend->crossEntropy(DType::F32, x, DType::I64, labels, loss, lse, count, c.rows, c.cols,
                          kIgnored);
    losses.push_back(loss);
  }
  for (const Tensor& loss : losses) {
    CHECK(loss.sameBits(losses[0]), "%.9g and %.9g", loss[0], losses[0][0]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  crossEntropyFollowsItsFormula(backend);
  viewsThatAreNotAlignedGiveTheSame(backend);
  whereAllRowsAreIgnoredTheLossIsNaNAndTheGradientZero(backend);
  aNaNOrAnInfiniteLogitReachesTheLoss(backend);
  labelsOutsideTheClassesAreRefused(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("losses_test");
}
