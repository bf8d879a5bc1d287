// Connectionist temporal classification (Graves et al. 2006): the probability of a sequence of
// labels over all ways to spread it over more steps, with repeats and blanks between.
//
// State 2i + 1 of a sequence is its label i, the states around it are blanks. Forward and backward
// variables are logarithms, each step's less a number of its own, so that floats near 0 hold them
// however long the input is.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cpu/backend.h"
#include "cpu/indices.h"
#include "cpu/loops.h"
#include "cpu/softmax.h"
#include "math/functions.h"

namespace gradus {

namespace {

constexpr int64_t kSkip = 2;  // how far one step can go

struct Problem {
  DType t;
  In logProbs;
  int64_t time, batch, classes, targetTime, blank;

  int64_t width() const { return 2 * targetTime + 1; }
};

/** Throws for the first length or target that lies outside. */
template <class Index>
void check(const Problem& p, const Index* targets, const Index* inputLengths,
           const Index* targetLengths) {
  auto upTo = [](int64_t most) { return [most](int64_t n) { return inside(n, most + 1); }; };
  checkIndices("ctc: input length", "position", inputLengths, p.batch, p.time + 1, upTo(p.time));
  checkIndices("ctc: target length", "position", targetLengths, p.batch, p.targetTime + 1,
               upTo(p.targetTime));
  for (int64_t b = 0; b < p.batch; ++b) {
    for (int64_t i = 0; i < targetLengths[b]; ++i) {
      const int64_t at = b * p.targetTime + i;
      if (inside(targets[at], p.classes)) continue;
      throw std::out_of_range("ctc: target " + std::to_string(targets[at]) + " at position " +
                              std::to_string(at) + " is outside [0, " + std::to_string(p.classes) +
                              ")");
    }
  }
}

/** The states of one sequence, and the rows that its recursions go through. */
class Sequence {
 public:
  template <class Index>
  Sequence(const Problem& p, const Index* targets, const Index* inputLengths,
           const Index* targetLengths, int64_t b)
      : p_(p),
        b_(b),
        steps_(inputLengths[b]),
        states_(2 * targetLengths[b] + 1),
        labels_(static_cast<size_t>(states_), p.blank),
        skips_(static_cast<size_t>(states_ + kSkip), -HUGE_VALF),
        emissions_(static_cast<size_t>(states_)),
        classes_(static_cast<size_t>(p.t == DType::F32 ? 0 : p.classes)) {
    for (int64_t s = 1; s < states_; s += 2) {
      at(labels_, s) = targets[b * p.targetTime + s / 2];
      if (s > 2 && at(labels_, s) != at(labels_, s - 2)) at(skips_, s) = 0.0f;
    }
  }

  int64_t steps() const { return steps_; }
  int64_t states() const { return states_; }
  const std::vector<int64_t>& labels() const { return labels_; }

  /** The log-probability of each state's label at a step. */
  const float* emissions(int64_t step) {
    const float* row =
        load(p_.t, p_.logProbs, (step * p_.batch + b_) * p_.classes, classes_.data(), p_.classes);
    for (int64_t s = 0; s < states_; ++s) at(emissions_, s) = row[at(labels_, s)];
    return emissions_.data();
  }

  /** Where, at a step, the row of alphas of this sequence begins. */
  int64_t row(int64_t step) const { return (b_ * p_.time + step) * p_.width(); }

  /** to = the states after those of `from`, which has -infinity in the kSkip places before. */
  void forward(const float* from, float* to) {
    const float* skips = skips_.data();
    advance([=](int64_t s) { return from[s]; }, [=](int64_t s) { return from[s - 1]; },
            [=](int64_t s) { return from[s - 2] + skips[s]; }, to);
  }

  /** to = the states before those of `from`, which has -infinity in the kSkip places behind. */
  void backward(const float* from, float* to) {
    const float* skips = skips_.data();
    advance([=](int64_t s) { return from[s]; }, [=](int64_t s) { return from[s + 1]; },
            [=](int64_t s) { return from[s + 2] + skips[s + 2]; }, to);
  }

  /** The states that an input can end in: the last label and the blank behind it. */
  int64_t firstEnd() const { return std::max<int64_t>(states_ - 2, 0); }

 private:
  template <class T>
  static T& at(std::vector<T>& v, int64_t i) {
    return v[static_cast<size_t>(i)];
  }

  template <class A, class B, class C>
  void advance(A a, B b, C c, float* to) {
    float* emissions = emissions_.data();
    GRADUS_INDEPENDENT
    for (int64_t s = 0; s < states_; ++s) {
      const float x = a(s), y = b(s), z = c(s);
      const float xy = x > y ? x : y, most = xy > z ? xy : z;
      const float shift = math::select(most == -HUGE_VALF, 0.0f, most);
      const float sum = math::expNegative(x - shift) + math::expNegative(y - shift) +
                        math::expNegative(z - shift);
      to[s] = shift + math::log(sum) + emissions[s];
    }
  }

  const Problem& p_;
  int64_t b_, steps_, states_;
  std::vector<int64_t> labels_;
  std::vector<float> skips_, emissions_, classes_;
};

/** Lowers a row to a maximum of 0 and returns what it lost; 0 where all of it is -infinity. */
float settle(float* row, int64_t n) {
  const float most = rowMax(row, n);
  if (most == -HUGE_VALF) return 0.0f;
  for (int64_t i = 0; i < n; ++i) row[i] -= most;
  return most;
}

/** A row of states between kSkip of -infinity on either side. */
class Row {
 public:
  explicit Row(int64_t states) : floats_(static_cast<size_t>(states + 2 * kSkip), -HUGE_VALF) {}
  float* data() { return floats_.data() + kSkip; }

 private:
  std::vector<float> floats_;
};

double logProbability(Sequence& sequence, float* alpha) {
  const int64_t states = sequence.states();
  if (sequence.steps() == 0) return states == 1 ? 0.0 : -HUGE_VAL;
  Row now(states), next(states);
  float *from = now.data(), *to = next.data();
  double lost = 0;
  for (int64_t step = 0; step < sequence.steps(); ++step) {
    const float* emissions = sequence.emissions(step);
    if (step == 0) {
      for (int64_t s = 0; s < std::min<int64_t>(states, 2); ++s) to[s] = emissions[s];
    } else {
      sequence.forward(from, to);
    }
    lost += settle(to, states);
    std::copy(to, to + states, alpha + sequence.row(step));
    std::swap(from, to);
  }
  double sum = 0;
  for (int64_t s = sequence.firstEnd(); s < states; ++s) sum += std::exp(double{from[s]});
  return lost + std::log(sum);
}

/** Of a step, the share of each state in the probability, which `behind` is the other half of.
 * Returns their sum, 0 where no alignment exists. */
double shares(const float* alpha, const float* behind, const float* emissions, float* shares,
              int64_t states) {
  for (int64_t s = 0; s < states; ++s) {
    // Before and behind both count the step itself. Where that is impossible, so is the state.
    const float both = alpha[s] + (behind[s] - emissions[s]);
    shares[s] = math::select(alpha[s] == -HUGE_VALF, -HUGE_VALF, both);
  }
  const float most = rowMax(shares, states);
  expRow(shares, shares, states, most == -HUGE_VALF ? 0.0f : most, 1.0f);
  return rowSum(shares, states);
}

/** dx of one sequence for dloss. */
void gradient(const Problem& p, Sequence& sequence, const float* alpha, float dloss, Out dx,
              int64_t b, bool zeroInfinity) {
  const int64_t states = sequence.states();
  Row now(states), next(states), share(states);
  float *from = now.data(), *to = next.data();
  std::vector<float> buffer(static_cast<size_t>(p.t == DType::F32 ? 0 : p.classes));
  for (int64_t step = p.time; step-- > 0;) {
    const int64_t place = (step * p.batch + b) * p.classes;
    float* row = target(p.t, dx, place, buffer.data());
    std::fill(row, row + p.classes, 0.0f);
    if (step < sequence.steps()) {
      const float* emissions = sequence.emissions(step);
      if (step == sequence.steps() - 1) {
        for (int64_t s = sequence.firstEnd(); s < states; ++s) to[s] = emissions[s];
      } else {
        sequence.backward(from, to);
      }
      settle(to, states);
      const double sum = shares(alpha + sequence.row(step), to, emissions, share.data(), states);
      if (sum != 0) {
        const auto scale = static_cast<float>(-dloss / sum);
        for (int64_t s = 0; s < states; ++s) {
          row[sequence.labels()[static_cast<size_t>(s)]] += share.data()[s] * scale;
        }
      } else if (!zeroInfinity) {
        std::fill(row, row + p.classes, std::nanf(""));
      }
      std::swap(from, to);
    }
    flush(p.t, row, dx, place, p.classes);
  }
}

}  // namespace

void CpuBackend::addCtc() {
  ctc = [](Type t, In logProbs, Type targetType, In targets, In inputLengths, In targetLengths,
           Out loss, Out alpha, int64_t time, int64_t batch, int64_t classes, int64_t targetTime,
           int64_t blank, bool zeroInfinity) {
    const Problem p = {t, logProbs, time, batch, classes, targetTime, blank};
    withIndices(targetType, targets, [&](auto* target) {
      using Index = std::remove_reference_t<decltype(*target)>;
      const Index *inputs = inputLengths.as<Index>(), *lengths = targetLengths.as<Index>();
      check(p, target, inputs, lengths);
      pool().run(batch, [&](int64_t b) {
        Sequence sequence(p, target, inputs, lengths, b);
        const double y = -logProbability(sequence, alpha.as<float>());
        loss.as<float>()[b] = zeroInfinity && y == HUGE_VAL ? 0.0f : static_cast<float>(y);
      });
    });
  };

  ctcGrad = [](Type t, In logProbs, Type targetType, In targets, In inputLengths, In targetLengths,
               In alpha, In dloss, Out dx, int64_t time, int64_t batch, int64_t classes,
               int64_t targetTime, int64_t blank, bool zeroInfinity) {
    const Problem p = {t, logProbs, time, batch, classes, targetTime, blank};
    withIndices(targetType, targets, [&](auto* target) {
      using Index = std::remove_reference_t<decltype(*target)>;
      const Index *inputs = inputLengths.as<Index>(), *lengths = targetLengths.as<Index>();
      check(p, target, inputs, lengths);
      pool().run(batch, [&](int64_t b) {
        Sequence sequence(p, target, inputs, lengths, b);
        gradient(p, sequence, alpha.as<float>(), dloss.as<float>()[b], dx, b, zeroInfinity);
      });
    });
  };
}

}  // namespace gradus
