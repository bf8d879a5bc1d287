// Steps of optimizers that remember what gradients were like, against their formulas in double.
#include <functional>

#include "check.h"
#include "copies.h"

namespace {

// None, one, less than a vector, one more than a vector, several tasks.
const std::vector<int64_t> kSizes = {0, 1, 7, 33, 1025, 40009};

constexpr double kRate = 0.02, kBeta1 = 0.9, kBeta2 = 0.98, kEpsilon = 1e-6, kDecay = 0.1;
constexpr int kSteps = 9;  // RAdam rectifies from its sixth on

/** The buffers of a step, and which it is. */
struct Call {
  Out p;
  In g;
  Out state[3];
  int64_t n, step;
  double scale;
  In factor;
};

struct Optimizer {
  const char* name;
  int states;
  std::function<void(Backend&, const Call&)> run;
  /** One element's step: changes p and the three numbers it remembers. */
  std::function<void(double& p, double g, double* state, double t)> want;
};

double momentumOf(double t) { return kBeta1 * (1 - 0.5 * std::pow(0.96, t * 0.004)); }

double productTo(double t) {
  double product = 1;
  for (double s = 1; s <= t; ++s) product *= momentumOf(s);
  return product;
}

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

/** Moves an average towards x. */
double average(double& mean, double beta, double x) { return mean = beta * mean + (1 - beta) * x; }

std::vector<Optimizer> optimizers() {
  std::vector<Optimizer> all;
  for (bool decoupled : {false, true}) {
    const double keep = decoupled ? 1 - kRate * kDecay : 1, join = decoupled ? 0 : kDecay;
    for (bool most : {false, true}) {
      all.push_back(
          {most ? "amsgrad" : "adam", most ? 3 : 2,
           [=](Backend& b, const Call& c) {
             b.adam(c.p, c.g, c.state[0], c.state[1], most ? c.state[2] : Out(nullptr), c.n, kRate,
                    kBeta1, kBeta2, kEpsilon, kDecay, decoupled, c.step, c.scale, c.factor);
           },
           [=](double& p, double g, double* s, double t) {
             g += join * p;
             average(s[0], kBeta1, g);
             average(s[1], kBeta2, g * g);
             s[2] = std::fmax(s[2], s[1]);
             const double v = (most ? s[2] : s[1]) / (1 - std::pow(kBeta2, t));
             p = keep * p - kRate * s[0] / (1 - std::pow(kBeta1, t)) / (std::sqrt(v) + kEpsilon);
           }});
    }
    all.push_back({"nadam", 2,
                   [=](Backend& b, const Call& c) {
                     const auto t = static_cast<double>(c.step);
                     b.nadam(c.p, c.g, c.state[0], c.state[1], c.n, kRate, kBeta1, kBeta2, kEpsilon,
                             kDecay, decoupled, momentumOf(t), momentumOf(t + 1), productTo(t),
                             c.step, c.scale, c.factor);
                   },
                   [=](double& p, double g, double* s, double t) {
                     g += join * p;
                     average(s[0], kBeta1, g);
                     average(s[1], kBeta2, g * g);
                     const double v = std::sqrt(s[1] / (1 - std::pow(kBeta2, t))) + kEpsilon;
                     p = keep * p - kRate * (1 - momentumOf(t)) / (1 - productTo(t)) * g / v -
                         kRate * momentumOf(t + 1) / (1 - productTo(t + 1)) * s[0] / v;
                   }});
    all.push_back({"radam", 2,
                   [=](Backend& b, const Call& c) {
                     b.radam(c.p, c.g, c.state[0], c.state[1], c.n, kRate, kBeta1, kBeta2, kEpsilon,
                             kDecay, decoupled, c.step, c.scale, c.factor);
                   },
                   [=](double& p, double g, double* s, double t) {
                     g += join * p;
                     average(s[0], kBeta1, g);
                     average(s[1], kBeta2, g * g);
                     const double power = std::pow(kBeta2, t), most = 2 / (1 - kBeta2) - 1;
                     const double length = most - 2 * t * power / (1 - power);
                     double by = s[0] / (1 - std::pow(kBeta1, t));
                     if (length > 5) {
                       by *= std::sqrt(1 - power) / (std::sqrt(s[1]) + kEpsilon) *
                             std::sqrt((length - 4) * (length - 2) * most / (most - 4) /
                                       (most - 2) / length);
                     }
                     p = keep * p - kRate * by;
                   }});
  }
  all.push_back({"adamax", 2,
                 [](Backend& b, const Call& c) {
                   b.adamax(c.p, c.g, c.state[0], c.state[1], c.n, kRate, kBeta1, kBeta2, kEpsilon,
                            kDecay, c.step, c.scale, c.factor);
                 },
                 [](double& p, double g, double* s, double t) {
                   g += kDecay * p;
                   average(s[0], kBeta1, g);
                   s[1] = std::fmax(kBeta2 * s[1], std::fabs(g) + kEpsilon);
                   p -= kRate / (1 - std::pow(kBeta1, t)) * s[0] / s[1];
                 }});
  all.push_back({"adagrad", 1,
                 [](Backend& b, const Call& c) {
                   b.adagrad(c.p, c.g, c.state[0], c.n, kRate, kEpsilon, kDecay, c.scale, c.factor);
                 },
                 [](double& p, double g, double* s, double) {
                   g += kDecay * p;
                   s[0] += g * g;
                   p -= kRate * g / (std::sqrt(s[0]) + kEpsilon);
                 }});
  all.push_back({"adadelta", 2,
                 [](Backend& b, const Call& c) {
                   b.adadelta(c.p, c.g, c.state[0], c.state[1], c.n, 1.0, kBeta1, kEpsilon, kDecay,
                              c.scale, c.factor);
                 },
                 [](double& p, double g, double* s, double) {
                   g += kDecay * p;
                   average(s[0], kBeta1, g * g);
                   const double change =
                       std::sqrt(s[1] + kEpsilon) / std::sqrt(s[0] + kEpsilon) * g;
                   average(s[1], kBeta1, change * change);
                   p -= change;
                 }});
  for (bool centered : {false, true}) {
    for (double momentum : {0.0, 0.8}) {
      all.push_back({centered ? "centered rmsprop" : "rmsprop", 3,
                     [=](Backend& b, const Call& c) {
                       b.rmsprop(c.p, c.g, c.state[0], centered ? c.state[1] : Out(nullptr),
                                 momentum == 0 ? Out(nullptr) : c.state[2], c.n, kRate, kBeta1,
                                 kEpsilon, momentum, kDecay, c.scale, c.factor);
                     },
                     [=](double& p, double g, double* s, double) {
                       g += kDecay * p;
                       average(s[0], kBeta1, g * g);
                       const double mean = centered ? average(s[1], kBeta1, g) : 0;
                       const double by = g / (std::sqrt(s[0] - mean * mean) + kEpsilon);
                       if (momentum != 0) s[2] = momentum * s[2] + by;
                       p -= kRate * (momentum == 0 ? by : s[2]);
                     }});
    }
  }
  all.push_back({"lion", 1,
                 [](Backend& b, const Call& c) {
                   b.lion(c.p, c.g, c.state[0], c.n, kRate, kBeta1, kBeta2, kDecay, c.scale,
                          c.factor);
                 },
                 [](double& p, double g, double* s, double) {
                   p -= kRate * (sign(kBeta1 * s[0] + (1 - kBeta1) * g) + kDecay * p);
                   average(s[0], kBeta2, g);
                 }});
  return all;
}

Call callOf(Tensor& p, const Tensor& g, std::vector<Tensor>& s, int64_t step, In factor) {
  return {p, g, {s[0], s[1], s[2]}, p.size(), step, 0.5, factor};
}

/** The largest distance from `want` in roundings of 1 or, where that is more, of the value. */
double distance(const Tensor& got, const Doubles& want) {
  double largest = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    const double w = want[static_cast<size_t>(i)];
    if (std::isnan(got[i])) return kNaN;
    largest = std::fmax(largest, std::fabs(got[i] - w) / std::fmax(1, std::fabs(w)));
  }
  return largest / 0x1p-24;
}

void stepsFollowTheFormulas(Backend& backend) {
  for (const Optimizer& o : optimizers()) {
    for (int64_t n : kSizes) {
      Numbers numbers(static_cast<uint64_t>(n));
      Tensor p = numbers.tensor(DType::F32, n, -2, 2), two(DType::F32, Doubles{2});
      const Doubles zeros(static_cast<size_t>(n));
      std::vector<Tensor> state(3, Tensor(DType::F32, zeros));
      Doubles want, remembered(3 * static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i) want.push_back(p[i]);
      for (int t = 1; t <= kSteps; ++t) {
        // Far from 0, where the sign of Lion's direction would be a matter of rounding.
        Tensor g = numbers.tensor(DType::F32, n, 0.5, 3);
        for (int64_t i = 0; i < n; i += 2) g.set(i, -g[i]);
        for (size_t i = 0; i < want.size(); ++i) {
          o.want(want[i], g[static_cast<int64_t>(i)] * 0.5 * (t % 2 ? 2 : 1), &remembered[3 * i],
                 t);
        }
        o.run(backend, callOf(p, g, state, t, t % 2 ? In(two) : In(nullptr)));
      }
      CHECK(distance(p, want) <= 24 && p.guardIntact(), "%s, %ld elements: %g roundings off",
            o.name, static_cast<long>(n), distance(p, want));
      for (size_t k = 0; k < static_cast<size_t>(o.states); ++k) {
        Doubles wanted;
        for (size_t i = 0; i < want.size(); ++i) wanted.push_back(remembered[3 * i + k]);
        CHECK(distance(state[k], wanted) <= 24 && state[k].guardIntact(),
              "%s, %ld elements: state %zu is %g roundings off", o.name, static_cast<long>(n), k,
              distance(state[k], wanted));
      }
    }
  }
}

void aNaNStaysInItsElement(Backend& backend) {
  const int64_t n = 40;
  for (const Optimizer& o : optimizers()) {
    Tensor g(DType::F32, Doubles(n, 1)), p(DType::F32, Doubles(n, 1));
    std::vector<Tensor> state(3, Tensor(DType::F32, Doubles(n, 0.25)));
    g.set(17, kNaN);
    o.run(backend, callOf(p, g, state, 7, nullptr));
    for (int64_t i = 0; i < n; ++i) {
      CHECK(std::isnan(p[i]) == (i == 17), "%s, element %ld: %g", o.name, static_cast<long>(i),
            p[i]);
    }
  }
}

void aStepThatIsNotToBeChangesNothing(Backend& backend) {
  Tensor none(DType::F32, Doubles{kNaN});
  for (const Optimizer& o : optimizers()) {
    Tensor g(DType::F32, Doubles(40, 1)), p(DType::F32, Doubles(40, 1));
    std::vector<Tensor> state(3, Tensor(DType::F32, Doubles(40, 0.25)));
    const Tensor before = p;
    const std::vector<Tensor> stateBefore = state;
    o.run(backend, callOf(p, g, state, 7, none));
    CHECK(p.sameBits(before), "%s changed parameters", o.name);
    for (size_t k = 0; k < 3; ++k) {
      CHECK(state[k].sameBits(stateBefore[k]), "%s changed its state", o.name);
    }
  }
}

void buffersThatAreNotAlignedGetTheSame(Backend& backend) {
  const int64_t n = 1027;
  for (const Optimizer& o : optimizers()) {
    Numbers numbers(3);
    Tensor p = numbers.tensor(DType::F32, n, -2, 2);
    const Tensor g = numbers.tensor(DType::F32, n, -2, 2);
    std::vector<Tensor> state(3, numbers.tensor(DType::F32, n, 1, 2));
    const Shifted gView(g);
    Shifted pView(p), a(state[0]), b(state[1]), c(state[2]);
    o.run(backend, callOf(p, g, state, 7, nullptr));
    o.run(backend, {pView, gView, {a, b, c}, n, 7, 0.5, nullptr});
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; ++i) wrong += pView[i] != p[i] || a[i] != state[0][i];
    CHECK(wrong == 0 && pView.guardIntact(), "%s: %ld are wrong", o.name, static_cast<long>(wrong));
  }
}

// Adafactor

struct Matrices {
  int64_t batch, rows, cols;
  bool factored;
};

/** Adafactor's step of one tensor, whose averages are `row` and `column`. */
void adafactor(const Matrices& m, Doubles& p, const Doubles& g, Doubles& row, Doubles& column,
               int t) {
  const double take = std::pow(t, -0.8), epsilon1 = 1e-3, epsilon2 = 1e-3, threshold = 0.9;
  const auto n = static_cast<double>(p.size());
  Doubles square(p.size());
  double updates = 0, squares = 0;
  for (int64_t b = 0; b < m.batch; ++b) {
    const auto at = [&](int64_t r, int64_t c) {
      return static_cast<size_t>((b * m.rows + r) * m.cols + c);
    };
    double mean = 0;
    for (int64_t r = 0; r < m.rows && m.factored; ++r) {
      double sum = 0;
      for (int64_t c = 0; c < m.cols; ++c) sum += g[at(r, c)] * g[at(r, c)];
      double& average = row[static_cast<size_t>(b * m.rows + r)];
      average += take * (sum / static_cast<double>(m.cols) - average);
      mean += average / static_cast<double>(m.rows);
    }
    for (int64_t c = 0; c < m.cols && m.factored; ++c) {
      double sum = 0;
      for (int64_t r = 0; r < m.rows; ++r) sum += g[at(r, c)] * g[at(r, c)];
      double& average = column[static_cast<size_t>(b * m.cols + c)];
      average += take * (sum / static_cast<double>(m.rows) - average);
    }
    for (int64_t r = 0; r < m.rows; ++r) {
      for (int64_t c = 0; c < m.cols; ++c) {
        const size_t i = at(r, c);
        if (m.factored) {
          square[i] = row[static_cast<size_t>(b * m.rows + r)] *
                      column[static_cast<size_t>(b * m.cols + c)] / std::fmax(mean, epsilon1);
        } else {
          square[i] = row[i] += take * (g[i] * g[i] - row[i]);
        }
      }
    }
  }
  for (size_t i = 0; i < p.size(); ++i) {
    square[i] = g[i] / std::sqrt(std::fmax(square[i], epsilon1 * epsilon1));
    updates += square[i] * square[i];
    squares += p[i] * p[i];
  }
  const double rate = std::fmax(epsilon2, std::sqrt(squares / n)) *
                      std::fmin(0.7, 1 / std::sqrt(t)) /
                      std::fmax(1, std::sqrt(updates / n) / threshold);
  for (size_t i = 0; i < p.size(); ++i) p[i] = p[i] * (1 - 0.7 * kDecay) - rate * square[i];
}

void adafactorFollowsItsFormula(Backend& backend) {
  const std::vector<Matrices> shapes = {
      {1, 1, 1, true},     {1, 7, 5, true},    {6, 3, 3, true},      {1, 129, 1100, true},
      {2, 67, 33, true},   {1, 1, 2050, true}, {1, 2050, 1, true},   {700, 3, 5, true},
      {1, 1, 33, false},   {1, 1, 1, false},   {1, 1, 40009, false}, {0, 3, 5, true},
      {1, 301, 259, true}, {1, 1, 0, false},
  };
  for (const Matrices& m : shapes) {
    const int64_t n = m.batch * m.rows * m.cols;
    Numbers numbers(static_cast<uint64_t>(n));
    Tensor p = numbers.tensor(DType::F32, n, -2, 2);
    Doubles want, row(static_cast<size_t>(m.factored ? m.batch * m.rows : n));
    Doubles column(static_cast<size_t>(m.factored ? m.batch * m.cols : 0));
    for (int64_t i = 0; i < n; ++i) want.push_back(p[i]);
    Tensor rowGot(DType::F32, row), columnGot(DType::F32, column), two(DType::F32, Doubles{2});
    for (int t = 1; t <= 4; ++t) {
      const Tensor g = numbers.tensor(DType::F32, n, -3, 3);
      Doubles scaled;
      for (int64_t i = 0; i < n; ++i) scaled.push_back(g[i] * 0.5 * (t % 2 ? 2 : 1));
      if (n > 0) adafactor(m, want, scaled, row, column, t);
      backend.adafactor(p, g, rowGot, m.factored ? Out(columnGot) : Out(nullptr), m.batch, m.rows,
                        m.cols, 0.7, -0.8, 1e-3, 1e-3, 0.9, kDecay, t, 0.5,
                        t % 2 ? In(two) : In(nullptr));
    }
    CHECK(distance(p, want) <= 40 && p.guardIntact(), "(%ld, %ld, %ld): %g roundings off",
          static_cast<long>(m.batch), static_cast<long>(m.rows), static_cast<long>(m.cols),
          distance(p, want));
    CHECK(distance(rowGot, row) <= 24 && distance(columnGot, column) <= 24 &&
              rowGot.guardIntact() && columnGot.guardIntact(),
          "(%ld, %ld, %ld): averages %g and %g", static_cast<long>(m.batch),
          static_cast<long>(m.rows), static_cast<long>(m.cols), distance(rowGot, row),
          distance(columnGot, column));
  }
}

void adafactorLeavesAStepOut(Backend& backend) {
  Tensor none(DType::F32, Doubles{kNaN}), p(DType::F32, Doubles(6, 1)), g = p;
  Tensor row(DType::F32, Doubles(2, 0.5)), column(DType::F32, Doubles(3, 0.5));
  Tensor each(DType::F32, Doubles(6, 0.5));
  const Tensor before = p, rowBefore = row, columnBefore = column, eachBefore = each;
  backend.adafactor(p, g, row, column, 1, 2, 3, 0.1, -0.8, 1e-7, 1e-3, 1, 0, 3, 1, none);
  backend.adafactor(p, g, each, Out(nullptr), 1, 1, 6, 0.1, -0.8, 1e-7, 1e-3, 1, 0, 3, 1, none);
  CHECK(p.sameBits(before) && row.sameBits(rowBefore) && column.sameBits(columnBefore) &&
            each.sameBits(eachBefore),
        "a step that was not to be was made");
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const int64_t n = 100003;
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Numbers numbers(8);
    Tensor p = numbers.tensor(DType::F32, n, -2, 2), g = numbers.tensor(DType::F32, n, -2, 2);
    for (const Optimizer& o : optimizers()) {
      std::vector<Tensor> state(3, numbers.tensor(DType::F32, n, 1, 2));
      o.run(*backend, callOf(p, g, state, 7, nullptr));
    }
    Tensor row = numbers.tensor(DType::F32, 301, 1, 2);
    Tensor column = numbers.tensor(DType::F32, 332, 1, 2);
    backend->adafactor(p, g, row, column, 1, 301, 332, 0.1, -0.8, 1e-7, 1e-3, 1, 0, 3, 1, nullptr);
    Tensor each = numbers.tensor(DType::F32, n, 1, 2);
    backend->adafactor(p, g, each, Out(nullptr), 1, 1, n, 0.1, -0.8, 1e-7, 1e-3, 1, 0, 3, 1,
                       nullptr);
    results.push_back(p);
  }
  for (const Tensor& p : results) CHECK(p.sameBits(results[0]), "backends differ");
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  stepsFollowTheFormulas(backend);
  aNaNStaysInItsElement(backend);
  aStepThatIsNotToBeChangesNothing(backend);
  buffersThatAreNotAlignedGetTheSame(backend);
  adafactorFollowsItsFormula(backend);
  adafactorLeavesAStepOut(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("adaptive_optimizers_test");
}
