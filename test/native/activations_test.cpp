// Activations that take a bias or a gate along: values, and gradients that come of one sweep.
#include "check.h"
#include "copies.h"

namespace {

struct Case {
  int64_t rows, cols;
};
// One element, less than a vector, one past a vector, empty, what threads share and what is
// streamed.
const std::vector<Case> kCases = {{1, 1},    {3, 2},    {0, 5},     {5, 0},      {67, 17},
                                  {3, 1025}, {700, 96}, {129, 768}, {4200, 1025}};

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

double geluSlope(double x) {
  const double u = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x), t = std::tanh(u);
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}

double normal(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }

double geluErfSlope(double x) {
  return normal(x) + x * std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
}

struct Biased {
  const char* name;
  decltype(&Backend::biasGelu) kernel;
  decltype(&Backend::biasGeluGrad) grad;
  double (*value)(double);
  double (*slope)(double);
};

const std::vector<Biased> kBiased = {
    {"biasGelu", &Backend::biasGelu, &Backend::biasGeluGrad, gelu, geluSlope},
    {"biasGeluErf", &Backend::biasGeluErf, &Backend::biasGeluErfGrad,
     [](double x) { return x * normal(x); }, geluErfSlope},
};

void biasedActivationsFollowTheirFormulas(Backend& backend, const Biased& f, DType type, DType bt,
                                          const Case& c) {
  Numbers numbers(static_cast<uint64_t>(c.rows + c.cols));
  const int64_t n = c.rows * c.cols;
  Tensor x = numbers.tensor(type, n, -4, 4), dy = numbers.tensor(type, n, -1, 1);
  Tensor before = numbers.tensor(type, n, -1, 1), bias = numbers.tensor(bt, c.cols, -1, 1);
  Tensor y(type, n), dx(type, n), alone(type, n), more = before;
  Tensor dbias(bt, c.cols), dbiasAlone(bt, c.cols);
  auto grad = [&](Out to, bool accumulate, Out db) {
    (backend.*f.grad)(type, x, bt, bias, dy, to, accumulate, db, c.rows, c.cols);
  };
  (backend.*f.kernel)(type, x, bt, bias, y, c.rows, c.cols);
  grad(dx, false, dbias);
  grad(alone, false, nullptr);
  grad(nullptr, false, dbiasAlone);
  grad(more, true, nullptr);
  int64_t wrong = 0;
  Doubles sums(static_cast<size_t>(c.cols));
  for (int64_t i = 0; i < n; ++i) {
    const double v = x[i] + bias[i % c.cols], d = dy[i] * f.slope(v);
    wrong += !close(type, y[i], f.value(v), 8, 1e-6);
    wrong += !close(type, dx[i], d, 8, 1e-6);
    wrong += !close(type, more[i], before[i] + d, 8, 1e-6);
    sums[static_cast<size_t>(i % c.cols)] += d;
  }
  for (int64_t i = 0; i < c.cols; ++i) {
    const double rows = static_cast<double>(c.rows);
    wrong += !close(bt, dbias[i], sums[static_cast<size_t>(i)], 8, 1e-6 * (1 + rows / 4));
  }
  CHECK(wrong == 0, "%s of %s and %s, (%ld, %ld): %ld are wrong", f.name, nameOf(type), nameOf(bt),
        static_cast<long>(c.rows), static_cast<long>(c.cols), static_cast<long>(wrong));
  CHECK(alone.sameBits(dx) && dbiasAlone.sameBits(dbias), "%s: apart they differ", f.name);
  CHECK(y.guardIntact() && dx.guardIntact() && more.guardIntact() && dbias.guardIntact(), "%s",
        f.name);
}

void swigluFollowsItsFormula(Backend& backend, DType type, const Case& c) {
  Numbers numbers(static_cast<uint64_t>(c.rows + c.cols));
  const int64_t n = c.rows * c.cols;
  Tensor x = numbers.tensor(type, 2 * n, -4, 4), dy = numbers.tensor(type, n, -1, 1);
  Tensor y(type, n), dx(type, 2 * n), before = numbers.tensor(type, 2 * n, -1, 1), more = before;
  backend.swiglu(type, x, y, c.rows, c.cols);
  backend.swigluGrad(type, x, dy, dx, false, c.rows, c.cols);
  backend.swigluGrad(type, x, dy, more, true, c.rows, c.cols);
  int64_t wrong = 0;
  for (int64_t at = 0; at < n; ++at) {
    const int64_t g = at / c.cols * 2 * c.cols + at % c.cols, u = g + c.cols;
    const double s = 1 / (1 + std::exp(-x[g]));
    const double dgate = dy[at] * x[u] * s * (1 + x[g] * (1 - s)), dup = dy[at] * x[g] * s;
    wrong += !close(type, y[at], x[g] * s * x[u], 6);
    wrong += !close(type, dx[g], dgate, 8, 1e-6) + !close(type, dx[u], dup, 8, 1e-6);
    wrong += !close(type, more[g], before[g] + dgate, 8, 1e-6);
    wrong += !close(type, more[u], before[u] + dup, 8, 1e-6);
  }
  CHECK(wrong == 0 && y.guardIntact() && dx.guardIntact() && more.guardIntact(),
        "swiglu of %s, (%ld, %ld): %ld are wrong", nameOf(type), static_cast<long>(c.rows),
        static_cast<long>(c.cols), static_cast<long>(wrong));
}

void nanGoesThrough(Backend& backend) {
  for (int64_t cols : {3, 35}) {
    const int64_t n = 2 * cols;
    Tensor x(DType::F32, Doubles(static_cast<size_t>(n), 1)), y(DType::F32, n), dx(DType::F32, n);
    Tensor bias(DType::F32, Doubles(static_cast<size_t>(cols), 0)), dbias = bias;
    x.set(cols + 1, kNaN);
    for (const Biased& f : kBiased) {
      (backend.*f.kernel)(DType::F32, x, DType::F32, bias, y, 2, cols);
      (backend.*f.grad)(DType::F32, x, DType::F32, bias, x, dx, false, dbias, 2, cols);
      for (int64_t i = 0; i < n; ++i) {
        CHECK(std::isnan(y[i]) == (i == cols + 1), "%s, element %ld", f.name, static_cast<long>(i));
        CHECK(std::isnan(dx[i]) == (i == cols + 1), "%s, element %ld of dx", f.name,
              static_cast<long>(i));
        CHECK(std::isnan(dbias[i % cols]) == (i % cols == 1), "%s, dbias", f.name);
      }
    }
    backend.swiglu(DType::F32, x, y, 1, cols);
    for (int64_t i = 0; i < cols; ++i) CHECK(std::isnan(y[i]) == (i == 1), "swiglu");
  }
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const Case c{1201, 301};
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Tensor x = Numbers(1).tensor(DType::F32, c.rows * c.cols, -4, 4), dx = x;
    Tensor bias = Numbers(2).tensor(DType::F32, c.cols, -1, 1), dbias = bias;
    backend->biasGeluGrad(DType::F32, x, DType::F32, bias, x, dx, false, dbias, c.rows, c.cols);
    results.push_back(dbias);
  }
  for (const Tensor& r : results) CHECK(r.sameBits(results[0]), "sums differ");
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (const Case& c : kCases) {
    for (DType type : kFloating) {
      if (c.rows * c.cols > 1000000 && type == DType::F16) continue;  // as bf16 is
      for (const Biased& f : kBiased) {
        biasedActivationsFollowTheirFormulas(backend, f, type, DType::F32, c);
        if (c.rows < 1000) biasedActivationsFollowTheirFormulas(backend, f, type, type, c);
      }
      swigluFollowsItsFormula(backend, type, c);
    }
  }
  nanGoesThrough(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("activations_test");
}
