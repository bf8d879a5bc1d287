// CTC against its definition: the sum over every way to spread a sequence over the steps.
#include "check.h"
#include "copies.h"

namespace {

struct Case {
  int64_t time, classes, targetTime, blank;
  std::vector<int64_t> inputLengths;
  std::vector<std::vector<int64_t>> targets;

  int64_t batch() const { return static_cast<int64_t>(inputLengths.size()); }
  int64_t width() const { return 2 * targetTime + 1; }
};

// Repeats, the empty sequence, no step at all, sequences that do not fit, a blank in the middle of
// the classes and as a label.
const std::vector<Case> kCases = {
    {5, 3, 2, 0, {5, 4, 5}, {{1, 2}, {1, 1}, {2}}},
    {6, 3, 3, 1, {6, 5, 6, 3}, {{0, 0, 2}, {2, 0, 2}, {}, {0, 2, 0}}},
    {4, 2, 4, 0, {4, 4, 0, 0, 1}, {{1, 1}, {1, 1, 1}, {}, {1}, {1, 1}}},
    {3, 4, 0, 3, {3, 2}, {{}, {}}},
    {4, 3, 2, 0, {4}, {{0, 1}}},
    {0, 3, 1, 0, {0}, {{}}},
    {3, 3, 1, 0, {}, {}},
};

struct Result {
  Doubles loss, dx;  // dx for a dloss of 1.5 + the sequence's number
};

/** The labels that a path stands for: without repeats, then without blanks. */
std::vector<int64_t> collapsed(const std::vector<int64_t>& path, int64_t blank) {
  std::vector<int64_t> labels;
  for (size_t t = 0; t < path.size(); ++t) {
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) labels.push_back(path[t]);
  }
  return labels;
}

/** By going through all paths. A label that is the blank has no path. */
Result enumerated(const Tensor& x, const Case& c) {
  Result r{{}, Doubles(static_cast<size_t>(x.size()))};
  for (int64_t b = 0; b < c.batch(); ++b) {
    const auto steps = static_cast<size_t>(c.inputLengths[static_cast<size_t>(b)]);
    auto logit = [&](size_t t, int64_t k) {
      return (static_cast<int64_t>(t) * c.batch() + b) * c.classes + k;
    };
    double all = 0;
    Doubles shares(static_cast<size_t>(x.size()));
    std::vector<int64_t> path(steps, 0);
    for (bool more = true; more;) {
      if (collapsed(path, c.blank) == c.targets[static_cast<size_t>(b)]) {
        double p = 1;
        for (size_t t = 0; t < steps; ++t) p *= std::exp(x[logit(t, path[t])]);
        all += p;
        for (size_t t = 0; t < steps; ++t) shares[static_cast<size_t>(logit(t, path[t]))] += p;
      }
      more = false;
      for (size_t t = 0; t < steps && !more; ++t) {
        path[t] = (path[t] + 1) % c.classes;
        more = path[t] != 0;
      }
    }
    r.loss.push_back(-std::log(all));
    for (size_t t = 0; t < steps; ++t) {
      for (int64_t k = 0; k < c.classes; ++k) {
        const auto i = static_cast<size_t>(logit(t, k));
        r.dx[i] = all == 0 ? kNaN : -(1.5 + static_cast<double>(b)) * shares[i] / all;
      }
    }
  }
  return r;
}

/** Targets with padding that is no class. */
Tensor targetsOf(DType type, const Case& c) {
  Tensor targets(type, c.batch() * c.targetTime);
  for (int64_t b = 0; b < c.batch(); ++b) {
    const auto& own = c.targets[static_cast<size_t>(b)];
    for (int64_t i = 0; i < c.targetTime; ++i) {
      const bool counts = i < static_cast<int64_t>(own.size());
      targets.set(b * c.targetTime + i,
                  counts ? static_cast<double>(own[static_cast<size_t>(i)]) : -1.0);
    }
  }
  return targets;
}

/** What a call needs beside the log-probabilities, and what it gives. */
struct Operands {
  Operands(DType type, const Case& c)
      : type(type),
        targets(targetsOf(type, c)),
        inputs(type, c.batch()),
        lengths(type, c.batch()),
        loss(DType::F32, c.batch()),
        alpha(DType::F32, c.batch() * c.time * c.width()),
        dloss(DType::F32, c.batch()) {
    for (int64_t b = 0; b < c.batch(); ++b) {
      inputs.set(b, static_cast<double>(c.inputLengths[static_cast<size_t>(b)]));
      lengths.set(b, static_cast<double>(c.targets[static_cast<size_t>(b)].size()));
      dloss.set(b, 1.5 + static_cast<double>(b));
    }
  }

  void forward(Backend& backend, DType t, const Tensor& x, const Case& c, bool zeroInfinity) {
    backend.ctc(t, x, type, targets, inputs, lengths, loss, alpha, c.time, c.batch(), c.classes,
                c.targetTime, c.blank, zeroInfinity);
  }

  void backward(Backend& backend, DType t, const Tensor& x, Tensor& dx, const Case& c,
                bool zeroInfinity) {
    backend.ctcGrad(t, x, type, targets, inputs, lengths, alpha, dloss, dx, c.time, c.batch(),
                    c.classes, c.targetTime, c.blank, zeroInfinity);
  }

  DType type;
  Tensor targets, inputs, lengths, loss, alpha, dloss;
};

void check(Backend& backend, DType type, DType targetType, const Case& c, const Result& all,
           const Tensor& x, bool zeroInfinity) {
  Operands o(targetType, c);
  Tensor dx(type, x.size());
  Result want = all;
  for (double& y : want.loss) y = zeroInfinity && std::isinf(y) ? 0 : y;
  for (double& d : want.dx) d = zeroInfinity && std::isnan(d) ? 0 : d;
  o.forward(backend, type, x, c, zeroInfinity);
  int64_t wrong = 0;
  for (int64_t b = 0; b < c.batch(); ++b) {
    wrong += !close(DType::F32, o.loss[b], want.loss[static_cast<size_t>(b)], 8, 1e-6);
  }
  CHECK(wrong == 0 && o.loss.guardIntact() && o.alpha.guardIntact(),
        "%s, %ld steps: %ld losses are wrong, the first %.9g, want %.9g", nameOf(type),
        static_cast<long>(c.time), static_cast<long>(wrong), c.batch() > 0 ? o.loss[0] : 0,
        c.batch() > 0 ? want.loss[0] : 0);
  o.backward(backend, type, x, dx, c, zeroInfinity);
  for (int64_t i = 0; i < dx.size(); ++i) {
    const double d = want.dx[static_cast<size_t>(i)];
    wrong += std::isnan(d) ? !std::isnan(dx[i]) : !close(type, dx[i], d, 32, 1e-5);
  }
  CHECK(wrong == 0 && dx.guardIntact(), "%s, %ld steps: %ld of dx are wrong", nameOf(type),
        static_cast<long>(c.time), static_cast<long>(wrong));
}

/** Log-probabilities that need not sum to one: the definition does not ask for it. */
Tensor scores(DType type, const Case& c) {
  return Numbers(3).tensor(type, c.time * c.batch() * c.classes, -3, 0);
}

void ctcIsTheSumOverAllPaths(Backend& backend) {
  for (DType type : kFloating) {
    for (const Case& c : kCases) {
      if (c.targets.size() == 1 && !c.targets[0].empty() && c.targets[0][0] == c.blank) continue;
      const Tensor x = scores(type, c);
      const Result all = enumerated(x, c);
      for (bool zeroInfinity : {false, true}) {
        check(backend, type, DType::I64, c, all, x, zeroInfinity);
        check(backend, type, DType::I32, c, all, x, zeroInfinity);
      }
    }
  }
}

/** Then it may be taken for one around it; all that is asked is that gradients stay shares. */
void aLabelThatIsTheBlankKeepsSharesThatSumToOne(Backend& backend) {
  const Case& c = kCases[4];
  const Tensor x = scores(DType::F32, c);
  Tensor dx(DType::F32, x.size());
  Operands o(DType::I64, c);
  o.forward(backend, DType::F32, x, c, false);
  o.backward(backend, DType::F32, x, dx, c, false);
  for (int64_t t = 0; t < c.time; ++t) {
    double sum = 0;
    for (int64_t k = 0; k < c.classes; ++k) sum += dx[t * c.classes + k];
    CHECK(close(DType::F32, sum, -1.5, 16), "step %ld: %g", static_cast<long>(t), sum);
  }
}

double plus(double a, double b) {
  const double most = std::fmax(a, b);
  return most == -kInfinity ? most : most + std::log(std::exp(a - most) + std::exp(b - most));
}

/** Long inputs, by the recursion in double. More states than threads of a block. */
void longInputsKeepTheirDigits(Backend& backend) {
  const int64_t time = 1500, classes = 30, n = 600;
  Case c{time, classes, n, 0, {time, time - 7}, {{}, {}}};
  Numbers numbers(8);
  for (auto& target : c.targets) {
    for (int64_t i = 0; i < n; ++i) target.push_back(1 + numbers.below(classes - 1));
  }
  const Tensor x = numbers.tensor(DType::F32, time * 2 * classes, -9, 0);
  Operands o(DType::I64, c);
  o.forward(backend, DType::F32, x, c, false);
  Tensor dx(DType::F32, x.size());
  o.backward(backend, DType::F32, x, dx, c, false);
  for (size_t b = 0; b < 2; ++b) {
    const int64_t steps = c.inputLengths[b], states = 2 * n + 1;
    auto label = [&](int64_t s) {
      return s % 2 == 0 ? 0 : c.targets[b][static_cast<size_t>(s / 2)];
    };
    auto skips = [&](int64_t s) { return s % 2 == 1 && s > 2 && label(s) != label(s - 2); };
    auto logit = [&](int64_t t, int64_t k) {
      return (t * 2 + static_cast<int64_t>(b)) * classes + k;
    };
    auto at = [=](int64_t t, int64_t s) { return static_cast<size_t>(t * states + s); };
    Doubles alpha(static_cast<size_t>(steps * states), -kInfinity), beta = alpha;
    for (int64_t t = 0; t < steps; ++t) {
      for (int64_t s = 0; s < states; ++s) {
        double y = t == 0 && s < 2 ? 0 : -kInfinity;
        if (t > 0) {
          y = alpha[at(t - 1, s)];
          if (s > 0) y = plus(y, alpha[at(t - 1, s - 1)]);
          if (skips(s)) y = plus(y, alpha[at(t - 1, s - 2)]);
        }
        alpha[at(t, s)] = y + x[logit(t, label(s))];
      }
    }
    for (int64_t t = steps - 1; t >= 0; --t) {
      for (int64_t s = 0; s < states; ++s) {
        double y = t == steps - 1 && s >= states - 2 ? 0 : -kInfinity;
        if (t < steps - 1) {
          auto next = [&](int64_t to) { return beta[at(t + 1, to)] + x[logit(t + 1, label(to))]; };
          y = next(s);
          if (s + 1 < states) y = plus(y, next(s + 1));
          if (s + 2 < states && skips(s + 2)) y = plus(y, next(s + 2));
        }
        beta[at(t, s)] = y;
      }
    }
    const double all = plus(alpha[at(steps - 1, states - 1)], alpha[at(steps - 1, states - 2)]);
    CHECK(close(DType::F32, o.loss[static_cast<int64_t>(b)], -all, 16), "got %.9g, want %.9g",
          o.loss[static_cast<int64_t>(b)], -all);
    double worst = 0;
    for (int64_t t = 0; t < time; ++t) {
      Doubles want(classes);
      for (int64_t s = 0; t < steps && s < states; ++s) {
        want[static_cast<size_t>(label(s))] -=
            std::exp(alpha[at(t, s)] + beta[at(t, s)] - all) * (1.5 + static_cast<double>(b));
      }
      for (int64_t k = 0; k < classes; ++k) {
        worst = std::fmax(worst, std::fabs(dx[logit(t, k)] - want[static_cast<size_t>(k)]));
      }
    }
    CHECK(worst < 5e-4, "a gradient is wrong by %g", worst);
  }
}

void whatLiesOutsideIsRefused(Backend& backend) {
  const Case c{4, 3, 2, 0, {4, 4}, {{1, 2}, {2, 1}}};
  const Tensor x = scores(DType::F32, c);
  for (DType type : {DType::I32, DType::I64}) {
    auto message = [&](void (*spoil)(Operands&)) {
      Operands o(type, c);
      spoil(o);
      o.loss.set(0, 7);
      const std::string forward = outOfRange([&] { o.forward(backend, DType::F32, x, c, false); });
      CHECK(o.loss[0] == 7, "the loss was written: %g", o.loss[0]);
      Tensor dx(DType::F32, x.size());
      const std::string back =
          outOfRange([&] { o.backward(backend, DType::F32, x, dx, c, false); });
      CHECK(forward == back, "'%s' and '%s'", forward.c_str(), back.c_str());
      return forward;
    };
    auto is = [](const std::string& got, const char* want) {
      CHECK(got == want, "got '%s', want '%s'", got.c_str(), want);
    };
    is(message([](Operands& o) { o.inputs.set(1, 5); }),
       "ctc: input length 5 at position 1 is outside [0, 5)");
    is(message([](Operands& o) { o.inputs.set(0, -1); }),
       "ctc: input length -1 at position 0 is outside [0, 5)");
    is(message([](Operands& o) { o.lengths.set(1, 3); }),
       "ctc: target length 3 at position 1 is outside [0, 3)");
    is(message([](Operands& o) { o.targets.set(3, 3); }),
       "ctc: target 3 at position 3 is outside [0, 3)");
    is(message([](Operands& o) { o.targets.set(1, -2); }),
       "ctc: target -2 at position 1 is outside [0, 3)");
  }
}

void aNaNReachesTheLoss(Backend& backend) {
  const Case& c = kCases[0];
  Tensor x = scores(DType::F32, c), dx(DType::F32, x.size());
  for (int64_t k = 0; k < c.classes; ++k) x.set(c.batch() * c.classes + k, kNaN);
  Operands o(DType::I64, c);
  o.forward(backend, DType::F32, x, c, true);
  CHECK(std::isnan(o.loss[0]) && std::isfinite(o.loss[1]), "%g, %g", o.loss[0], o.loss[1]);
  o.backward(backend, DType::F32, x, dx, c, true);
  CHECK(std::isnan(dx[0]) && !std::isnan(dx[c.classes]), "%g, %g", dx[0], dx[c.classes]);
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const Case& c = kCases[1];
  const Tensor x = scores(DType::F32, c);
  std::vector<Tensor> gradients;
  for (Backend* backend : backends) {
    Operands o(DType::I64, c);
    Tensor dx(DType::F32, x.size());
    o.forward(*backend, DType::F32, x, c, true);
    o.backward(*backend, DType::F32, x, dx, c, true);
    gradients.push_back(dx);
  }
  for (const Tensor& dx : gradients) CHECK(dx.sameBits(gradients[0]), "threads");
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  ctcIsTheSumOverAllPaths(backend);
  aLabelThatIsTheBlankKeepsSharesThatSumToOne(backend);
  longInputsKeepTheirDigits(backend);
  whatLiesOutsideIsRefused(backend);
  aNaNReachesTheLoss(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("ctc_test");
}
