// Recurrent layers. A sequence does not depend on the others, so a thread takes some of them
// through all times by itself, each step a product with weights that were packed once and a pass
// over what it gave while that is in the cache. Where there are too few sequences for that, all
// threads share each step.
#include "cpu/backend.h"
#include "cpu/gemm.h"
#include "cpu/recurrent_cells.h"
#include "cpu/rows.h"
#include "runtime/sequences.h"

namespace gradus {

namespace {

/** The step of some of the sequences at a time. */
Step stepOf(const Sequences& s, int64_t time, int64_t begin, int64_t end) {
  const int32_t* lengths = s.lengths ? s.lengths.as<int32_t>() + begin : nullptr;
  return {s.type, end - begin, s.size, lengths, time};
}

constexpr int64_t kFewest = 16;  // sequences that a thread takes by itself: a few tiles
constexpr int64_t kMost = 64;    // what they read and write stays in L2

/** Calls step(time, begin, end), in the order of time or against it, for all sequences. */
template <class Make>
void eachStep(const Sequences& s, bool forward, Make&& step) {
  auto steps = [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < s.times; ++i) step(forward ? i : s.times - 1 - i, begin, end);
  };
  const int64_t most = (s.rows + kFewest - 1) / kFewest, threads = pool().threads();
  if (most < threads) {
    const Pool::Awake awake(pool());
    return steps(0, s.rows);
  }
  // Of the threads, because sequences do not meet: how they are split changes no bit.
  const int64_t parts = std::min(most, std::max(2 * threads, (s.rows + kMost - 1) / kMost));
  pool().run(parts, [&](int64_t i) { steps(i * s.rows / parts, (i + 1) * s.rows / parts); });
}

/** The weights of the state, as its products or their gradients need them. */
class StateWeights {
 public:
  /** For h w' + bias. */
  StateWeights(Memory& memory, const Sequences& s, int64_t gates, DType wt, In w, DType bt, In bias)
      : StateWeights(memory, s, wt, w, gates * s.size, s.size, true, bt, bias) {}
  /** For dgates w. */
  StateWeights(Memory& memory, const Sequences& s, int64_t gates, DType wt, In w)
      : StateWeights(memory, s, wt, w, gates * s.size, s.size, false, DType::F32, In(nullptr)) {}

  /** y (rows, n) = x (rows, k) times the weights, + bias, + y where it accumulates. */
  void multiply(const Step& step, In x, Out y, bool accumulate) const {
    packed_.multiply(step.rows, Matrix::of(step.type, x, step.rows, k_, false),
                     hasBias_ ? static_cast<const float*>(bias_) : nullptr, {step.type, y, n_},
                     accumulate);
  }

 private:
  StateWeights(Memory& memory, const Sequences&, DType wt, In w, int64_t width, int64_t size,
               bool transposed, DType bt, In bias)
      : k_(transposed ? size : width),
        n_(transposed ? width : size),
        hasBias_(bias),
        bias_(memory, bt, bias, bias ? n_ : 0, 0),
        floats_(memory, PackedMatrix::size(k_, n_)),
        packed_(Matrix::of(wt, w, k_, n_, transposed), k_, n_, floats_.data()) {}

  int64_t k_, n_;
  bool hasBias_;
  Parameter bias_;
  Scratch<float> floats_;
  PackedMatrix packed_;
};

}  // namespace

void CpuBackend::addRecurrent() {
  rnn = [this](Type t, Out gates, Type wt, In weight, Type bt, In bias, In lengths, Out h, Out y,
               int64_t times, int64_t rows, int64_t size, bool reverse, bool relu) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    const StateWeights weights(memory_, s, 1, wt, weight, bt, bias);
    eachStep(s, !reverse, [&](int64_t time, int64_t begin, int64_t end) {
      const Step step = stepOf(s, time, begin, end);
      const In h0 = s.at(In(h), s.before(time), begin, size);
      const Out gate = s.at(gates, time, begin, size), h1 = s.at(h, s.after(time), begin, size);
      weights.multiply(step, h0, gate, true);
      (relu ? rnnStep<true> : rnnStep<false>)(step, gate, h0, h1, s.at(y, time, begin, size));
    });
  };

  rnnGrad = [this](Type t, In h, Type wt, In weight, In lengths, In dy, Out dh, Out dgates,
                   int64_t times, int64_t rows, int64_t size, bool reverse, bool relu) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    const StateWeights weights(memory_, s, 1, wt, weight);
    eachStep(s, reverse, [&](int64_t time, int64_t begin, int64_t end) {
      const Step step = stepOf(s, time, begin, end);
      const Out dgate = s.at(dgates, time, begin, size), d = s.at(dh, 0, begin, size);
      (relu ? rnnStepGrad<true> : rnnStepGrad<false>)(step, s.at(h, s.after(time), begin, size),
                                                      s.at(dy, time, begin, size), d, dgate);
      weights.multiply(step, dgate, d, true);
    });
  };

  lstm = [this](Type t, Out gates, Type wt, In weight, Type bt, In bias, In lengths, Out c, Out h,
                Out y, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    const StateWeights weights(memory_, s, 4, wt, weight, bt, bias);
    eachStep(s, !reverse, [&](int64_t time, int64_t begin, int64_t end) {
      const Step step = stepOf(s, time, begin, end);
      const int64_t before = s.before(time), after = s.after(time);
      const In h0 = s.at(In(h), before, begin, size);
      const Out gate = s.at(gates, time, begin, 4 * size);
      weights.multiply(step, h0, gate, true);
      lstmStep(step, gate, s.at(In(c), before, begin, size), h0, s.at(c, after, begin, size),
               s.at(h, after, begin, size), s.at(y, time, begin, size));
    });
  };

  lstmGrad = [this](Type t, In gates, In c, Type wt, In weight, In lengths, In dy, Out dh, Out dc,
                    Out dgates, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    const StateWeights weights(memory_, s, 4, wt, weight);
    eachStep(s, reverse, [&](int64_t time, int64_t begin, int64_t end) {
      const Step step = stepOf(s, time, begin, end);
      const Out dgate = s.at(dgates, time, begin, 4 * size), d = s.at(dh, 0, begin, size);
      lstmStepGrad(step, s.at(gates, time, begin, 4 * size), s.at(c, s.before(time), begin, size),
                   s.at(c, s.after(time), begin, size), s.at(dy, time, begin, size), d,
                   s.at(dc, 0, begin, size), dgate);
      weights.multiply(step, dgate, d, true);
    });
  };

  gru = [this](Type t, Out gates, Out hidden, Type wt, In weight, Type bt, In bias, In lengths,
               Out h, Out y, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    const StateWeights weights(memory_, s, 3, wt, weight, bt, bias);
    eachStep(s, !reverse, [&](int64_t time, int64_t begin, int64_t end) {
      const Step step = stepOf(s, time, begin, end);
      const In h0 = s.at(In(h), s.before(time), begin, size);
      const Out state = s.at(hidden, time, begin, 3 * size);
      weights.multiply(step, h0, state, false);
      gruStep(step, s.at(gates, time, begin, 3 * size), state, h0,
              s.at(h, s.after(time), begin, size), s.at(y, time, begin, size));
    });
  };

  gruGrad = [this](Type t, In gates, In hidden, In h, Type wt, In weight, In lengths, In dy, Out dh,
                   Out dgates, Out dhidden, int64_t times, int64_t rows, int64_t size,
                   bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    const StateWeights weights(memory_, s, 3, wt, weight);
    eachStep(s, reverse, [&](int64_t time, int64_t begin, int64_t end) {
      const Step step = stepOf(s, time, begin, end);
      const Out dstate = s.at(dhidden, time, begin, 3 * size), d = s.at(dh, 0, begin, size);
      gruStepGrad(step, s.at(gates, time, begin, 3 * size), s.at(hidden, time, begin, 3 * size),
                  s.at(h, s.before(time), begin, size), s.at(dy, time, begin, size), d,
                  s.at(dgates, time, begin, 3 * size), dstate);
      weights.multiply(step, dstate, d, true);
    });
  };
}

}  // namespace gradus
