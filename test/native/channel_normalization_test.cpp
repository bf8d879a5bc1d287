// Batch and group normalization against their formulas in double: all types, short and long runs,
// with and without parameters and running statistics.
#include "check.h"
#include "copies.h"

namespace {

constexpr double kEps = 1e-3;

struct Case {
  int64_t batch, channels, inner, groups;
  int64_t size() const { return batch * channels * inner; }
};
// Runs of one element, of less than a vector, past a tile, past a long run's start and past what a
// GPU's threads hold; more examples than are summed at once; nothing.
const std::vector<Case> kCases = {
    {2, 1, 1, 1},     {3, 4, 1, 2},   {5, 6, 7, 3},     {130, 70, 1, 7},  {67, 12, 16, 4},
    {3, 700, 3, 100}, {2, 5, 255, 5}, {2, 6, 256, 2},   {3, 4, 1030, 2},  {2, 2, 9000, 1},
    {0, 3, 5, 3},     {4, 3, 0, 1},   {32, 64, 16, 32}, {70, 33, 17, 11}, {2, 2100, 1, 3}};

size_t at(int64_t i) { return static_cast<size_t>(i); }

struct Operands {
  Operands(DType type, DType wt, const Case& c)
      : x(type, 0), dy(type, 0), weight(wt, 0), bias(wt, 0), mean(DType::F32, 0), variance(mean) {
    Numbers numbers(static_cast<uint64_t>(c.size() + c.inner));
    x = numbers.tensor(type, c.size(), -2, 3);
    dy = numbers.tensor(type, c.size(), -1, 1);
    weight = numbers.tensor(wt, c.channels, 0.5, 1.5);
    bias = numbers.tensor(wt, c.channels, -1, 1);
    mean = numbers.tensor(DType::F32, c.channels, -1, 1);
    variance = numbers.tensor(DType::F32, c.channels, 0.5, 2);
  }
  Tensor x, dy, weight, bias, mean, variance;
};

struct Result {
  Result(DType type, DType wt, const Case& c, int64_t statistics)
      : y(type, c.size()),
        dx(type, c.size()),
        mean(DType::F32, statistics),
        rstd(DType::F32, statistics),
        dweight(wt, c.channels),
        dbias(wt, c.channels) {}
  bool guardsIntact() const {
    return y.guardIntact() && dx.guardIntact() && mean.guardIntact() && rstd.guardIntact() &&
           dweight.guardIntact() && dbias.guardIntact();
  }
  Tensor y, dx, mean, rstd, dweight, dbias;
};

/** groups 0 stands for batchNorm. */
Result run(Backend& backend, bool grouped, bool parameters, Operands& o, const Case& c) {
  const DType t = o.x.type(), wt = o.weight.type();
  Result r(t, wt, c, grouped ? c.batch * c.groups : c.channels);
  const In weight = parameters ? In(o.weight) : In(nullptr);
  const In bias = parameters ? In(o.bias) : In(nullptr);
  if (grouped) {
    backend.groupNorm(t, o.x, wt, weight, bias, r.y, r.mean, r.rstd, c.batch, c.channels, c.groups,
                      c.inner, kEps);
    backend.groupNormGrad(t, o.dy, o.x, wt, weight, r.mean, r.rstd, r.dx, false, r.dweight, r.dbias,
                          c.batch, c.channels, c.groups, c.inner);
  } else {
    backend.batchNorm(t, o.x, wt, weight, bias, r.y, r.mean, r.rstd, nullptr, nullptr, nullptr,
                      c.batch, c.channels, c.inner, 0, kEps);
    backend.batchNormGrad(t, o.dy, o.x, wt, weight, r.mean, r.rstd, r.dx, false, r.dweight, r.dbias,
                          c.batch, c.channels, c.inner);
  }
  return r;
}

/** The formula: statistics of each set of elements that share them, and what follows. */
void followsItsFormula(Backend& backend, bool grouped, bool parameters, DType type, DType wt,
                       const Case& c) {
  Operands o(type, wt, c);
  const Result r = run(backend, grouped, parameters, o, c);
  const int64_t sets = grouped ? c.batch * c.groups : c.channels;
  auto channelOf = [&](int64_t i) { return i / c.inner % c.channels; };
  auto setOf = [&](int64_t i) {
    const int64_t channel = channelOf(i), example = i / c.inner / c.channels;
    return grouped ? example * c.groups + channel / (c.channels / c.groups) : channel;
  };
  Doubles n(at(sets)), mean = n, square = n, meanG = n, meanGX = n;
  Doubles dweight(at(c.channels)), dbias = dweight, sizeW = dweight;
  for (int64_t i = 0; i < c.size(); ++i) ++n[at(setOf(i))];
  for (int64_t i = 0; i < c.size(); ++i) mean[at(setOf(i))] += o.x[i] / n[at(setOf(i))];
  for (int64_t i = 0; i < c.size(); ++i) {
    const double d = o.x[i] - mean[at(setOf(i))];
    square[at(setOf(i))] += d * d / n[at(setOf(i))];
  }
  auto rstd = [&](int64_t i) { return 1 / std::sqrt(square[at(setOf(i))] + kEps); };
  auto normal = [&](int64_t i) { return (o.x[i] - mean[at(setOf(i))]) * rstd(i); };
  auto g = [&](int64_t i) { return o.dy[i] * (parameters ? o.weight[channelOf(i)] : 1); };
  int64_t wrong = 0;
  for (int64_t i = 0; i < c.size(); ++i) {
    const double w = parameters ? o.weight[channelOf(i)] : 1,
                 b = parameters ? o.bias[channelOf(i)] : 0;
    wrong += !close(type, r.y[i], normal(i) * w + b, 8, 1e-6 * (1 + rstd(i)));
    meanG[at(setOf(i))] += g(i) / n[at(setOf(i))];
    meanGX[at(setOf(i))] += g(i) * normal(i) / n[at(setOf(i))];
    dweight[at(channelOf(i))] += o.dy[i] * normal(i);
    dbias[at(channelOf(i))] += o.dy[i];
    sizeW[at(channelOf(i))] += 1;
  }
  for (int64_t i = 0; i < c.size(); ++i) {
    const double lost = 1e-6 * (1 + rstd(i) * rstd(i));
    const double dx = rstd(i) * (g(i) - meanG[at(setOf(i))] - normal(i) * meanGX[at(setOf(i))]);
    wrong += !close(type, r.dx[i], dx, 8, lost);
  }
  for (int64_t k = 0; k < c.channels; ++k) {
    const double lost = 1e-6 * (30 + sizeW[at(k)]);
    wrong += !close(wt, r.dweight[k], dweight[at(k)], 8, lost);
    wrong += !close(wt, r.dbias[k], dbias[at(k)], 8, lost);
  }
  CHECK(wrong == 0 && r.guardsIntact(), "%s and %s, (%ld, %ld, %ld) in %ld%s%s: %ld are wrong",
        nameOf(type), nameOf(wt), static_cast<long>(c.batch), static_cast<long>(c.channels),
        static_cast<long>(c.inner), static_cast<long>(c.groups), grouped ? ", grouped" : "",
        parameters ? ", parameters" : "", static_cast<long>(wrong));
}

void everyCaseFollowsItsFormula(Backend& backend) {
  for (const Case& c : kCases) {
    for (DType type : kFloating) {
      for (bool grouped : {false, true}) {
        followsItsFormula(backend, grouped, true, type, type, c);
        followsItsFormula(backend, grouped, true, type, DType::F32, c);
        followsItsFormula(backend, grouped, false, type, DType::F32, c);
      }
    }
  }
}

void statisticsFromElsewhereAreApplied(Backend& backend) {
  for (const Case& c : kCases) {
    for (DType type : kFloating) {
      Operands o(type, DType::F32, c);
      Tensor y(type, c.size());
      backend.batchNormApply(type, o.x, DType::F32, o.weight, o.bias, o.mean, o.variance, y,
                             c.batch, c.channels, c.inner, kEps);
      int64_t wrong = 0;
      for (int64_t i = 0; i < c.size(); ++i) {
        const int64_t k = i / c.inner % c.channels;
        const double normal = (o.x[i] - o.mean[k]) / std::sqrt(o.variance[k] + kEps);
        wrong += !close(type, y[i], normal * o.weight[k] + o.bias[k], 8, 1e-6);
      }
      CHECK(wrong == 0 && y.guardIntact(), "%s, (%ld, %ld, %ld): %ld are wrong", nameOf(type),
            static_cast<long>(c.batch), static_cast<long>(c.channels), static_cast<long>(c.inner),
            static_cast<long>(wrong));
    }
  }
}

/** By a share of the way, or to the average of all batches, which are counted. */
void runningStatisticsMove(Backend& backend) {
  for (int64_t inner : {1, 9, 300}) {
    for (double momentum : {0.1, -1.0}) {
      const Case c{6, 5, inner, 1};
      Tensor runningMean(DType::F32, Doubles(5, 0)), runningVariance(DType::F32, Doubles(5, 1));
      Tensor batches(DType::I64, Doubles(1, 0));
      Doubles means(5, 0), variances(5, 1);
      for (int step = 1; step <= 3; ++step) {
        Numbers numbers(static_cast<uint64_t>(step));
        Tensor x = numbers.tensor(DType::F32, c.size(), -step, 2 * step), y = x;
        Tensor mean(DType::F32, 5), rstd = mean;
        backend.batchNorm(DType::F32, x, DType::F32, nullptr, nullptr, y, mean, rstd, runningMean,
                          runningVariance, batches, c.batch, c.channels, inner, momentum, kEps);
        CHECK(batches[0] == step, "%g batches", batches[0]);
        const double share = momentum < 0 ? 1.0 / step : momentum;
        const double n = static_cast<double>(c.batch * inner);
        for (int64_t k = 0; k < 5; ++k) {
          double sum = 0, squares = 0;
          for (int64_t i = 0; i < c.size(); ++i) {
            if (i / inner % 5 == k) sum += x[i] / n;
          }
          for (int64_t i = 0; i < c.size(); ++i) {
            if (i / inner % 5 == k) squares += (x[i] - sum) * (x[i] - sum);
          }
          means[at(k)] += share * (sum - means[at(k)]);
          variances[at(k)] += share * (squares / (n - 1) - variances[at(k)]);
          CHECK(close(DType::F32, runningMean[k], means[at(k)], 8, 1e-6), "mean %g, not %g",
                runningMean[k], means[at(k)]);
          CHECK(close(DType::F32, runningVariance[k], variances[at(k)], 8, 1e-6),
                "variance %g, not %g", runningVariance[k], variances[at(k)]);
        }
      }
      CHECK(runningMean.guardIntact() && runningVariance.guardIntact() && batches.guardIntact(),
            "wrote past its end");
    }
  }
}

/** What is asked for alone is what is computed together, and dx may be added to what is there. */
void gradientsMayBeAskedForApart(Backend& backend) {
  for (DType type : kFloating) {
    for (const Case& c : {Case{7, 6, 5, 2}, Case{3, 4, 300, 2}}) {
      for (bool grouped : {false, true}) {
        Operands o(type, DType::F32, c);
        const Result r = run(backend, grouped, true, o, c);
        Result apart(type, DType::F32, c, r.mean.size());
        Tensor more = o.x;
        auto grad = [&](Out dx, bool accumulate, Out dweight, Out dbias) {
          if (grouped) {
            backend.groupNormGrad(type, o.dy, o.x, DType::F32, o.weight, r.mean, r.rstd, dx,
                                  accumulate, dweight, dbias, c.batch, c.channels, c.groups,
                                  c.inner);
          } else {
            backend.batchNormGrad(type, o.dy, o.x, DType::F32, o.weight, r.mean, r.rstd, dx,
                                  accumulate, dweight, dbias, c.batch, c.channels, c.inner);
          }
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
          wrong += !close(type, more[i], o.x[i] + r.dx[i], 4, roundingOf(type) * 4);
        }
        CHECK(wrong == 0 && more.guardIntact(), "accumulated, %s: %ld are wrong", nameOf(type),
              static_cast<long>(wrong));
      }
    }
  }
}

/** A view need not begin where a vector could. */
void channelsMayBeginAnywhere(Backend& backend) {
  for (DType type : kFloating) {
    for (const Case& c : {Case{5, 4, 64, 2}, Case{3, 4, 512, 2}, Case{6, 64, 1, 4}}) {
      Operands o(type, type, c);
      const Shifted x(o.x), weight(o.weight), dy(o.dy);
      for (bool grouped : {false, true}) {
        const Result r = run(backend, grouped, true, o, c);
        Result moved(type, type, c, r.mean.size());
        Shifted y(o.x), dx(o.x);
        if (grouped) {
          backend.groupNorm(type, x, type, weight, o.bias, y, moved.mean, moved.rstd, c.batch,
                            c.channels, c.groups, c.inner, kEps);
          backend.groupNormGrad(type, dy, x, type, weight, moved.mean, moved.rstd, dx, false,
                                moved.dweight, moved.dbias, c.batch, c.channels, c.groups, c.inner);
        } else {
          backend.batchNorm(type, x, type, weight, o.bias, y, moved.mean, moved.rstd, nullptr,
                            nullptr, nullptr, c.batch, c.channels, c.inner, 0, kEps);
          backend.batchNormGrad(type, dy, x, type, weight, moved.mean, moved.rstd, dx, false,
                                moved.dweight, moved.dbias, c.batch, c.channels, c.inner);
        }
        // Both are rounded, perhaps to two neighbours.
        auto near = [&](double got, double want) {
          return close(type, got, want, 8, 1e-5 + std::fabs(want) * roundingOf(type));
        };
        int64_t wrong = 0;
        for (int64_t i = 0; i < c.size(); ++i) wrong += !near(y[i], r.y[i]) + !near(dx[i], r.dx[i]);
        for (int64_t k = 0; k < c.channels; ++k) {
          wrong += !near(moved.dweight[k], r.dweight[k]) + !near(moved.dbias[k], r.dbias[k]);
        }
        CHECK(wrong == 0 && y.guardIntact() && dx.guardIntact(), "%s: %ld are wrong", nameOf(type),
              static_cast<long>(wrong));
      }
    }
  }
}

void nanStaysInItsChannel(Backend& backend) {
  for (int64_t inner : {1, 5, 300}) {
    const Case c{3, 4, inner, 4};
    for (bool grouped : {false, true}) {
      Operands o(DType::F32, DType::F32, c);
      o.x.set((4 + 2) * inner, kNaN);  // example 1, channel 2
      const Result r = run(backend, grouped, true, o, c);
      for (int64_t i = 0; i < c.size(); ++i) {
        const int64_t channel = i / inner % 4, example = i / inner / 4;
        const bool spoilt = channel == 2 && (!grouped || example == 1);
        CHECK(std::isnan(r.y[i]) == spoilt, "element %ld", static_cast<long>(i));
        CHECK(std::isnan(r.dx[i]) == spoilt, "element %ld of dx", static_cast<long>(i));
      }
    }
  }
}

void aLargeMeanCostsNoDigits(Backend& backend) {
  for (int64_t inner : {1, 16, 1024}) {
    for (bool grouped : {false, true}) {
      if (grouped && inner == 1) continue;
      const Case c{512, 2, inner, 2};
      Tensor x(DType::F32, c.size()), y = x, mean(DType::F32, grouped ? 1024 : 2), rstd = mean;
      for (int64_t i = 0; i < c.size(); ++i) {
        const int64_t place = inner == 1 ? i / 2 : i;
        x.set(i, place % 2 == 0 ? 8193 : 8191);
      }
      if (grouped) {
        backend.groupNorm(DType::F32, x, DType::F32, nullptr, nullptr, y, mean, rstd, c.batch, 2, 2,
                          inner, 0);
      } else {
        backend.batchNorm(DType::F32, x, DType::F32, nullptr, nullptr, y, mean, rstd, nullptr,
                          nullptr, nullptr, c.batch, 2, inner, 0, 0);
      }
      int64_t wrong = 0;
      for (int64_t i = 0; i < c.size(); ++i) wrong += y[i] != (x[i] > 8192 ? 1 : -1);
      CHECK(wrong == 0, "runs of %ld: %ld are wrong", static_cast<long>(inner),
            static_cast<long>(wrong));
    }
  }
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  for (const Case& c : {Case{37, 48, 70, 6}, Case{9, 24, 700, 6}, Case{700, 300, 1, 6}}) {
    for (bool grouped : {false, true}) {
      std::vector<Result> results;
      for (Backend* backend : backends) {
        Operands o(DType::F32, DType::F32, c);
        results.push_back(run(*backend, grouped, true, o, c));
      }
      for (const Result& r : results) {
        CHECK(r.y.sameBits(results[0].y) && r.dx.sameBits(results[0].dx), "values differ");
        CHECK(r.dweight.sameBits(results[0].dweight) && r.dbias.sameBits(results[0].dbias),
              "gradients differ");
      }
    }
  }
}

/** Past the size from which outputs are streamed. */
void largeTensors(Backend& backend) {
  followsItsFormula(backend, false, true, DType::F32, DType::F32, {33, 65, 2017, 5});
  followsItsFormula(backend, true, true, DType::BF16, DType::F32, {64, 1100, 127, 11});
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  everyCaseFollowsItsFormula(backend);
  statisticsFromElsewhereAreApplied(backend);
  runningStatisticsMove(backend);
  gradientsMayBeAskedForApart(backend);
  channelsMayBeginAnywhere(backend);
  nanStaysInItsChannel(backend);
  aLargeMeanCostsNoDigits(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  largeTensors(backend);
  return report("channel_normalization_test");
}
