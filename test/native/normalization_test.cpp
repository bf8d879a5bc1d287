// LayerNorm and RMSNorm against their formulas in double: all types, with and without parameters,
// residual and dropout.
#include "check.h"
#include "copies.h"

namespace {

constexpr double kEps = 1e-5;

struct Case {
  int64_t rows, cols;
};
// One element, less than a vector, one past a vector and a block, empty, what threads share, more
// rows than a GPU has chunks, and columns than its threads hold.
const std::vector<Case> kCases = {{1, 1},    {3, 2},     {0, 5},    {5, 7},
                                  {67, 17},  {2, 33},    {1, 1025}, {3, 2051},
                                  {700, 96}, {129, 768}, {4500, 3}, {2, 8200}};

/** The operands of one case; the parameters are F32 or of the rows' type. */
struct Operands {
  Operands(DType type, DType wt, const Case& c)
      : x(type, 0), residual(type, 0), dy(type, 0), weight(wt, 0), bias(wt, 0) {
    Numbers numbers(static_cast<uint64_t>(c.rows * 31 + c.cols));
    x = numbers.tensor(type, c.rows * c.cols, -2, 3);
    residual = numbers.tensor(type, c.rows * c.cols, -1, 1);
    dy = numbers.tensor(type, c.rows * c.cols, -1, 1);
    weight = numbers.tensor(wt, c.cols, 0.5, 1.5);
    bias = numbers.tensor(wt, c.cols, -1, 1);
  }
  Tensor x, residual, dy, weight, bias;
};

struct Row {
  double mean, rstd;
};

Row statisticsOf(const Doubles& x, int64_t row, int64_t cols, bool centred) {
  double mean = 0, squares = 0;
  for (int64_t i = 0; i < cols; ++i) mean += x[static_cast<size_t>(row * cols + i)];
  mean = centred ? mean / static_cast<double>(cols) : 0;
  for (int64_t i = 0; i < cols; ++i) {
    const double d = x[static_cast<size_t>(row * cols + i)] - mean;
    squares += d * d;
  }
  return {mean, 1 / std::sqrt(squares / static_cast<double>(cols) + kEps)};
}

struct Result {
  explicit Result(DType type, DType wt, const Case& c)
      : sum(type, c.rows * c.cols),
        y(type, c.rows * c.cols),
        dx(type, c.rows * c.cols),
        mean(DType::F32, c.rows),
        rstd(DType::F32, c.rows),
        dweight(wt, c.cols),
        dbias(wt, c.cols) {}
  bool guardsIntact() const {
    return sum.guardIntact() && y.guardIntact() && dx.guardIntact() && mean.guardIntact() &&
           rstd.guardIntact() && dweight.guardIntact() && dbias.guardIntact();
  }
  Tensor sum, y, dx, mean, rstd, dweight, dbias;
};

/** Which kernels: LayerNorm or RMSNorm, on x or on residual + dropout(x), parameters or none. */
struct Kind {
  bool centred, adds, parameters;
  double p;
};

constexpr int64_t kSeed = 17;

Result run(Backend& backend, const Kind& kind, Operands& o, const Case& c) {
  Result r(o.x.type(), o.weight.type(), c);
  const DType t = o.x.type(), wt = o.weight.type();
  const In weight = kind.parameters ? In(o.weight) : In(nullptr);
  const In bias = kind.parameters ? In(o.bias) : In(nullptr);
  if (kind.centred && kind.adds) {
    backend.addLayerNorm(t, o.x, o.residual, wt, weight, bias, r.sum, r.y, r.mean, r.rstd, c.rows,
                         c.cols, kEps, kSeed, kind.p);
  } else if (kind.centred) {
    backend.layerNorm(t, o.x, wt, weight, bias, r.y, r.mean, r.rstd, c.rows, c.cols, kEps);
    r.sum = o.x;
  } else if (kind.adds) {
    backend.addRmsNorm(t, o.x, o.residual, wt, weight, r.sum, r.y, r.rstd, c.rows, c.cols, kEps,
                       kSeed, kind.p);
  } else {
    backend.rmsNorm(t, o.x, wt, weight, r.y, r.rstd, c.rows, c.cols, kEps);
    r.sum = o.x;
  }
  if (kind.centred) {
    backend.layerNormGrad(t, o.dy, r.sum, wt, weight, r.mean, r.rstd, r.dx, false, r.dweight,
                          r.dbias, c.rows, c.cols);
  } else {
    backend.rmsNormGrad(t, o.dy, r.sum, wt, weight, r.rstd, r.dx, false, r.dweight, c.rows, c.cols);
  }
  return r;
}

void rowsFollowTheirFormulas(Backend& backend, const Kind& kind, DType type, DType wt,
                             const Case& c) {
  Operands o(type, wt, c);
  const Result r = run(backend, kind, o, c);
  Tensor dropped = o.x;
  backend.dropout(type, o.x, dropped, c.rows * c.cols, kSeed, 0, kind.p);
  int64_t wrong = 0;
  Doubles sum, dweight(static_cast<size_t>(c.cols)), dbias(static_cast<size_t>(c.cols));
  for (int64_t i = 0; i < c.rows * c.cols; ++i) {
    const double x = kind.p == 0 ? o.x[i] : dropped[i] == 0 ? 0 : o.x[i] / (1 - kind.p);
    wrong += !close(type, r.sum[i], kind.adds ? x + o.residual[i] : x, 2, 1e-7);
    sum.push_back(r.sum[i]);  // as it was stored is how it is normalized
  }
  for (int64_t row = 0; row < c.rows; ++row) {
    const Row s = statisticsOf(sum, row, c.cols, kind.centred);
    double meanG = 0, meanGX = 0;
    for (int64_t i = 0; i < c.cols; ++i) {
      const int64_t at = row * c.cols + i;
      const double n = (sum[static_cast<size_t>(at)] - s.mean) * s.rstd;
      const double w = kind.parameters ? o.weight[i] : 1;
      const double b = kind.parameters && kind.centred ? o.bias[i] : 0;
      wrong += !close(type, r.y[at], n * w + b, 8, 1e-6 * (1 + s.rstd));
      meanG += kind.centred ? o.dy[at] * w / static_cast<double>(c.cols) : 0;
      meanGX += o.dy[at] * w * n / static_cast<double>(c.cols);
      dweight[static_cast<size_t>(i)] += o.dy[at] * n;
      dbias[static_cast<size_t>(i)] += o.dy[at];
    }
    // What cancels leaves the rounding of the terms: rows of two nearly equal elements are worst.
    const double lost = 1e-6 * (1 + s.rstd * s.rstd);
    for (int64_t i = 0; i < c.cols; ++i) {
      const int64_t at = row * c.cols + i;
      const double n = (sum[static_cast<size_t>(at)] - s.mean) * s.rstd;
      const double g = o.dy[at] * (kind.parameters ? o.weight[i] : 1);
      wrong += !close(type, r.dx[at], s.rstd * (g - meanG - n * meanGX), 8, lost);
    }
  }
  const double rows = static_cast<double>(c.rows);
  for (int64_t i = 0; i < c.cols; ++i) {
    wrong += !close(wt, r.dweight[i], dweight[static_cast<size_t>(i)], 8, 1e-6 * (30 + rows));
    if (kind.centred)
      wrong += !close(wt, r.dbias[i], dbias[static_cast<size_t>(i)], 8, 1e-6 * rows);
  }
  CHECK(wrong == 0 && r.guardsIntact(), "%s and %s, (%ld, %ld)%s%s%s p %g: %ld are wrong",
        nameOf(type), nameOf(wt), static_cast<long>(c.rows), static_cast<long>(c.cols),
        kind.centred ? ", centred" : "", kind.adds ? ", added" : "",
        kind.parameters ? ", parameters" : "", kind.p, static_cast<long>(wrong));
}

void everyKindFollowsItsFormula(Backend& backend) {
  for (const Case& c : kCases) {
    for (DType type : kFloating) {
      for (bool centred : {true, false}) {
        for (bool parameters : {true, false}) {
          rowsFollowTheirFormulas(backend, {centred, false, parameters, 0}, type, type, c);
          rowsFollowTheirFormulas(backend, {centred, true, parameters, 0}, type, DType::F32, c);
        }
        rowsFollowTheirFormulas(backend, {centred, true, true, 0.3}, type, type, c);
      }
    }
  }
}

/** What is asked for alone is what is computed together, and dx may be added to what is there. */
void gradientsMayBeAskedForApart(Backend& backend) {
  for (DType type : kFloating) {
    const Case c{67, 33};
    Operands o(type, DType::F32, c);
    const Result r = run(backend, {true, false, true, 0}, o, c);
    Result apart(type, DType::F32, c);
    Tensor more = o.residual;
    auto grad = [&](Out dx, bool accumulate, Out dweight, Out dbias) {
      backend.layerNormGrad(type, o.dy, o.x, DType::F32, o.weight, r.mean, r.rstd, dx, accumulate,
                            dweight, dbias, c.rows, c.cols);
    };
    grad(apart.dx, false, nullptr, nullptr);
    grad(nullptr, false, apart.dweight, nullptr);
    grad(nullptr, false, nullptr, apart.dbias);
    CHECK(apart.dx.sameBits(r.dx), "dx alone, %s", nameOf(type));
    CHECK(apart.dweight.sameBits(r.dweight), "dweight alone, %s", nameOf(type));
    CHECK(apart.dbias.sameBits(r.dbias), "dbias alone, %s", nameOf(type));
    grad(more, true, nullptr, nullptr);
    int64_t wrong = 0;
    for (int64_t i = 0; i < more.size(); ++i) {
      wrong += !close(type, more[i], o.residual[i] + r.dx[i], 4, roundingOf(type) * 4);
    }
    CHECK(wrong == 0 && more.guardIntact(), "accumulated, %s: %ld are wrong", nameOf(type),
          static_cast<long>(wrong));
  }
}

/** A view need not begin where a vector could. */
void rowsMayBeginAnywhere(Backend& backend) {
  const Case c{5, 64};
  const int64_t n = c.rows * c.cols;
  for (DType type : kFloating) {
    Operands o(type, type, c);
    Tensor moved(type, n + 1), weight(type, c.cols + 1);
    for (int64_t i = 0; i < n; ++i) moved.set(i + 1, o.x[i]);
    for (int64_t i = 0; i < c.cols; ++i) weight.set(i + 1, o.weight[i]);
    const In x = In(moved).address + byteSize(type), w = In(weight).address + byteSize(type);
    const Result r = run(backend, {true, false, true, 0}, o, c);
    Result fromViews(type, type, c);
    backend.layerNorm(type, x, type, w, o.bias, fromViews.y, fromViews.mean, fromViews.rstd, c.rows,
                      c.cols, kEps);
    backend.layerNormGrad(type, o.dy, x, type, w, fromViews.mean, fromViews.rstd, fromViews.dx,
                          false, fromViews.dweight, fromViews.dbias, c.rows, c.cols);
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; ++i) {
      wrong += !close(type, fromViews.y[i], r.y[i], 8, 1e-6);
      wrong += !close(type, fromViews.dx[i], r.dx[i], 8, 1e-6);
    }
    for (int64_t i = 0; i < c.cols; ++i) {
      wrong += !close(type, fromViews.dweight[i], r.dweight[i], 8, 1e-6);
      wrong += !close(type, fromViews.dbias[i], r.dbias[i], 8, 1e-6);
    }
    CHECK(wrong == 0 && fromViews.guardsIntact(), "%s: %ld are wrong", nameOf(type),
          static_cast<long>(wrong));
  }
}

void nanStaysInItsRow(Backend& backend) {
  for (int64_t cols : {5, 33, 1030}) {
    const Case c{3, cols};
    Operands o(DType::F32, DType::F32, c);
    o.x.set(2 * cols - 1, kNaN);
    for (bool centred : {true, false}) {
      const Result r = run(backend, {centred, false, true, 0}, o, c);
      for (int64_t i = 0; i < 3 * cols; ++i) {
        CHECK(std::isnan(r.y[i]) == (i / cols == 1), "element %ld", static_cast<long>(i));
        CHECK(std::isnan(r.dx[i]) == (i / cols == 1), "element %ld of dx", static_cast<long>(i));
      }
    }
  }
}

void aLargeMeanCostsNoDigits(Backend& backend) {
  const int64_t cols = 768;
  Tensor x(DType::F32, cols), y = x, mean(DType::F32, 1), rstd = mean;
  for (int64_t i = 0; i < cols; ++i) x.set(i, i % 2 == 0 ? 8193 : 8191);
  backend.layerNorm(DType::F32, x, DType::F32, nullptr, nullptr, y, mean, rstd, 1, cols, 0);
  for (int64_t i = 0; i < cols; ++i) CHECK(y[i] == (i % 2 == 0 ? 1 : -1), "%g", y[i]);
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const Case c{1201, 301};
  std::vector<Result> results;
  for (Backend* backend : backends) {
    Operands o(DType::F32, DType::F32, c);
    results.push_back(run(*backend, {true, true, true, 0.2}, o, c));
  }
  for (const Result& r : results) {
    CHECK(r.y.sameBits(results[0].y) && r.sum.sameBits(results[0].sum), "values differ");
    CHECK(r.dx.sameBits(results[0].dx) && r.dweight.sameBits(results[0].dweight) &&
              r.dbias.sameBits(results[0].dbias),
          "gradients differ");
  }
}

/** Past the size from which rows are streamed. */
void largeTensors(Backend& backend) {
  for (DType type : {DType::F32, DType::BF16}) {
    rowsFollowTheirFormulas(backend, {true, true, true, 0}, type, DType::F32, {500, 17001});
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  everyKindFollowsItsFormula(backend);
  gradientsMayBeAskedForApart(backend);
  rowsMayBeginAnywhere(backend);
  nanStaysInItsRow(backend);
  aLargeMeanCostsNoDigits(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  largeTensors(backend);
  return report("normalization_test");
}
