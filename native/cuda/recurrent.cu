// Recurrent layers: for each step a product with the weights of the state, and one kernel for all
// that stands between two products. It moves as many units at a time as 16 bytes hold where rows
// are aligned.
#include "cuda/backend.h"
#include "cuda/recurrent_cells.h"
#include "runtime/sequences.h"

namespace gradus {

namespace {

template <int N, class Step>
__global__ void cells(Step step, int64_t count, int64_t across) {
  for (int64_t i = threadIndex(); i < count; i += threadCount()) {
    step.template run<N>(i / across, i % across * N);
  }
}

bool allAligned(std::initializer_list<In> operands) {
  for (In x : operands) {
    if (!isAligned(x)) return false;
  }
  return true;
}

/** A step of all units; `wide` says whether 16 bytes can be moved at once. */
template <class E, class Step>
void launchCells(Gpu& gpu, const char* name, const Step& step, bool wide) {
  constexpr int N = kPack<E>;
  const Units& u = step.units;
  if (wide && u.size % N == 0) {
    const int64_t across = u.size / N, count = u.rows * across;
    launch(gpu, name, gridFor(gpu, count), cells<N, Step>, step, count, across);
  } else {
    launch(gpu, name, gridFor(gpu, u.rows * u.size), cells<1, Step>, step, u.rows * u.size, u.size);
  }
}

Units unitsOf(const Sequences& s, int64_t time) {
  return {s.rows, s.size, s.lengths.as<int32_t>(), time};
}

/** Calls step(time, element) in the order of time or against it. */
template <class Step>
void eachStep(const Sequences& s, bool forward, Step&& step) {
  withFloating(s.type, [&](auto element) {
    for (int64_t i = 0; i < s.times; ++i) step(forward ? i : s.times - 1 - i, element);
  });
}

}  // namespace

void CudaBackend::addRecurrent() {
  // y (rows, gates * size) = h w' + bias, + y where it accumulates.
  auto forwardProduct = [this](const Sequences& s, int64_t gates, Type wt, In w, Type bt, In bias,
                               In h, Out y, bool accumulate) {
    matmul(s.type, h, wt, w, bt, bias, s.type, y, 1, s.rows, gates * s.size, s.size, 0, 0, false,
           true, accumulate);
  };
  // dh (rows, size) += dgates w.
  auto backwardProduct = [this](const Sequences& s, int64_t gates, Type wt, In w, In dgates,
                                Out dh) {
    matmul(s.type, dgates, wt, w, s.type, In(nullptr), s.type, dh, 1, s.rows, s.size,
           gates * s.size, 0, 0, false, false, true);
  };

  rnn = [=](Type t, Out gates, Type wt, In weight, Type bt, In bias, In lengths, Out h, Out y,
            int64_t times, int64_t rows, int64_t size, bool reverse, bool relu) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    eachStep(s, !reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h0 = s.at(In(h), s.before(time), 0, size);
      const Out gate = s.at(gates, time, 0, size), h1 = s.at(h, s.after(time), 0, size);
      const Out given = s.at(y, time, 0, size);
      forwardProduct(s, 1, wt, weight, bt, bias, h0, gate, true);
      const RnnStep<E> step{unitsOf(s, time), gate.as<E>(),  h0.as<E>(),
                            h1.as<E>(),       given.as<E>(), relu};
      launchCells<E>(gpu_, "rnn", step, allAligned({gate, h0, h1, given}));
    });
  };

  rnnGrad = [=](Type t, In h, Type wt, In weight, In lengths, In dy, Out dh, Out dgates,
                int64_t times, int64_t rows, int64_t size, bool reverse, bool relu) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    eachStep(s, reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h1 = s.at(h, s.after(time), 0, size), here = s.at(dy, time, 0, size);
      const Out dgate = s.at(dgates, time, 0, size);
      const RnnStepGrad<E> step{unitsOf(s, time), h1.as<E>(),    here.as<E>(),
                                dh.as<E>(),       dgate.as<E>(), relu};
      launchCells<E>(gpu_, "rnnGrad", step, allAligned({h1, here, dh, dgate}));
      backwardProduct(s, 1, wt, weight, dgate, dh);
    });
  };

  lstm = [=](Type t, Out gates, Type wt, In weight, Type bt, In bias, In lengths, Out c, Out h,
             Out y, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    eachStep(s, !reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h0 = s.at(In(h), s.before(time), 0, size), c0 = s.at(In(c), s.before(time), 0, size);
      const Out gate = s.at(gates, time, 0, 4 * size), given = s.at(y, time, 0, size);
      const Out h1 = s.at(h, s.after(time), 0, size), c1 = s.at(c, s.after(time), 0, size);
      forwardProduct(s, 4, wt, weight, bt, bias, h0, gate, true);
      const LstmStep<E> step{unitsOf(s, time), gate.as<E>(), c0.as<E>(),   h0.as<E>(),
                             c1.as<E>(),       h1.as<E>(),   given.as<E>()};
      launchCells<E>(gpu_, "lstm", step, allAligned({gate, c0, h0, c1, h1, given}));
    });
  };

  lstmGrad = [=](Type t, In gates, In c, Type wt, In weight, In lengths, In dy, Out dh, Out dc,
                 Out dgates, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    eachStep(s, reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In gate = s.at(gates, time, 0, 4 * size), here = s.at(dy, time, 0, size);
      const In c0 = s.at(c, s.before(time), 0, size), c1 = s.at(c, s.after(time), 0, size);
      const Out dgate = s.at(dgates, time, 0, 4 * size);
      const LstmStepGrad<E> step{unitsOf(s, time), gate.as<E>(), c0.as<E>(), c1.as<E>(),
                                 here.as<E>(),     dh.as<E>(),   dc.as<E>(), dgate.as<E>()};
      launchCells<E>(gpu_, "lstmGrad", step, allAligned({gate, c0, c1, here, dh, dc, dgate}));
      backwardProduct(s, 4, wt, weight, dgate, dh);
    });
  };

  gru = [=](Type t, Out gates, Out hidden, Type wt, In weight, Type bt, In bias, In lengths, Out h,
            Out y, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    eachStep(s, !reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h0 = s.at(In(h), s.before(time), 0, size);
      const Out gate = s.at(gates, time, 0, 3 * size), state = s.at(hidden, time, 0, 3 * size);
      const Out h1 = s.at(h, s.after(time), 0, size), given = s.at(y, time, 0, size);
      forwardProduct(s, 3, wt, weight, bt, bias, h0, state, false);
      const GruStep<E> step{unitsOf(s, time), gate.as<E>(), state.as<E>(),
                            h0.as<E>(),       h1.as<E>(),   given.as<E>()};
      launchCells<E>(gpu_, "gru", step, allAligned({gate, state, h0, h1, given}));
    });
  };

  gruGrad = [=](Type t, In gates, In hidden, In h, Type wt, In weight, In lengths, In dy, Out dh,
                Out dgates, Out dhidden, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    eachStep(s, reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In gate = s.at(gates, time, 0, 3 * size), state = s.at(hidden, time, 0, 3 * size);
      const In h0 = s.at(h, s.before(time), 0, size), here = s.at(dy, time, 0, size);
      const Out dgate = s.at(dgates, time, 0, 3 * size), dstate = s.at(dhidden, time, 0, 3 * size);
      const GruStepGrad<E> step{unitsOf(s, time), gate.as<E>(), state.as<E>(), h0.as<E>(),
                                here.as<E>(),     dh.as<E>(),   dgate.as<E>(), dstate.as<E>()};
      launchCells<E>(gpu_, "gruGrad", step, allAligned({gate, state, h0, here, dh, dgate, dstate}));
      backwardProduct(s, 3, wt, weight, dstate, dh);
    });
  };
}

}  // namespace gradus
