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

enum Reduction { kMean, kSum, kNone };

/** How a loss is asked for: smoothing, weights from 0 to 2 or none, and reduction. */
struct Options {
  double smoothing = 0;
  bool weighted = false;
  int64_t reduction = kMean;
};

const std::vector<Options> kOptions = {{},
                                       {0, false, kSum},
                                       {0, false, kNone},
                                       {0.1, false, kMean},
                                       {0, true, kMean},
                                       {0.3, true, kMean},
                                       {1, true, kSum},
                                       {0.3, true, kNone}};

struct Result {
  Doubles loss;
  double divisor;
  Doubles lse, dx;  // dx for dloss = 1.5, or, of row i, 1.5 + i % 3
};

Result reference(const Tensor& x, const Tensor& labels, const Doubles& w, const Options& o,
                 int64_t rows, int64_t cols, int64_t ignored) {
  Result r{{}, 0, {}, Doubles(static_cast<size_t>(rows * cols))};
  double total = 0;
  for (int64_t row = 0; row < rows; ++row) {
    double largest = -kInfinity, sum = 0;
    for (int64_t i = 0; i < cols; ++i) largest = std::fmax(largest, x[row * cols + i]);
    for (int64_t i = 0; i < cols; ++i) sum += std::exp(x[row * cols + i] - largest);
    r.lse.push_back(largest + std::log(sum));
    r.loss.push_back(0);
    const auto label = static_cast<int64_t>(labels[row]);
    if (label == ignored) continue;
    for (int64_t i = 0; i < cols; ++i) {
      const double share =
          (i == label ? 1 - o.smoothing : 0) + o.smoothing / static_cast<double>(cols);
      r.loss.back() += share * w[static_cast<size_t>(i)] * (r.lse.back() - x[row * cols + i]);
    }
    r.divisor += w[static_cast<size_t>(label)];
    total += r.loss.back();
  }
  if (o.reduction != kMean) r.divisor = 1;
  if (o.reduction != kNone) r.loss = {total / r.divisor};
  for (int64_t row = 0; row < rows; ++row) {
    const auto label = static_cast<int64_t>(labels[row]);
    if (label == ignored || r.divisor == 0) continue;
    const double d = (1.5 + (o.reduction == kNone ? row % 3 : 0)) / r.divisor;
    double all = 0;
    for (int64_t i = 0; i < cols; ++i) {
      const double share =
          (i == label ? 1 - o.smoothing : 0) + o.smoothing / static_cast<double>(cols);
      all += share * w[static_cast<size_t>(i)];
      r.dx[static_cast<size_t>(row * cols + i)] -= share * w[static_cast<size_t>(i)] * d;
    }
    for (int64_t i = 0; i < cols; ++i) {
      const double p = std::exp(x[row * cols + i] - r.lse[static_cast<size_t>(row)]);
      r.dx[static_cast<size_t>(row * cols + i)] += p * all * d;
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
           int64_t period, const Options& o) {
  Tensor x = Numbers(4).tensor(type, c.rows * c.cols, -9, 9), dx(type, c.rows * c.cols);
  Tensor labels = labelsOf(labelType, c, ignored, period);
  Tensor weights = Numbers(5).tensor(DType::F32, c.cols, 0, 2);
  if (c.cols > 3) weights.set(2, 0);
  Doubles w(static_cast<size_t>(c.cols), 1.0);
  for (int64_t i = 0; o.weighted && i < c.cols; ++i) w[static_cast<size_t>(i)] = weights[i];
  const In given = o.weighted ? In(weights) : In(nullptr);
  const int64_t losses = o.reduction == kNone ? c.rows : 1;
  Tensor loss(DType::F32, losses), divisor(DType::F32, 1), lse(DType::F32, c.rows);
  Tensor dloss(DType::F32, losses);
  for (int64_t i = 0; i < losses; ++i) dloss.set(i, 1.5 + static_cast<double>(i % 3));
  const Result want = reference(x, labels, w, o, c.rows, c.cols, ignored);
  backend.crossEntropy(type, x, labelType, labels, given, loss, lse, divisor, c.rows, c.cols,
                       c.cols, ignored, o.smoothing, o.reduction);
  const std::string what = std::string(nameOf(type)) + ", (" + std::to_string(c.rows) + ", " +
                           std::to_string(c.cols) + "), smoothing " + std::to_string(o.smoothing) +
                           (o.weighted ? ", weighted" : "");
  int64_t wrong = 0;
  for (int64_t i = 0; i < losses; ++i) {
    wrong += !close(DType::F32, loss[i], want.loss[static_cast<size_t>(i)], 8, 1e-6);
  }
  CHECK(wrong == 0 && loss.guardIntact(), "%s: %ld losses are wrong, the first %.9g, want %.9g",
        what.c_str(), static_cast<long>(wrong), losses > 0 ? loss[0] : 0,
        losses > 0 ? want.loss[0] : 0);
  CHECK(close(DType::F32, divisor[0], want.divisor, 2), "%s: divisor %g, want %g", what.c_str(),
        divisor[0], want.divisor);
  for (int64_t row = 0; row < c.rows; ++row) {
    wrong += !close(DType::F32, lse[row], want.lse[static_cast<size_t>(row)], 2, 1e-7);
  }
  CHECK(wrong == 0 && lse.guardIntact(), "%s: %ld of lse are wrong", what.c_str(),
        static_cast<long>(wrong));

  const bool each = o.reduction == kNone;
  backend.crossEntropyGrad(type, x, labelType, labels, given, lse, divisor, dloss, dx, c.rows,
                           c.cols, c.cols, ignored, o.smoothing, each);
  const double scale = 3.5 / (want.divisor == 0 ? 1 : want.divisor);
  for (int64_t i = 0; i < dx.size(); ++i) {
    // lse is rounded to float, half a unit at 16 at most, and exp turns that into a relative error.
    wrong += !close(type, dx[i], want.dx[static_cast<size_t>(i)], 24, 2e-6 * scale);
  }
  CHECK(wrong == 0 && dx.guardIntact(), "%s: %ld of dx are wrong", what.c_str(),
        static_cast<long>(wrong));
  backend.crossEntropyGrad(type, x, labelType, labels, given, lse, divisor, dloss, x, c.rows,
                           c.cols, c.cols, ignored, o.smoothing, each);
  CHECK(x.sameBits(dx), "in place, %s", what.c_str());
}

/** Rows with something between them are as the rows alone; the gradient is 0 there. */
void whatLiesBetweenRowsHasNoPart(Backend& backend) {
  for (DType type : kFloating) {
    for (const Case& c : std::vector<Case>{{5, 13}, {3, 1100}, {2, 20011}}) {
      const int64_t stride = c.cols + 53;
      const Tensor x = Numbers(4).tensor(type, c.rows * c.cols, -9, 9);
      const Tensor labels = labelsOf(DType::I64, c, 0, 3), dloss(DType::F32, Doubles{1.5});
      Tensor wide(type, Doubles(static_cast<size_t>(c.rows * stride), kNaN)), wideGrad = wide;
      for (int64_t i = 0; i < x.size(); ++i) wide.set(i / c.cols * stride + i % c.cols, x[i]);
      Tensor loss(DType::F32, 1), wideLoss = loss, count = loss, lse(DType::F32, c.rows);
      Tensor wideLse = lse, dx(type, x.size());
      auto both = [&](In logits, Out to, Out sum, Out each, int64_t apart) {
        backend.crossEntropy(type, logits, DType::I64, labels, nullptr, sum, each, count, c.rows,
                             c.cols, apart, kIgnored, 0, kMean);
        backend.crossEntropyGrad(type, logits, DType::I64, labels, nullptr, each, count, dloss, to,
                                 c.rows, c.cols, apart, kIgnored, 0, false);
      };
      both(x, dx, loss, lse, c.cols);
      both(wide, wideGrad, wideLoss, wideLse, stride);
      both(wide, wide, wideLoss, wideLse, stride);
      CHECK(wide.sameBits(wideGrad) && wide.guardIntact(), "in place, %s", nameOf(type));
      CHECK(close(DType::F32, wideLoss[0], loss[0], 2), "%g and %g", wideLoss[0], loss[0]);
      int64_t wrong = 0;
      for (int64_t i = 0; i < wide.size(); ++i) {
        const int64_t row = i / stride, col = i % stride;
        const double want = col < c.cols ? dx[row * c.cols + col] : 0;
        wrong += !close(type, wide[i], want, 24, 1e-12);  // lse may differ in its last bits
      }
      CHECK(wrong == 0, "%s, (%ld, %ld): %ld are wrong", nameOf(type), static_cast<long>(c.rows),
            static_cast<long>(c.cols), static_cast<long>(wrong));
    }
  }
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
        backend.crossEntropy(type, logits, DType::I64, labels, nullptr, loss, into, count, c.rows,
                             c.cols, c.cols, kIgnored, 0.1, kMean);
      };
      auto backward = [&](In logits, Out into) {
        backend.crossEntropyGrad(type, logits, DType::I64, labels, nullptr, lse, count, dloss, into,
                                 c.rows, c.cols, c.cols, kIgnored, 0.1, false);
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
      for (const Options& o : kOptions) {
        check(backend, type, DType::I64, c, kIgnored, 0, o);
        check(backend, type, DType::I32, c, kIgnored, 3, o);
      }
    }
  }
  // An ignored label that is a class.
  for (const Options& o : kOptions) check(backend, DType::F32, DType::I64, {7, 17}, 5, 2, o);
}

/** The loss where only classes of no weight occur, and its gradient. */
void whereNoRowHasWeightTheGradientIsZero(Backend& backend) {
  Tensor x(DType::F32, {1, 2, 3, 4}), dx(DType::F32, 4), labels(DType::I64, {0, 0});
  Tensor weights(DType::F32, {0, 1}), loss(DType::F32, 1), divisor(DType::F32, 1);
  Tensor lse(DType::F32, 2), dloss(DType::F32, Doubles{1.0});
  backend.crossEntropy(DType::F32, x, DType::I64, labels, weights, loss, lse, divisor, 2, 2, 2,
                       kIgnored, 0, kMean);
  CHECK(std::isnan(loss[0]) && divisor[0] == 0, "loss %g, divisor %g", loss[0], divisor[0]);
  backend.crossEntropyGrad(DType::F32, x, DType::I64, labels, weights, lse, divisor, dloss, dx, 2,
                           2, 2, kIgnored, 0, false);
  for (int64_t i = 0; i < 4; ++i) CHECK(dx[i] == 0, "dx %g", dx[i]);
}

void aMaskedClassWithoutWeightHasNoPartInSmoothing(Backend& backend) {
  Tensor x(DType::F32, {1, -kInfinity, 2}), dx(DType::F32, 3), labels(DType::I64, Doubles{2.0});
  Tensor weights(DType::F32, {1, 0, 1}), loss(DType::F32, 1), divisor(DType::F32, 1);
  Tensor lse(DType::F32, 1), dloss(DType::F32, Doubles{1.0});
  backend.crossEntropy(DType::F32, x, DType::I64, labels, weights, loss, lse, divisor, 1, 3, 3,
                       kIgnored, 0.3, kMean);
  const double logSum = 2 + std::log1p(std::exp(-1.0));
  const double want = 0.7 * (logSum - 2) + 0.1 * (2 * logSum - 3);
  CHECK(close(DType::F32, loss[0], want, 8), "got %.9g, want %.9g", loss[0], want);
  backend.crossEntropyGrad(DType::F32, x, DType::I64, labels, weights, lse, divisor, dloss, dx, 1,
                           3, 3, kIgnored, 0.3, false);
  CHECK(dx[1] == 0 && std::isfinite(dx[0]) && std::isfinite(dx[2]), "dx %g %g %g", dx[0], dx[1],
        dx[2]);
}

void whereAllRowsAreIgnoredTheLossIsNaNAndTheGradientZero(Backend& backend) {
  Tensor x(DType::F32, Doubles(6, kNaN)), dx(DType::F32, 6), labels(DType::I32, {-100, -100});
  Tensor loss(DType::F32, 1), count(DType::F32, 1), lse(DType::F32, 2),
      dloss(DType::F32, Doubles{1.0});
  backend.crossEntropy(DType::F32, x, DType::I32, labels, nullptr, loss, lse, count, 2, 3, 3,
                       kIgnored, 0, kMean);
  CHECK(std::isnan(loss[0]) && count[0] == 0, "loss %g, count %g", loss[0], count[0]);
  backend.crossEntropyGrad(DType::F32, x, DType::I32, labels, nullptr, lse, count, dloss, dx, 2, 3,
                           3, kIgnored, 0, false);
  for (int64_t i = 0; i < 6; ++i) CHECK(dx[i] == 0, "dx %g", dx[i]);
}

void aNaNOrAnInfiniteLogitReachesTheLoss(Backend& backend) {
  Tensor labels(DType::I64, Doubles{1.0}), loss(DType::F32, 1), count(DType::F32, 1),
      lse(DType::F32, 1);
  auto lossOf = [&](const Doubles& logits) {
    Tensor x(DType::F32, logits);
    backend.crossEntropy(DType::F32, x, DType::I64, labels, nullptr, loss, lse, count, 1, x.size(),
                         x.size(), kIgnored, 0, kMean);
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
          backend.crossEntropy(DType::F32, x, type, labels, nullptr, loss, lse, count, rows, cols,
                               cols, kIgnored, 0, kMean);
        });
        CHECK(got == want, "got '%s', want '%s'", got.c_str(), want.c_str());
        CHECK(loss[0] == 7, "the loss was written: %g", loss[0]);
        got = outOfRange([&] {
          backend.crossEntropyGrad(DType::F32, x, type, labels, nullptr, lse, count, dloss, dx,
                                   rows, cols, cols, kIgnored, 0, false);
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
    backend->crossEntropy(DType::F32, x, DType::I64, labels, nullptr, loss, lse, count, c.rows,
                          c.cols, c.cols, kIgnored, 0.1, kMean);
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
  whereNoRowHasWeightTheGradientIsZero(backend);
  aMaskedClassWithoutWeightHasNoPartInSmoothing(backend);
  whatLiesBetweenRowsHasNoPart(backend);
  viewsThatAreNotAlignedGiveTheSame(backend);
  whereAllRowsAreIgnoredTheLossIsNaNAndTheGradientZero(backend);
  aNaNOrAnInfiniteLogitReachesTheLoss(backend);
  labelsOutsideTheClassesAreRefused(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("losses_test");
}
