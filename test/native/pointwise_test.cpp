// Pointwise kernels, activations and broadcasting against the same formulas in double.
#include <algorithm>
#include <functional>
#include <string>

#include "check.h"
#include "tensors.h"

namespace {

using Unary = std::function<void(Backend&, Type, In, Out, int64_t)>;
using Grad = std::function<void(Backend&, Type, In, In, Out, int64_t)>;
using Binary = std::function<void(Backend&, Type, In, In, Out, int64_t, gradus::Dims)>;
using Function = std::function<double(double)>;
using Function2 = std::function<double(double, double)>;

// One element, less than a vector, one more than a vector, than a block and than a task.
const std::vector<int64_t> kSizes = {0, 1, 7, 17, 33, 1025, 32769};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

double geluErf(double x) { return x * 0.5 * std::erfc(-x * std::sqrt(0.5)); }

/** The central difference of a smooth function, good to about 10 digits. */
double slope(const Function& f, double x) {
  const double h = 1e-3;
  return (8 * (f(x + h / 2) - f(x - h / 2)) - (f(x + h) - f(x - h))) / (6 * h);
}

struct UnaryCase {
  const char* name;
  Unary kernel;
  Function reference;
  double low, high;
  double ulps;      // of float, beside the rounding of the result
  double absolute;  // where the result is a difference of larger numbers
};

#define UNARY(name) [](Backend& b, Type t, In x, Out y, int64_t n) { b.name(t, x, y, n); }
#define POW(exponent) \
  [](Backend& b, Type t, In x, Out y, int64_t n) { b.pow(t, x, y, n, exponent); }
#define GRAD(name) \
  [](Backend& b, Type t, In x, In dy, Out dx, int64_t n) { b.name(t, x, dy, dx, n); }
#define BINARY(name)                                                        \
  [](Backend& b, Type t, In x, In z, Out y, int64_t n, gradus::Dims dims) { \
    b.name(t, x, z, y, n, dims);                                            \
  }

const std::vector<UnaryCase> kUnary = {
    {"affine", [](Backend& b, Type t, In x, Out y, int64_t n) { b.affine(t, x, y, n, 2.5, -0.75); },
     [](double x) { return 2.5 * x - 0.75; }, -9, 9, 1, 1e-6},
    {"exp", UNARY(exp), [](double x) { return std::exp(x); }, -9, 9, 1, 0},
    {"log", UNARY(log), [](double x) { return std::log(x); }, 0.01, 9, 1, 0},
    {"sin", UNARY(sin), [](double x) { return std::sin(x); }, -9, 9, 2, 0},
    {"cos", UNARY(cos), [](double x) { return std::cos(x); }, -9, 9, 2, 0},
    {"erf", UNARY(erf), [](double x) { return std::erf(x); }, -5, 5, 2, 0},
    {"sqrt", UNARY(sqrt), [](double x) { return std::sqrt(x); }, 0, 9, 1, 0},
    {"pow 0", POW(0), [](double) { return 1.0; }, -9, 9, 0, 0},
    {"pow 1", POW(1), [](double x) { return x; }, -9, 9, 0, 0},
    {"pow 2", POW(2), [](double x) { return x * x; }, -9, 9, 1, 0},
    {"pow 3", POW(3), [](double x) { return x * x * x; }, -9, 9, 2, 0},
    {"pow -1", POW(-1), [](double x) { return 1 / x; }, 0.5, 9, 1, 0},
    {"pow 0.5", POW(0.5), [](double x) { return std::sqrt(x); }, 0, 9, 1, 0},
    {"pow -0.5", POW(-0.5), [](double x) { return 1 / std::sqrt(x); }, 0.5, 9, 2, 0},
    {"pow 2.5", POW(2.5), [](double x) { return std::pow(x, 2.5); }, 0, 9, 1, 0},
    {"abs", UNARY(abs), [](double x) { return std::fabs(x); }, -9, 9, 0, 0},
    {"sign", UNARY(sign), [](double x) { return x > 0   ? 1.0
                                                : x < 0 ? -1.0
                                                        : 0.0; }, -9, 9, 0, 0},
    {"clamp", [](Backend& b, Type t, In x, Out y, int64_t n) { b.clamp(t, x, y, n, -1.5, 2); },
     [](double x) { return std::min(std::max(x, -1.5), 2.0); }, -9, 9, 0, 0},
    {"relu", UNARY(relu), [](double x) { return std::max(x, 0.0); }, -9, 9, 0, 0},
    {"sigmoid", UNARY(sigmoid), sigmoid, -30, 30, 2, 0},
    {"tanh", UNARY(tanh), [](double x) { return std::tanh(x); }, -9, 9, 1, 0},
    // The exponent of gelu's exp reaches 17 where its result is still above 1e-6.
    {"gelu", UNARY(gelu), gelu, -5, 9, 20, 1e-12},
    {"geluErf", UNARY(geluErf), geluErf, -14, 14, 5, 0},
    {"silu", UNARY(silu), [](double x) { return x * sigmoid(x); }, -30, 30, 3, 0},
};

void unaryKernelsFollowTheirFormulas(Backend& backend) {
  for (const auto& c : kUnary) {
    for (DType type : kFloating) {
      for (int64_t n : kSizes) {
        Tensor x = Numbers(static_cast<uint64_t>(n)).tensor(type, n, c.low, c.high);
        Tensor y(type, n);
        c.kernel(backend, type, x, y, n);
        for (int64_t i = 0; i < n; ++i) {
          CHECK(close(type, y[i], c.reference(x[i]), c.ulps, c.absolute),
                "%s %s of %.9g is %.9g, not %.9g", c.name, nameOf(type), x[i], y[i],
                c.reference(x[i]));
        }
        CHECK(y.guardIntact(), "%s %s wrote past %ld elements", c.name, nameOf(type),
              static_cast<long>(n));
        c.kernel(backend, type, x, x, n);
        CHECK(x.sameBits(y), "%s %s in place, %ld elements", c.name, nameOf(type),
              static_cast<long>(n));
      }
    }
  }
}

struct GradCase {
  const char* name;
  Grad kernel;
  Function forward;  // what the kernel's first operand is, as a function of x
  Function slope;
  double absolute;
};

void gradientsFollowTheirFormulas(Backend& backend) {
  auto itself = [](double x) { return x; };
  auto relu = [](double x) { return std::max(x, 0.0); };
  auto hyperbolic = [](double x) { return std::tanh(x); };
  auto silu = [](double x) { return x * sigmoid(x); };
  const std::vector<GradCase> cases = {
      {"reluGrad", GRAD(reluGrad), relu, [](double x) { return x > 0 ? 1.0 : 0.0; }, 0},
      {"sigmoidGrad", GRAD(sigmoidGrad), sigmoid, [](double x) { return slope(sigmoid, x); }, 1e-6},
      {"tanhGrad", GRAD(tanhGrad), hyperbolic, [=](double x) { return slope(hyperbolic, x); },
       1e-6},
      {"geluGrad", GRAD(geluGrad), itself, [](double x) { return slope(gelu, x); }, 1e-6},
      {"geluErfGrad", GRAD(geluErfGrad), itself, [](double x) { return slope(geluErf, x); }, 1e-6},
      {"siluGrad", GRAD(siluGrad), itself, [=](double x) { return slope(silu, x); }, 1e-6},
      {"clampGrad",
       [](Backend& b, Type t, In x, In dy, Out dx, int64_t n) {
         b.clampGrad(t, x, dy, dx, n, -1.5, 2);
       },
       itself, [](double x) { return x >= -1.5 && x <= 2 ? 1.0 : 0.0; }, 0},
  };
  for (const auto& c : cases) {
    for (DType type : kFloating) {
      for (int64_t n : kSizes) {
        Numbers numbers(static_cast<uint64_t>(n) + 5);
        Tensor x = numbers.tensor(type, n, -6, 6), dy = numbers.tensor(type, n, -2, 2);
        Tensor kept(type, n), dx(type, n);
        for (int64_t i = 0; i < n; ++i) kept.set(i, c.forward(x[i]));
        c.kernel(backend, type, kept, dy, dx, n);
        // What rounding the kept y to 16 bits does to a derivative of about y.
        const double rounding = type == DType::F32 ? 0 : 4 * roundingOf(type);
        for (int64_t i = 0; i < n; ++i) {
          const double want = dy[i] * c.slope(x[i]);
          CHECK(close(type, dx[i], want, 4, (c.absolute + rounding) * 2),
                "%s %s at %.9g is %.9g, not %.9g", c.name, nameOf(type), x[i], dx[i], want);
        }
        CHECK(dx.guardIntact(), "%s %s", c.name, nameOf(type));
        c.kernel(backend, type, kept, dy, dy, n);
        CHECK(dy.sameBits(dx), "%s %s in place", c.name, nameOf(type));
      }
    }
  }
}

void specialValues(Backend& backend) {
  struct Row {
    const char* name;
    Unary kernel;
    Doubles at, gives;
  };
  const std::vector<Row> rows = {
      {"relu", UNARY(relu), {kNaN, -kInfinity, kInfinity, 0}, {kNaN, 0, kInfinity, 0}},
      {"sign", UNARY(sign), {kNaN, -kInfinity, kInfinity, 0}, {0, -1, 1, 0}},
      {"abs", UNARY(abs), {kNaN, -kInfinity, -0.0}, {kNaN, kInfinity, 0}},
      {"clamp",
       [](Backend& b, Type t, In x, Out y, int64_t n) { b.clamp(t, x, y, n, -1, 2); },
       {kNaN, -kInfinity, kInfinity, 0},
       {kNaN, -1, 2, 0}},
      {"sqrt", UNARY(sqrt), {kNaN, -1, kInfinity, 0}, {kNaN, kNaN, kInfinity, 0}},
      {"gelu", UNARY(gelu), {kNaN, -1e30, 1e30, 0}, {kNaN, 0, 1e30, 0}},
      {"geluErf", UNARY(geluErf), {kNaN, -1e30, 1e30, 0}, {kNaN, 0, 1e30, 0}},
      {"silu", UNARY(silu), {kNaN, -1e30, 1e30, 0}, {kNaN, 0, 1e30, 0}},
      {"pow 0", POW(0), {kNaN, -kInfinity, 0}, {1, 1, 1}},
      {"pow 2", POW(2), {kNaN, -kInfinity, 1e30}, {kNaN, kInfinity, kInfinity}},
      {"pow 0.5", POW(0.5), {kNaN, -kInfinity, -1, -0.0}, {kNaN, kInfinity, kNaN, 0}},
      {"pow -0.5", POW(-0.5), {-kInfinity, -0.0, kInfinity}, {0, kInfinity, 0}},
      {"pow -1", POW(-1), {-kInfinity, -0.0, 0}, {-0.0, -kInfinity, kInfinity}},
  };
  for (const auto& row : rows) {
    for (DType type : {DType::F32, DType::BF16}) {
      Tensor x(type, row.at), y(type, x.size());
      row.kernel(backend, type, x, y, x.size());
      for (int64_t i = 0; i < x.size(); ++i) {
        CHECK(close(type, y[i], row.gives[static_cast<size_t>(i)], 0), "%s %s of %g is %g",
              row.name, nameOf(type), x[i], y[i]);
      }
    }
  }
  Tensor x(DType::F32, {-1e30, 1e30, kNaN, -kInfinity}), dy(DType::F32, {1, 1, 1, 1});
  Tensor dx(DType::F32, 4);
  backend.geluGrad(DType::F32, x, dy, dx, 4);
  CHECK(dx[0] == 0 && dx[1] == 1 && std::isnan(dx[2]), "geluGrad %g %g %g", dx[0], dx[1], dx[2]);
  backend.reluGrad(DType::F32, x, dy, dx, 4);
  CHECK(dx[0] == 0 && dx[1] == 1 && dx[2] == 0, "reluGrad %g %g %g", dx[0], dx[1], dx[2]);
  backend.clampGrad(DType::F32, x, dy, dx, 4, -1, 2);
  CHECK(dx[0] == 0 && dx[1] == 0 && dx[2] == 0, "clampGrad %g %g %g", dx[0], dx[1], dx[2]);
}

/** A shape and two operands that broadcast to it: 1 where an operand repeats. */
struct Broadcast {
  std::vector<int64_t> a, b;
};

const std::vector<Broadcast> kBroadcasts = {
    {{}, {}},
    {{1}, {1}},
    {{5}, {1}},
    {{1}, {5}},
    {{33, 7}, {1, 7}},
    {{33, 7}, {33, 1}},
    {{33, 1}, {1, 7}},
    {{1, 1}, {33, 1100}},
    {{7, 1100}, {7, 1}},
    {{2, 3, 4, 5}, {2, 1, 4, 1}},
    {{1, 3, 1, 5}, {2, 1, 4, 1}},
    {{65, 1, 257}, {1, 31, 257}},
    {{300, 200}, {1, 200}},
    {{0, 3}, {1, 3}},
    {{2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1},
     {1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2}},
};

void binaryKernelsBroadcast(Backend& backend) {
  struct Row {
    const char* name;
    Binary kernel;
    Function2 reference;
    double absolute;
  };
  const std::vector<Row> rows = {
      {"add", BINARY(add), [](double a, double b) { return a + b; }, 1e-6},
      {"sub", BINARY(sub), [](double a, double b) { return a - b; }, 1e-6},
      {"mul", BINARY(mul), [](double a, double b) { return a * b; }, 0},
      {"div", BINARY(div), [](double a, double b) { return a / b; }, 0},
      {"powTensor", BINARY(powTensor), [](double a, double b) { return std::pow(a, b); }, 0},
  };
  for (const auto& shapes : kBroadcasts) {
    const size_t rank = shapes.a.size();
    std::vector<int64_t> sizes(rank), aStrides(rank), bStrides(rank);
    int64_t aSize = 1, bSize = 1, n = 1;
    for (size_t k = rank; k-- > 0;) {
      sizes[k] = shapes.a[k] == 1 ? shapes.b[k] : shapes.a[k];
      aStrides[k] = shapes.a[k] == 1 ? 0 : aSize;
      bStrides[k] = shapes.b[k] == 1 ? 0 : bSize;
      aSize *= shapes.a[k];
      bSize *= shapes.b[k];
      n *= sizes[k];
    }
    std::vector<long> dims = {static_cast<long>(rank)};
    for (const auto* part : {&sizes, &aStrides, &bStrides}) {
      dims.insert(dims.end(), part->begin(), part->end());
    }
    for (const auto& row : rows) {
      for (DType type : kFloating) {
        Numbers numbers(static_cast<uint64_t>(n));
        Tensor a = numbers.tensor(type, aSize, 0.5, 3), b = numbers.tensor(type, bSize, 0.5, 3);
        Tensor y(type, n);
        row.kernel(backend, type, a, b, y, n, gradus::Dims(dims.data()));
        int64_t wrong = 0;
        for (int64_t i = 0; i < n; ++i) {
          int64_t rest = i, aAt = 0, bAt = 0;
          for (size_t k = rank; k-- > 0; rest /= sizes[k]) {
            aAt += rest % sizes[k] * aStrides[k];
            bAt += rest % sizes[k] * bStrides[k];
          }
          if (!close(type, y[i], row.reference(a[aAt], b[bAt]), 1, row.absolute)) ++wrong;
        }
        CHECK(wrong == 0 && y.guardIntact(), "%s %s, rank %zu: %ld of %ld are wrong", row.name,
              nameOf(type), rank, static_cast<long>(wrong), static_cast<long>(n));
      }
    }
  }
}

void operandsOfOneShapeNeedNoDims(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t n : kSizes) {
      Numbers numbers(3);
      Tensor a = numbers.tensor(type, n, -3, 3), b = numbers.tensor(type, n, -3, 3), y(type, n);
      backend.mul(type, a, b, y, n, nullptr);
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) wrong += !close(type, y[i], a[i] * b[i], 0);
      CHECK(wrong == 0 && y.guardIntact(), "%s, %ld elements: %ld are wrong", nameOf(type),
            static_cast<long>(n), static_cast<long>(wrong));
      backend.mul(type, a, b, b, n, nullptr);
      CHECK(b.sameBits(y), "in place, %s", nameOf(type));
    }
  }
}

/** Results of 16 MiB and more go past the caches; rows of 1027 elements start at any alignment. */
void largeResults(Backend& backend) {
  for (DType type : kFloating) {
    const int64_t cols = 1027, rows = (17 << 20) / gradus::byteSize(type) / cols, n = rows * cols;
    Numbers numbers(4);
    Tensor x = numbers.tensor(type, n, -3, 3), bias = numbers.tensor(type, cols, -3, 3);
    Tensor y(type, n);
    auto check = [&](const char* name, auto reference) {
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) wrong += !close(type, y[i], reference(i), 0, 1e-6);
      CHECK(wrong == 0 && y.guardIntact(), "%s %s: %ld are wrong", name, nameOf(type),
            static_cast<long>(wrong));
    };
    backend.relu(type, x, y, n);
    check("relu", [&](int64_t i) { return std::max(x[i], 0.0); });
    backend.reluGrad(type, y, x, y, n);
    check("reluGrad", [&](int64_t i) { return std::max(x[i], 0.0); });
    const long dims[] = {2, rows, cols, cols, 1, 0, 1};
    backend.add(type, x, bias, y, n, gradus::Dims(dims));
    check("add", [&](int64_t i) { return x[i] + bias[i % cols]; });
  }
}

void tooManyAxesAreRefused(Backend& backend) {
  std::vector<long> dims(1 + 3 * 17, 1);
  dims[0] = 17;
  Tensor x(DType::F32, Doubles{1});
  std::string message;
  try {
    backend.add(DType::F32, x, x, x, 1, gradus::Dims(dims.data()));
  } catch (const std::exception& e) {
    message = e.what();
  }
  CHECK(message.find("rank 17 is not supported") != std::string::npos, "got '%s'", message.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  unaryKernelsFollowTheirFormulas(backend);
  gradientsFollowTheirFormulas(backend);
  specialValues(backend);
  binaryKernelsBroadcast(backend);
  operandsOfOneShapeNeedNoDims(backend);
  largeResults(backend);
  tooManyAxesAreRefused(backend);
  return report("pointwise_test");
}
