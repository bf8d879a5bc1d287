// Recurrent cells: a step and its gradient, of sequences that go on and of sequences that have
// ended.
#include "check.h"
#include "copies.h"

namespace {

struct Case {
  int64_t rows, size, gap;  // gap: what lies between the rows of y
  bool lengths;
};
// One unit, less than a vector, one past a vector, empty, one past what a pass takes, and what
// threads share.
const std::vector<Case> kCases = {{1, 1, 0, false},   {3, 2, 1, true},    {0, 5, 0, true},
                                  {5, 0, 0, true},    {7, 17, 0, true},   {4, 32, 32, true},
                                  {3, 129, 3, true},  {2, 1025, 0, true}, {67, 96, 8, true},
                                  {130, 256, 0, true}};
constexpr int64_t kTime = 3;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double sigmoidSlope(double y) { return y * (1 - y); }
double tanhSlope(double y) { return 1 - y * y; }

/** What the steps of all cells share. */
struct Step {
  Step(DType type, const Case& c)
      : type(type),
        c(c),
        yStride(c.size + c.gap),
        numbers(static_cast<uint64_t>(c.rows + 31 * c.size)),
        lengths(DType::I32, c.rows),
        h0(numbers.tensor(type, c.rows * c.size, -1, 1)),
        dy(numbers.tensor(type, c.rows * yStride, -1, 1)),
        dh(numbers.tensor(type, c.rows * c.size, -1, 1)),
        h(type, c.rows * c.size),
        y(type, c.rows * yStride) {
    for (int64_t i = 0; i < c.rows; ++i) lengths.set(i, static_cast<double>(numbers.below(8)));
  }

  Tensor gates(int64_t count) { return numbers.tensor(type, c.rows * count * c.size, -4, 4); }
  Tensor like(int64_t count) const { return Tensor(type, c.rows * count * c.size); }
  In ends() const { return c.lengths ? In(lengths) : In(nullptr); }
  bool ended(int64_t row) const { return c.lengths && kTime >= lengths[row]; }

  /** Calls unit(row, column, place in (rows, size)). */
  template <class Unit>
  void each(Unit&& unit) const {
    for (int64_t row = 0; row < c.rows; ++row) {
      for (int64_t i = 0; i < c.size; ++i) unit(row, i, row * c.size + i);
    }
  }

  /** Counts an element that is not what it should be, to a few roundings of the type. */
  void expect(double got, double want, double absolute = 2e-6) {
    wrong += !close(type, got, want, 16, absolute);
  }

  void expectState(int64_t row, int64_t i, double want) {
    const int64_t at = row * c.size + i;
    expect(h[at], ended(row) ? h0[at] : want);
    expect(y[row * yStride + i], ended(row) ? 0 : want);
  }

  void done(const char* cell, std::initializer_list<const Tensor*> written) const {
    CHECK(wrong == 0, "%s of %s, %ld x %ld: %ld are wrong", cell, nameOf(type),
          static_cast<long>(c.rows), static_cast<long>(c.size), static_cast<long>(wrong));
    for (const Tensor* t : written) CHECK(t->guardIntact(), "%s", cell);
    CHECK(h.guardIntact() && y.guardIntact() && dh.guardIntact(), "%s", cell);
    Tensor untouched(type, c.rows * yStride);
    for (int64_t row = 0; row < c.rows; ++row) {
      for (int64_t i = c.size; i < yStride; ++i) {
        const int64_t at = row * yStride + i;
        CHECK(y[at] == untouched[at], "%s: between the rows of y", cell);
      }
    }
  }

  DType type;
  Case c;
  int64_t yStride;
  Numbers numbers;
  Tensor lengths, h0, dy, dh, h, y;
  int64_t wrong = 0;
};

void rnnFollowsItsFormula(Backend& backend, DType type, const Case& c, bool relu) {
  Step s(type, c);
  const Tensor gates = s.gates(1), later = s.dh;
  Tensor dgates = s.like(1);
  backend.rnnCell(type, gates, s.h0, s.ends(), kTime, s.h, s.y, s.yStride, c.rows, c.size, relu);
  backend.rnnCellGrad(type, s.h, s.ends(), kTime, s.dy, s.yStride, s.dh, dgates, c.rows, c.size,
                      relu);
  s.each([&](int64_t row, int64_t i, int64_t at) {
    s.expectState(row, i, relu ? std::max(gates[at], 0.0) : std::tanh(gates[at]));
    const double slope = relu ? static_cast<double>(s.h[at] > 0) : tanhSlope(s.h[at]);
    const double d = later[at] + s.dy[row * s.yStride + i];
    s.expect(dgates[at], s.ended(row) ? 0 : d * slope);
    s.expect(s.dh[at], s.ended(row) ? later[at] : 0);
  });
  s.done(relu ? "rnnCell of relu" : "rnnCell", {&dgates});
}

void lstmFollowsItsFormula(Backend& backend, DType type, const Case& c) {
  Step s(type, c);
  const Tensor before = s.gates(4), c0 = s.numbers.tensor(type, c.rows * c.size, -2, 2);
  const Tensor laterH = s.dh, laterC = s.numbers.tensor(type, c.rows * c.size, -1, 1);
  Tensor gates = before, state = s.like(1), dgates = s.like(4), dc = laterC;
  backend.lstmCell(type, gates, c0, s.h0, s.ends(), kTime, state, s.h, s.y, s.yStride, c.rows,
                   c.size);
  backend.lstmCellGrad(type, gates, c0, state, s.ends(), kTime, s.dy, s.yStride, s.dh, dc, dgates,
                       c.rows, c.size);
  s.each([&](int64_t row, int64_t i, int64_t at) {
    const int64_t g = row * 4 * c.size + i;
    auto gate = [&](const Tensor& of, int64_t k) { return of[g + k * c.size]; };
    const bool ended = s.ended(row);
    const double in = sigmoid(gate(before, 0)), forget = sigmoid(gate(before, 1));
    const double cell = std::tanh(gate(before, 2)), out = sigmoid(gate(before, 3));
    const double next = forget * c0[at] + in * cell;
    s.expect(state[at], ended ? c0[at] : next);
    s.expectState(row, i, out * std::tanh(next));
    if (ended) {
      for (int64_t k = 0; k < 4; ++k) s.expect(gate(dgates, k), 0);
      s.expect(s.dh[at], laterH[at]);
      s.expect(dc[at], laterC[at]);
      return;
    }
    const double want[] = {in, forget, cell, out};
    for (int64_t k = 0; k < 4; ++k) s.expect(gate(gates, k), want[k]);
    // Of what the step left, rounded as it is.
    const double a = gate(gates, 0), f = gate(gates, 1), n = gate(gates, 2), o = gate(gates, 3);
    const double t = std::tanh(state[at]), dh = laterH[at] + s.dy[row * s.yStride + i];
    const double d = laterC[at] + dh * o * tanhSlope(t);
    s.expect(gate(dgates, 0), d * n * sigmoidSlope(a));
    s.expect(gate(dgates, 1), d * c0[at] * sigmoidSlope(f));
    s.expect(gate(dgates, 2), d * a * tanhSlope(n));
    s.expect(gate(dgates, 3), dh * t * sigmoidSlope(o));
    s.expect(dc[at], d * f);
    s.expect(s.dh[at], 0);
  });
  s.done("lstmCell", {&gates, &state, &dgates, &dc});
}

void gruFollowsItsFormula(Backend& backend, DType type, const Case& c) {
  Step s(type, c);
  const Tensor before = s.gates(3), hidden = s.gates(3), later = s.dh;
  Tensor x = before, dx = s.like(3), dhidden = s.like(3);
  backend.gruCell(type, x, hidden, s.h0, s.ends(), kTime, s.h, s.y, s.yStride, c.rows, c.size);
  backend.gruCellGrad(type, x, hidden, s.h0, s.ends(), kTime, s.dy, s.yStride, s.dh, dx, dhidden,
                      c.rows, c.size);
  s.each([&](int64_t row, int64_t i, int64_t at) {
    const int64_t g = row * 3 * c.size + i;
    auto gate = [&](const Tensor& of, int64_t k) { return of[g + k * c.size]; };
    const bool ended = s.ended(row);
    const double reset = sigmoid(gate(before, 0) + gate(hidden, 0));
    const double update = sigmoid(gate(before, 1) + gate(hidden, 1));
    const double fresh = std::tanh(gate(before, 2) + reset * gate(hidden, 2));
    s.expectState(row, i, (1 - update) * fresh + update * s.h0[at]);
    if (ended) {
      for (int64_t k = 0; k < 3; ++k) s.expect(gate(dx, k), 0);
      for (int64_t k = 0; k < 3; ++k) s.expect(gate(dhidden, k), 0);
      return s.expect(s.dh[at], later[at]);
    }
    s.expect(gate(x, 0), reset);
    s.expect(gate(x, 1), update);
    s.expect(gate(x, 2), fresh, 4e-6);
    const double r = gate(x, 0), z = gate(x, 1), n = gate(x, 2);
    const double d = later[at] + s.dy[row * s.yStride + i], dn = d * (1 - z) * tanhSlope(n);
    const double want[] = {dn * gate(hidden, 2) * sigmoidSlope(r),
                           d * (s.h0[at] - n) * sigmoidSlope(z), dn};
    for (int64_t k = 0; k < 3; ++k) {
      s.expect(gate(dx, k), want[k]);
      s.expect(gate(dhidden, k), k == 2 ? want[k] * r : want[k]);
    }
    s.expect(s.dh[at], d * z);
  });
  s.done("gruCell", {&x, &dx, &dhidden});
}

/** Operands that begin anywhere. */
void alignmentChangesNothing(Backend& backend, DType type) {
  const Case c{3, 32, 0, true};
  Step s(type, c);
  const Tensor before = s.gates(4), c0 = s.like(1);
  Tensor gates = before, state = s.like(1);
  Shifted shifted(before), shiftedH(s.h), shiftedY(s.y);
  backend.lstmCell(type, gates, s.h0, s.h0, s.ends(), kTime, state, s.h, s.y, c.size, 3, 32);
  backend.lstmCell(type, shifted, s.h0, s.h0, s.ends(), kTime, state, shiftedH, shiftedY, c.size, 3,
                   32);
  int64_t wrong = 0;
  for (int64_t i = 0; i < gates.size(); ++i) wrong += gates[i] != shifted[i];
  for (int64_t i = 0; i < s.h.size(); ++i) wrong += s.h[i] != shiftedH[i] || s.y[i] != shiftedY[i];
  CHECK(wrong == 0 && shifted.guardIntact() && shiftedH.guardIntact() && shiftedY.guardIntact(),
        "lstmCell of %s: %ld differ", nameOf(type), static_cast<long>(wrong));
}

void nanStaysInItsUnit(Backend& backend) {
  const int64_t size = 35, n = 2 * size, bad = size + 1;
  const Tensor zeros(DType::F32, Doubles(static_cast<size_t>(n), 0));
  Tensor h(DType::F32, n), y(DType::F32, n), c(DType::F32, n);
  Tensor rnn = zeros, lstm(DType::F32, Doubles(static_cast<size_t>(4 * n), 0));
  Tensor gru(DType::F32, Doubles(static_cast<size_t>(3 * n), 0)), hidden = gru;
  auto check = [&](const char* cell) {
    for (int64_t i = 0; i < n; ++i) {
      CHECK(std::isnan(h[i]) == (i == bad) && std::isnan(y[i]) == (i == bad), "%s, unit %ld", cell,
            static_cast<long>(i));
    }
  };
  rnn.set(bad, kNaN);
  for (bool relu : {false, true}) {
    backend.rnnCell(DType::F32, rnn, zeros, nullptr, 0, h, y, size, 2, size, relu);
    check("rnnCell");
  }
  lstm.set(4 * size + 2 * size + 1, kNaN);
  backend.lstmCell(DType::F32, lstm, zeros, zeros, nullptr, 0, c, h, y, size, 2, size);
  check("lstmCell");
  gru.set(3 * size + size + 1, kNaN);
  backend.gruCell(DType::F32, gru, hidden, zeros, nullptr, 0, h, y, size, 2, size);
  check("gruCell");
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const Case c{301, 257, 0, true};
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Step s(DType::F32, c);
    Tensor gates = s.gates(4), state = s.like(1);
    backend->lstmCell(DType::F32, gates, s.h0, s.h0, s.ends(), kTime, state, s.h, s.y, c.size,
                      c.rows, c.size);
    results.push_back(s.h);
  }
  for (const Tensor& r : results) CHECK(r.sameBits(results[0]), "states differ");
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (const Case& c : kCases) {
    for (DType type : kFloating) {
      for (bool relu : {false, true}) rnnFollowsItsFormula(backend, type, c, relu);
      lstmFollowsItsFormula(backend, type, c);
      gruFollowsItsFormula(backend, type, c);
    }
  }
  for (DType type : kFloating) alignmentChangesNothing(backend, type);
  nanStaysInItsUnit(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("recurrent_test");
}
