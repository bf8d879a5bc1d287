// Products that graphs join with what stands around them, in every mixture of types: the results of
// the calls that they are made of, and which backend joins which.
#include <functional>
#include <string>

#include "check.h"
#include "graphs.h"
#include "math/pointwise.h"

namespace {

using gradus::Type;

/** Activations and what is made of them, and a layer's parameters. */
struct Mixture {
  DType activations, parameters;
  bool isF32() const { return activations == DType::F32 && parameters == DType::F32; }
};

constexpr Mixture kMixtures[] = {{DType::F32, DType::F32},
                                 {DType::BF16, DType::F32},
                                 {DType::BF16, DType::BF16},
                                 {DType::F16, DType::F32},
                                 {DType::F16, DType::F16}};

struct Sizes {
  int64_t m, n, k;
};

constexpr Sizes kSizes[] = {{1, 8, 1}, {1, 13, 9}, {5, 16, 7}, {33, 24, 40}, {70, 9, 33}};

/** Whether a graph joins products of 16 bits as well. */
bool ofGpu = false;

/** What a step gives when it is replayed, and the names of its calls. */
struct Replayed {
  Tensor y;
  std::string names;

  bool has(const std::string& name) const { return names.find(name + ",") != std::string::npos; }
};

/** Captures step(to), whose n results of a type are written to memory that is given. */
template <class Step>
Replayed replay(Backend& backend, DType type, int64_t n, Step step) {
  Replayed replayed{Tensor(type, n), ""};
  Tensor& y = replayed.y;
  backend.startCapture();
  step(y);
  const int64_t graph = finish(backend, {}, Longs());
  Tensor first = y;
  // On a GPU calls are made one by one at first, and are a graph of CUDA's afterwards.
  for (int i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < n; ++j) y.set(j, 77);
    backend.replay(graph, nullptr, nullptr, nullptr);
    if (i == 0) first = y;
    CHECK(y.sameBits(first), "replay %d has other bits", i);
  }
  CHECK(y.guardIntact(), "the replay wrote past the end");
  for (int64_t i = 0; i < backend.stepCount(graph); ++i) {
    replayed.names += std::string(backend.stepName(graph, i)) + ",";
  }
  backend.closeGraph(graph);
  return replayed;
}

/** x (m, k) w (k, n) + bias, and its sums in double of operands as they are met. */
struct Layer {
  Layer(const Sizes& sizes, const Mixture& types, uint64_t seed)
      : sizes(sizes),
        types(types),
        numbers(seed),
        x(numbers.tensor(types.activations, sizes.m * sizes.k, -1, 1)),
        w(numbers.tensor(types.parameters, sizes.k * sizes.n, -1, 1)),
        bias(numbers.tensor(types.parameters, sizes.n, -1, 1)),
        other(numbers.tensor(types.activations, sizes.m * sizes.n, -2, 2)) {}

  void multiply(Backend& backend, In added, Out y) const {
    backend.matmul(x.type(), x, w.type(), w, bias.type(), added, x.type(), y, 1, sizes.m, sizes.n,
                   sizes.k, 0, 0, false, false, false);
  }

  double sum(int64_t at, bool biased) const {
    double sum = biased ? met(bias, at % sizes.n) : 0;
    for (int64_t l = 0; l < sizes.k; ++l) {
      sum += x[at / sizes.n * sizes.k + l] * met(w, l * sizes.n + at % sizes.n);
    }
    return sum;
  }

  /** A GPU rounds F32 beside 16 bits, a CPU does not. */
  double met(const Tensor& parameter, int64_t i) const {
    if (!ofGpu || parameter.type() == types.activations) return parameter[i];
    return Tensor(types.activations, Doubles{parameter[i]})[0];
  }

  /** How much a result that is stored may be off where it is taken up again. */
  double stored(double value) const {
    return types.activations == DType::F32 ? 0 : roundingOf(types.activations) * std::fabs(value);
  }

  void compare(const Tensor& y, int64_t first, const char* what,
               const std::function<double(int64_t)>& expected,
               const std::function<double(int64_t)>& slack) const {
    for (int64_t i = 0; i < sizes.m * sizes.n; ++i) {
      const double got = y[first + i], want = expected(i);
      CHECK(close(y.type(), got, want, 16, slack(i) + 1e-6 * (1 + static_cast<double>(sizes.k))),
            "%s of %s and %s (%d, %d, %d), %d: %.9g, not %.9g", what, nameOf(types.activations),
            nameOf(types.parameters), static_cast<int>(sizes.m), static_cast<int>(sizes.n),
            static_cast<int>(sizes.k), static_cast<int>(i), got, want);
    }
  }

  void checkJoined(const Replayed& replayed, const char* name, bool wanted) const {
    CHECK(replayed.has(name) == wanted, "%s of %s and %s: %s", name, nameOf(types.activations),
          nameOf(types.parameters), replayed.names.c_str());
  }

  Sizes sizes;
  Mixture types;
  Numbers numbers;
  Tensor x, w, bias, other;
};

struct Activation {
  const char* name;
  void (*run)(Backend&, Type, In, Out, int64_t);
  void (*runGrad)(Backend&, Type, In, In, Out, int64_t);
  float (*f)(float);
  float (*grad)(float, float);
};

const Activation kActivations[] = {
    {"relu", [](Backend& b, Type t, In x, Out y, int64_t n) { b.relu(t, x, y, n); },
     [](Backend& b, Type t, In x, In dy, Out dx, int64_t n) { b.reluGrad(t, x, dy, dx, n); },
     gradus::math::relu, gradus::math::reluGrad},
    {"gelu", [](Backend& b, Type t, In x, Out y, int64_t n) { b.gelu(t, x, y, n); },
     [](Backend& b, Type t, In x, In dy, Out dx, int64_t n) { b.geluGrad(t, x, dy, dx, n); },
     gradus::math::gelu, gradus::math::geluGrad},
    {"geluErf", [](Backend& b, Type t, In x, Out y, int64_t n) { b.geluErf(t, x, y, n); },
     [](Backend& b, Type t, In x, In dy, Out dx, int64_t n) { b.geluErfGrad(t, x, dy, dx, n); },
     gradus::math::geluErf, gradus::math::geluErfGrad},
    {"silu", [](Backend& b, Type t, In x, Out y, int64_t n) { b.silu(t, x, y, n); },
     [](Backend& b, Type t, In x, In dy, Out dx, int64_t n) { b.siluGrad(t, x, dy, dx, n); },
     gradus::math::silu, gradus::math::siluGrad}};

/** y = f(x w + bias); what f is taken of is read later, or by nobody else. */
void activations(Backend& backend, const Layer& layer, const Activation& activation, bool kept) {
  const DType type = layer.types.activations;
  const int64_t n = layer.sizes.m * layer.sizes.n, bytes = n * gradus::byteSize(type);
  const Replayed replayed = replay(backend, type, 2 * n, [&](Out to) {
    Block before(backend, n), y(backend, n);
    layer.multiply(backend, layer.bias, before);
    activation.run(backend, type, before, y, n);
    backend.copy(y, to, bytes);
    backend.copy(kept ? In(before) : In(y), Out(to.address + bytes), bytes);
  });
  layer.checkJoined(replayed, "matmulActivation", ofGpu || layer.types.isF32());
  auto y = [&](int64_t i) { return activation.f(static_cast<float>(layer.sum(i, true))); };
  auto slack = [&](int64_t i) { return 1.2 * layer.stored(layer.sum(i, true)); };
  layer.compare(replayed.y, 0, activation.name, y, slack);
  if (kept) {
    layer.compare(
        replayed.y, n, "before", [&](int64_t i) { return layer.sum(i, true); },
        [](int64_t) { return 0.0; });
  }
}

/** dx = (dy w) f'(x), which stands where f was taken. */
void slopes(Backend& backend, const Layer& layer, const Activation& activation) {
  const DType type = layer.types.activations;
  const int64_t n = layer.sizes.m * layer.sizes.n, bytes = n * gradus::byteSize(type);
  const Replayed replayed = replay(backend, type, n, [&](Out to) {
    Block at(backend, n), dy(backend, n), dx(backend, n);
    backend.copy(layer.other, at, bytes);
    layer.multiply(backend, In(int64_t{0}), dy);
    activation.runGrad(backend, type, at, dy, dx, n);
    backend.copy(dx, to, bytes);
  });
  layer.checkJoined(replayed, "matmulActivation", ofGpu || layer.types.isF32());
  auto dx = [&](int64_t i) {
    return activation.grad(static_cast<float>(layer.other[i]),
                           static_cast<float>(layer.sum(i, false)));
  };
  layer.compare(replayed.y, 0, "a slope", dx, [&](int64_t i) { return 1.1 * layer.stored(dx(i)); });
}

void residuals(Backend& backend, const Layer& layer) {
  const DType type = layer.types.activations;
  const int64_t n = layer.sizes.m * layer.sizes.n, bytes = n * gradus::byteSize(type);
  const Replayed replayed = replay(backend, type, n, [&](Out to) {
    Block product(backend, n), y(backend, n);
    layer.multiply(backend, layer.bias, product);
    backend.add(type, layer.other, product, y, n, nullptr);
    backend.copy(y, to, bytes);
  });
  layer.checkJoined(replayed, "matmulAdd", ofGpu || layer.types.isF32());
  layer.compare(
      replayed.y, 0, "a residual", [&](int64_t i) { return layer.sum(i, true) + layer.other[i]; },
      [&](int64_t i) { return 1.1 * layer.stored(layer.sum(i, true)); });
}

/** dw = dy' x and db = the sums of dy, each in a type of its own. */
void sums(Backend& backend, const Sizes& sizes, DType type, DType dwType, DType dbType) {
  const auto& [m, n, k] = sizes;
  Numbers numbers(23);
  const Tensor dy = numbers.tensor(type, k * m, -1, 1), x = numbers.tensor(type, k * n, -1, 1);
  Tensor db(dbType, m);
  const Replayed replayed = replay(backend, dwType, m * n, [&](Out dw) {
    backend.matmul(type, dy, type, x, dwType, nullptr, dwType, dw, 1, m, n, k, 0, 0, true, false,
                   false);
    backend.columnSums(type, dy, dbType, db, k, m, false);
  });
  const bool isF32 = type == DType::F32 && dwType == DType::F32;
  // One product gives results of one type, and not of 16 bits from F32.
  const bool alike = dwType == dbType && (dwType == type || dwType == DType::F32);
  CHECK(replayed.has("matmulSums") == (alike && (ofGpu || isF32)), "%s to %s and %s: %s",
        nameOf(type), nameOf(dwType), nameOf(dbType), replayed.names.c_str());
  const double absolute = 1e-6 * (1 + static_cast<double>(k));
  for (int64_t i = 0; i < m; ++i) {
    double total = 0;
    for (int64_t l = 0; l < k; ++l) total += dy[l * m + i];
    CHECK(close(dbType, db[i], total, 16, absolute), "db %d: %g, not %g", static_cast<int>(i),
          db[i], total);
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < k; ++l) sum += dy[l * m + i] * x[l * n + j];
      const double got = replayed.y[i * n + j];
      CHECK(close(dwType, got, sum, 16, absolute), "dw %d, %d: %g, not %g", static_cast<int>(i),
            static_cast<int>(j), got, sum);
    }
  }
  CHECK(db.guardIntact(), "db was written past its end");
}

/** Operands of two types whose product is F32 have to be widened: they stay by themselves. */
void widenedProductsStayAlone(Backend& backend) {
  const DType f32 = DType::F32;
  const int64_t m = 5, n = 16, k = 7;
  Numbers numbers(29);
  const Tensor x = numbers.tensor(DType::BF16, m * k, -1, 1);
  const Tensor w = numbers.tensor(f32, k * n, -1, 1);
  const Replayed replayed = replay(backend, f32, m * n, [&](Out to) {
    Block product(backend, m * n), y(backend, m * n);
    backend.matmul(DType::BF16, x, f32, w, f32, nullptr, f32, product, 1, m, n, k, 0, 0, false,
                   false, false);
    backend.gelu(f32, product, y, m * n);
    backend.copy(y, to, 4 * m * n);
  });
  CHECK(!replayed.has("matmulActivation"), "%s", replayed.names.c_str());
  for (int64_t i = 0; i < m * n; ++i) {
    double sum = 0;
    for (int64_t l = 0; l < k; ++l) sum += x[i / n * k + l] * w[l * n + i % n];
    CHECK(close(f32, replayed.y[i], gradus::math::gelu(static_cast<float>(sum)), 16, 1e-5),
          "%d: %g", static_cast<int>(i), replayed.y[i]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  ofGpu = std::string(argv[1]).find("_cuda") != std::string::npos;
  for (const Sizes& sizes : kSizes) {
    for (const Mixture& types : kMixtures) {
      const Layer layer(sizes, types, 19);
      for (const Activation& activation : kActivations) {
        for (bool kept : {false, true}) activations(backend, layer, activation, kept);
        slopes(backend, layer, activation);
      }
      residuals(backend, layer);
    }
    for (DType type : kFloating) {
      for (DType dwType : {type, DType::F32, DType::BF16}) {
        for (DType dbType : {type, DType::F32}) sums(backend, sizes, type, dwType, dbType);
      }
    }
  }
  widenedProductsStayAlone(backend);
  return report("graph_products_test");
}
