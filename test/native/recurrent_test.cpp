// Recurrent layers through all times, and back: in both directions, of sequences that go on and of
// sequences that end on the way.
#include "check.h"
#include "copies.h"

namespace {

struct Case {
  int64_t times, rows, size;
  bool lengths, reverse;
};
// One unit, less than a vector, one past a vector, empty, one past what a pass takes; few sequences
// for all threads together, and enough for each to have some of its own.
const std::vector<Case> kCases = {{1, 1, 1, false, false},  {3, 3, 2, true, false},
                                  {2, 0, 5, true, false},   {2, 5, 0, true, true},
                                  {0, 3, 4, false, false},  {3, 7, 17, true, true},
                                  {4, 4, 32, true, false},  {2, 3, 129, true, true},
                                  {2, 37, 40, true, false}, {3, 131, 33, true, true}};

enum class Kind { Tanh, Relu, Lstm, Gru };
const std::vector<Kind> kKinds = {Kind::Tanh, Kind::Relu, Kind::Lstm, Kind::Gru};
const char* nameOf(Kind k) {
  return k == Kind::Tanh   ? "rnn"
         : k == Kind::Relu ? "rnn of relu"
         : k == Kind::Lstm ? "lstm"
                           : "gru";
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double sigmoidSlope(double y) { return y * (1 - y); }
double tanhSlope(double y) { return 1 - y * y; }

/** A layer, what it is given and what it makes. */
struct Layer {
  Layer(DType type, DType parameters, Kind kind, const Case& c)
      : Layer(type, parameters, kind, c, Numbers(static_cast<uint64_t>(c.rows + 31 * c.size))) {}

  Layer(DType type, DType parameters, Kind kind, const Case& c, Numbers n)
      : type(type),
        kind(kind),
        c(c),
        gateCount(kind == Kind::Lstm  ? 4
                  : kind == Kind::Gru ? 3
                                      : 1),
        width(gateCount * c.size),
        lengths(DType::I32, c.rows),
        input(n.tensor(type, c.times * c.rows * width, -2, 2)),
        weight(n.tensor(parameters, width * c.size, -bound(), bound())),
        bias(n.tensor(parameters, width, -1, 1)),
        h(n.tensor(type, (c.times + 1) * c.rows * c.size, -1, 1)),
        c0(n.tensor(type, (c.times + 1) * c.rows * c.size, -1, 1)),
        dy(n.tensor(type, c.times * c.rows * c.size, -1, 1)),
        laterH(n.tensor(type, c.rows * c.size, -1, 1)),
        laterC(n.tensor(type, c.rows * c.size, -1, 1)),
        gates(input),
        hidden(type, input.size()),
        y(type, dy.size()),
        dh(laterH),
        dc(laterC),
        dgates(type, input.size()),
        dhidden(type, input.size()) {
    for (int64_t i = 0; i < c.rows; ++i) {
      lengths.set(i, static_cast<double>(n.below(c.times + 2)));
    }
  }

  double bound() const { return 1 / std::sqrt(static_cast<double>(c.size)); }
  In ends() const { return c.lengths ? In(lengths) : In(nullptr); }

  template <class Gates, class States, class Given>
  void forward(Backend& b, Gates& gates, States& h, Given& y) {
    const DType wt = weight.type();
    const int64_t t = c.times, r = c.rows, n = c.size;
    if (kind == Kind::Lstm) {
      b.lstm(type, gates, wt, weight, wt, bias, ends(), c0, h, y, t, r, n, c.reverse);
    } else if (kind == Kind::Gru) {
      b.gru(type, gates, hidden, wt, weight, wt, bias, ends(), h, y, t, r, n, c.reverse);
    } else {
      b.rnn(type, gates, wt, weight, wt, bias, ends(), h, y, t, r, n, c.reverse,
            kind == Kind::Relu);
    }
  }

  void backward(Backend& b) {
    const DType wt = weight.type();
    const int64_t t = c.times, r = c.rows, n = c.size;
    if (kind == Kind::Lstm) {
      b.lstmGrad(type, gates, c0, wt, weight, ends(), dy, dh, dc, dgates, t, r, n, c.reverse);
    } else if (kind == Kind::Gru) {
      b.gruGrad(type, gates, hidden, h, wt, weight, ends(), dy, dh, dgates, dhidden, t, r, n,
                c.reverse);
    } else {
      b.rnnGrad(type, h, wt, weight, ends(), dy, dh, dgates, t, r, n, c.reverse,
                kind == Kind::Relu);
    }
  }

  void run(Backend& b) {
    forward(b, gates, h, y);
    backward(b);
  }

  DType type;
  Kind kind;
  Case c;
  int64_t gateCount, width;
  Tensor lengths, input, weight, bias, h, c0, dy, laterH, laterC;
  Tensor gates, hidden, y, dh, dc, dgates, dhidden;
};

/** Follows a layer that ran, each step from what the one before it left, rounded as it is. */
class Check {
 public:
  explicit Check(const Layer& layer)
      : l(layer),
        c(layer.c),
        tolerance_(4 * roundingOf(layer.type) + 4e-6),
        d_(values(layer.laterH)),
        dc_(values(layer.laterC)) {}

  void run() {
    for (int64_t i = 0; i < c.times; ++i) {
      const int64_t time = c.reverse ? c.times - 1 - i : i;
      for (int64_t row = 0; row < c.rows; ++row) step(time, row);
    }
    for (int64_t i = 0; i < c.times; ++i) {
      const int64_t time = c.reverse ? i : c.times - 1 - i;
      for (int64_t row = 0; row < c.rows; ++row) stepBack(time, row);
    }
    for (int64_t i = 0; i < c.rows * c.size; ++i) {
      expect(l.dh[i], d_[static_cast<size_t>(i)]);
      if (l.kind == Kind::Lstm) expect(l.dc[i], dc_[static_cast<size_t>(i)]);
    }
    CHECK(wrong_ == 0, "%s of %s, parameters %s, %ld x %ld x %ld: %ld are wrong", nameOf(l.kind),
          gradus::nameOf(l.type), gradus::nameOf(l.weight.type()), static_cast<long>(c.times),
          static_cast<long>(c.rows), static_cast<long>(c.size), static_cast<long>(wrong_));
    for (const Tensor* t : {&l.gates, &l.hidden, &l.h, &l.c0, &l.y, &l.dh, &l.dc, &l.dgates}) {
      CHECK(t->guardIntact(), "%s", nameOf(l.kind));
    }
  }

 private:
  static Doubles values(const Tensor& x) {
    Doubles values;
    for (int64_t i = 0; i < x.size(); ++i) values.push_back(x[i]);
    return values;
  }

  void expect(double got, double want) { wrong_ += !close(l.type, got, want, 16, tolerance_); }

  bool ended(int64_t time, int64_t row) const { return c.lengths && time >= l.lengths[row]; }
  int64_t at(int64_t time, int64_t row, int64_t i) const {
    return (time * c.rows + row) * c.size + i;
  }
  int64_t before(int64_t time, int64_t row, int64_t i) const {
    return at(time + c.reverse, row, i);
  }
  int64_t after(int64_t time, int64_t row, int64_t i) const {
    return at(time + !c.reverse, row, i);
  }
  int64_t gate(int64_t time, int64_t row, int64_t k, int64_t i) const {
    return (time * c.rows + row) * l.width + k * c.size + i;
  }

  /** What the state before gives to gate k of unit i. */
  double product(int64_t time, int64_t row, int64_t k, int64_t i) const {
    double sum = l.bias[k * c.size + i];
    for (int64_t j = 0; j < c.size; ++j) {
      sum += l.weight[(k * c.size + i) * c.size + j] * l.h[before(time, row, j)];
    }
    return sum;
  }

  double rounded(double x) const { return Tensor(l.type, Doubles{x})[0]; }

  void step(int64_t time, int64_t row) {
    for (int64_t i = 0; i < c.size; ++i) {
      const double h0 = l.h[before(time, row, i)], c0 = l.c0[before(time, row, i)];
      double sum[4], in[4];
      for (int64_t k = 0; k < l.gateCount; ++k) {
        sum[k] = product(time, row, k, i);
        in[k] = l.input[gate(time, row, k, i)];
      }
      auto now = [&](int64_t k) { return l.gates[gate(time, row, k, i)]; };
      double h = 0, cell = 0;
      if (l.kind == Kind::Lstm) {
        const double want[] = {sigmoid(rounded(in[0] + sum[0])), sigmoid(rounded(in[1] + sum[1])),
                               std::tanh(rounded(in[2] + sum[2])),
                               sigmoid(rounded(in[3] + sum[3]))};
        for (int64_t k = 0; k < 4 && !ended(time, row); ++k) expect(now(k), want[k]);
        cell = now(1) * c0 + now(0) * now(2);
        h = now(3) * std::tanh(cell);
        expect(l.c0[after(time, row, i)], ended(time, row) ? c0 : cell);
      } else if (l.kind == Kind::Gru) {
        for (double& s : sum) s = rounded(s);
        const double reset = sigmoid(in[0] + sum[0]), update = sigmoid(in[1] + sum[1]);
        const double want[] = {reset, update, std::tanh(in[2] + reset * sum[2])};
        for (int64_t k = 0; k < 3 && !ended(time, row); ++k) expect(now(k), want[k]);
        h = (1 - now(1)) * now(2) + now(1) * h0;
      } else {
        const double x = rounded(in[0] + sum[0]);
        h = l.kind == Kind::Relu ? std::max(x, 0.0) : std::tanh(x);
      }
      expect(l.h[after(time, row, i)], ended(time, row) ? h0 : h);
      expect(l.y[at(time, row, i)], ended(time, row) ? 0 : l.h[after(time, row, i)]);
    }
  }

  void stepBack(int64_t time, int64_t row) {
    const Tensor& throughState = l.kind == Kind::Gru ? l.dhidden : l.dgates;
    for (int64_t i = 0; i < c.size; ++i) {
      double& later = d_[static_cast<size_t>(row * c.size + i)];
      double& laterC = dc_[static_cast<size_t>(row * c.size + i)];
      auto now = [&](int64_t k) { return l.gates[gate(time, row, k, i)]; };
      const double d = later + l.dy[at(time, row, i)], h0 = l.h[before(time, row, i)];
      double want[4] = {}, state[4] = {};
      if (ended(time, row)) {
        // All slopes are 0 and the gradients of the states pass by.
      } else if (l.kind == Kind::Lstm) {
        const double t = std::tanh(l.c0[after(time, row, i)]);
        const double dcell = laterC + d * now(3) * tanhSlope(t);
        want[0] = dcell * now(2) * sigmoidSlope(now(0));
        want[1] = dcell * l.c0[before(time, row, i)] * sigmoidSlope(now(1));
        want[2] = dcell * now(0) * tanhSlope(now(2));
        want[3] = d * t * sigmoidSlope(now(3));
        laterC = rounded(dcell * now(1));
        later = 0;
      } else if (l.kind == Kind::Gru) {
        const double r = now(0), z = now(1), n = now(2), dn = d * (1 - z) * tanhSlope(n);
        const double given = l.hidden[gate(time, row, 2, i)];
        want[0] = state[0] = dn * given * sigmoidSlope(r);
        want[1] = state[1] = d * (h0 - n) * sigmoidSlope(z);
        want[2] = dn;
        state[2] = dn * r;
        later = rounded(d * z);
      } else {
        const double h = l.h[after(time, row, i)];
        want[0] = d * (l.kind == Kind::Relu ? static_cast<double>(h > 0) : tanhSlope(h));
        later = 0;
      }
      for (int64_t k = 0; k < l.gateCount; ++k) {
        expect(l.dgates[gate(time, row, k, i)], want[k]);
        if (l.kind == Kind::Gru) expect(l.dhidden[gate(time, row, k, i)], state[k]);
      }
    }
    for (int64_t j = 0; j < c.size; ++j) {
      double sum = d_[static_cast<size_t>(row * c.size + j)];
      for (int64_t k = 0; k < l.gateCount; ++k) {
        for (int64_t i = 0; i < c.size; ++i) {
          sum += throughState[gate(time, row, k, i)] * l.weight[(k * c.size + i) * c.size + j];
        }
      }
      d_[static_cast<size_t>(row * c.size + j)] = rounded(sum);
    }
  }

  const Layer& l;
  Case c;
  double tolerance_;
  Doubles d_, dc_;  // gradients of the states so far
  int64_t wrong_ = 0;
};

/** Operands that begin anywhere. */
void alignmentChangesNothing(Backend& backend, DType type, Kind kind) {
  const Case c{2, 3, 32, true, false};
  Layer l(type, type, kind, c), aligned = l;
  Shifted gates(l.gates), h(l.h), y(l.y);
  aligned.forward(backend, aligned.gates, aligned.h, aligned.y);
  l.forward(backend, gates, h, y);
  int64_t wrong = 0;
  for (int64_t i = 0; i < l.y.size(); ++i) wrong += y[i] != aligned.y[i];
  for (int64_t i = 0; i < l.h.size(); ++i) wrong += h[i] != aligned.h[i];
  CHECK(wrong == 0 && gates.guardIntact() && h.guardIntact() && y.guardIntact(),
        "%s of %s: %ld differ", nameOf(kind), gradus::nameOf(type), static_cast<long>(wrong));
}

/** And in its first step only in its unit. */
void nanStaysInItsSequence(Backend& backend, Kind kind) {
  const Case c{2, 21, 35, false, false};
  Layer l(DType::F32, DType::F32, kind, c);
  const int64_t row = 1, unit = 7;
  l.gates.set(row * l.width + (l.gateCount - 1) * c.size + unit, kNaN);
  l.forward(backend, l.gates, l.h, l.y);
  for (int64_t i = 0; i < l.y.size(); ++i) {
    const int64_t time = i / (c.rows * c.size), at = i % (c.rows * c.size);
    const bool expected = at / c.size == row && (time == 1 || at % c.size == unit);
    CHECK(std::isnan(l.y[i]) == expected, "%s, element %ld", nameOf(kind), static_cast<long>(i));
  }
}

/** Whether each takes sequences of its own or all share each step. */
void threadsChangeNothing(const std::vector<Backend*>& backends, Kind kind) {
  for (int64_t rows : {9, 40, 201}) {
    std::vector<Layer> layers;
    for (Backend* backend : backends) {
      layers.emplace_back(DType::F32, DType::F32, kind, Case{3, rows, 67, true, false});
      layers.back().run(*backend);
    }
    for (const Layer& l : layers) {
      CHECK(l.y.sameBits(layers[0].y) && l.dh.sameBits(layers[0].dh) &&
                l.dgates.sameBits(layers[0].dgates),
            "%s of %ld rows differs", nameOf(kind), static_cast<long>(rows));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (const Case& c : kCases) {
    for (Kind kind : kKinds) {
      for (DType type : kFloating) {
        for (DType parameters : {type, DType::F32}) {
          Layer layer(type, parameters, kind, c);
          layer.run(backend);
          Check(layer).run();
        }
      }
    }
  }
  const std::vector<Backend*> copies = copiesOf(argv[1], argv[2]);
  for (Kind kind : kKinds) {
    for (DType type : kFloating) alignmentChangesNothing(backend, type, kind);
    nanStaysInItsSequence(backend, kind);
    threadsChangeNothing(copies, kind);
  }
  return report("recurrent_test");
}
