// Optimizer steps against PyTorch's definitions in double.
#include "check.h"
#include "copies.h"

namespace {

// None, one, less than a vector, one more than a vector, several tasks.
const std::vector<int64_t> kSizes = {0, 1, 7, 33, 1025, 40009};

struct SgdCase {
  double momentum, dampening, weightDecay;
  bool nesterov;
};

const std::vector<SgdCase> kSgd = {
    {0, 0, 0, false},        {0, 0, 0.01, false},  {0.9, 0, 0, false},
    {0.9, 0.3, 0.01, false}, {0.9, 0, 0.01, true}, {0.5, 0, 0, true},
};

/** The largest relative distance of p from `want`, in float roundings of the values themselves. */
double distance(const Tensor& p, const Doubles& want) {
  double largest = 0;
  for (int64_t i = 0; i < p.size(); ++i) {
    const double w = want[static_cast<size_t>(i)];
    largest = std::fmax(largest, std::fabs(p[i] - w) / (std::fabs(w) + 1));
    if (std::isnan(p[i])) return kNaN;
  }
  return largest / 0x1p-24;
}

Doubles doublesOf(const Tensor& x) {
  Doubles values;
  for (int64_t i = 0; i < x.size(); ++i) values.push_back(x[i]);
  return values;
}

void sgdFollowsPyTorch(Backend& backend) {
  const double rate = 0.05, scale = 0.25;
  for (const SgdCase& c : kSgd) {
    for (int64_t n : kSizes) {
      Numbers numbers(static_cast<uint64_t>(n));
      Tensor p = numbers.tensor(DType::F32, n, -2, 2);
      Tensor velocity(DType::F32, Doubles(static_cast<size_t>(n), kNaN));  // whatever memory held
      Doubles want = doublesOf(p), buffer(static_cast<size_t>(n));
      for (int step = 0; step < 4; ++step) {
        Tensor g = numbers.tensor(DType::F32, n, -3, 3);
        for (size_t i = 0; i < want.size(); ++i) {
          const double d = g[static_cast<int64_t>(i)] * scale + c.weightDecay * want[i];
          buffer[i] = step == 0 ? d : c.momentum * buffer[i] + (1 - c.dampening) * d;
          const double momentumStep = c.nesterov ? d + c.momentum * buffer[i] : buffer[i];
          want[i] -= rate * (c.momentum == 0 ? d : momentumStep);
        }
        backend.sgd(p, g, c.momentum == 0 ? Out(nullptr) : Out(velocity), n, rate, c.momentum,
                    c.dampening, c.weightDecay, c.nesterov, step == 0, scale, nullptr);
      }
      const double far = distance(p, want);
      CHECK(far <= 6 && p.guardIntact() && velocity.guardIntact(),
            "momentum %g, dampening %g, decay %g, nesterov %d, %ld elements: %g roundings off",
            c.momentum, c.dampening, c.weightDecay, c.nesterov, static_cast<long>(n), far);
    }
  }
}

void adamwFollowsPyTorch(Backend& backend) {
  const double rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, scale = 0.5;
  for (double decay : {0.0, 0.1}) {
    for (int64_t n : kSizes) {
      Numbers numbers(static_cast<uint64_t>(n));
      Tensor p = numbers.tensor(DType::F32, n, -2, 2);
      const Doubles zeros(static_cast<size_t>(n));
      Tensor m(DType::F32, zeros), v(DType::F32, zeros);
      Doubles want = doublesOf(p), first = zeros, second = zeros;
      for (int step = 1; step <= 5; ++step) {
        Tensor g = numbers.tensor(DType::F32, n, -3, 3);
        if (n > 1) g.set(1, 0);  // a parameter without a gradient: 0 / (0 + epsilon)
        for (size_t i = 0; i < want.size(); ++i) {
          const double d = g[static_cast<int64_t>(i)] * scale;
          want[i] *= 1 - rate * decay;
          first[i] = beta1 * first[i] + (1 - beta1) * d;
          second[i] = beta2 * second[i] + (1 - beta2) * d * d;
          const double denominator = std::sqrt(second[i] / (1 - std::pow(beta2, step))) + epsilon;
          want[i] -= rate / (1 - std::pow(beta1, step)) * first[i] / denominator;
        }
        backend.adamw(p, g, m, v, n, rate, beta1, beta2, epsilon, decay, step, scale, nullptr);
      }
      CHECK(distance(p, want) <= 6 && p.guardIntact(), "decay %g, %ld elements: %g roundings off",
            decay, static_cast<long>(n), distance(p, want));
      CHECK(distance(m, first) <= 4 && distance(v, second) <= 4, "%ld elements: moments %g and %g",
            static_cast<long>(n), distance(m, first), distance(v, second));
    }
  }
}

void aNaNInAGradientStaysInItsElement(Backend& backend) {
  const int64_t n = 40;
  Tensor g(DType::F32, Doubles(n, 1)), p(DType::F32, Doubles(n, 1)), q = p;
  Tensor m(DType::F32, Doubles(n, 0)), v = m;
  g.set(17, kNaN);
  backend.sgd(p, g, Out(nullptr), n, 0.1, 0, 0, 0, false, true, 1, nullptr);
  backend.adamw(q, g, m, v, n, 0.1, 0.9, 0.999, 1e-8, 0, 1, 1, nullptr);
  for (int64_t i = 0; i < n; ++i) {
    CHECK(std::isnan(p[i]) == (i == 17) && std::isnan(q[i]) == (i == 17), "element %ld: %g, %g",
          static_cast<long>(i), p[i], q[i]);
  }
}

void buffersThatAreNotAlignedGetTheSame(Backend& backend) {
  const int64_t n = 1027;
  Numbers numbers(3);
  Tensor p = numbers.tensor(DType::F32, n, -2, 2), m = numbers.tensor(DType::F32, n, -2, 2);
  Tensor v = numbers.tensor(DType::F32, n, 0, 2);
  const Tensor g = numbers.tensor(DType::F32, n, -2, 2);
  const Shifted gView(g);
  Shifted pView(p), mView(m), vView(v);
  backend.adamw(p, g, m, v, n, 0.1, 0.9, 0.999, 1e-8, 0.1, 3, 1, nullptr);
  backend.adamw(pView, gView, mView, vView, n, 0.1, 0.9, 0.999, 1e-8, 0.1, 3, 1, nullptr);
  backend.sgd(p, g, m, n, 0.1, 0.9, 0.1, 0.1, true, false, 1, nullptr);
  backend.sgd(pView, gView, mView, n, 0.1, 0.9, 0.1, 0.1, true, false, 1, nullptr);
  int64_t wrong = 0;
  for (int64_t i = 0; i < n; ++i) wrong += pView[i] != p[i] || mView[i] != m[i] || vView[i] != v[i];
  CHECK(wrong == 0 && pView.guardIntact(), "%ld are wrong", static_cast<long>(wrong));
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const int64_t n = 100003;
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Numbers numbers(8);
    Tensor p = numbers.tensor(DType::F32, n, -2, 2), g = numbers.tensor(DType::F32, n, -2, 2);
    Tensor m = numbers.tensor(DType::F32, n, -2, 2), v = numbers.tensor(DType::F32, n, 0, 2);
    backend->adamw(p, g, m, v, n, 0.1, 0.9, 0.999, 1e-8, 0.1, 3, 1, nullptr);
    backend->sgd(p, g, m, n, 0.1, 0.9, 0.1, 0.1, true, false, 1, nullptr);
    results.push_back(p);
  }
  for (const Tensor& p : results) CHECK(p.sameBits(results[0]), "backends differ");
}

void clippingFollowsPyTorch(Backend& backend) {
  Tensor squares(DType::F32, Doubles{9, 16}), norm(DType::F32, 1), factor(DType::F32, 1);
  backend.clipFactor(squares, 2, norm, factor, 2, 1, false);
  CHECK(norm[0] == 10 && std::fabs(factor[0] - 0.1) < 1e-7, "%g, %g", norm[0], factor[0]);
  backend.clipFactor(squares, 2, norm, factor, 0.1, 1, false);
  CHECK(factor[0] == 1, "%g", factor[0]);
  Tensor broken(DType::F32, Doubles{9, kNaN});
  backend.clipFactor(broken, 2, norm, factor, 1, 1, false);
  CHECK(std::isnan(norm[0]) && factor[0] == 1, "%g, %g", norm[0], factor[0]);
  // The factor that stands for "not this step".
  backend.clipFactor(broken, 2, norm, factor, 1, 1, true);
  CHECK(std::isnan(factor[0]), "%g", factor[0]);
  Tensor p(DType::F32, Doubles{1, 2}), g(DType::F32, Doubles{kNaN, 1}),
      m(DType::F32, Doubles{3, 4});
  Tensor v = m;
  const Tensor before = p;
  backend.adamw(p, g, m, v, 2, 0.1, 0.9, 0.999, 1e-8, 0.1, 3, 1, factor);
  backend.sgd(p, g, m, 2, 0.1, 0.9, 0, 0, false, false, 1, factor);
  CHECK(p.sameBits(before) && m[0] == 3 && v[1] == 4, "a step that was not to be was made");
  Tensor half(DType::F32, Doubles{0.5}), q = before, one(DType::F32, Doubles{1, 1});
  backend.sgd(q, one, nullptr, 2, 1, 0, 0, 0, false, true, 0.5, half);
  CHECK(q[0] == 0.75 && q[1] == 1.75, "%g, %g", q[0], q[1]);
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  sgdFollowsPyTorch(backend);
  adamwFollowsPyTorch(backend);
  aNaNInAGradientStaysInItsElement(backend);
  buffersThatAreNotAlignedGetTheSame(backend);
  clippingFollowsPyTorch(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("optimizers_test");
}
