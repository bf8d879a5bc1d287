// Recurrent layers: for each step a product with the weights of the state, and one kernel for all
// that stands between two products. In it a thread has neighbouring units of one sequence, as many
// as 16 bytes hold where rows are aligned.
#include "cuda/backend.h"
#include "cuda/loops.h"
#include "math/recurrent.h"

namespace gradus {

namespace {

/** What all cells take: which units there are, and whose sequences have ended. */
struct Units {
  int64_t rows, size;
  const int32_t* lengths;
  int64_t time;

  __device__ bool ended(int64_t row) const { return lengths != nullptr && time >= lengths[row]; }
};

/** N units as floats. */
template <int N>
struct Floats {
  float values[N];
};

template <int N, class E>
__device__ Floats<N> get(const E* x) {
  const Pack<E, N> p = *reinterpret_cast<const Pack<E, N>*>(x);
  Floats<N> floats;
#pragma unroll
  for (int j = 0; j < N; ++j) floats.values[j] = math::toFloat(p.elements[j]);
  return floats;
}

template <int N, class E>
__device__ void put(const Floats<N>& floats, E* y) {
  Pack<E, N> p;
#pragma unroll
  for (int j = 0; j < N; ++j) math::store(floats.values[j], &p.elements[j]);
  *reinterpret_cast<Pack<E, N>*>(y) = p;
}

template <int N, class E>
__device__ void putZeros(E* y) {
  put<N>(Floats<N>{}, y);
}

template <class E>
struct RnnStep {
  Units units;
  const E *gates, *h0;
  E *h, *y;
  bool relu;

  template <int N>
  __device__ void run(int64_t row, int64_t column) const {
    const int64_t at = row * units.size + column;
    if (units.ended(row)) {
      put<N>(get<N>(h0 + at), h + at);
      return putZeros<N>(y + at);
    }
    Floats<N> x = get<N>(gates + at);
#pragma unroll
    for (int j = 0; j < N; ++j) x.values[j] = math::rnnCell(x.values[j], relu);
    put<N>(x, h + at);
    put<N>(x, y + at);
  }
};

template <class E>
struct RnnStepGrad {
  Units units;
  const E *h, *dy;
  E *dh, *dgates;
  bool relu;

  template <int N>
  __device__ void run(int64_t row, int64_t column) const {
    const int64_t at = row * units.size + column;
    if (units.ended(row)) return putZeros<N>(dgates + at);
    const Floats<N> state = get<N>(h + at), later = get<N>(dh + at);
    Floats<N> d = get<N>(dy + at);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      d.values[j] = math::rnnCellGrad(state.values[j], later.values[j] + d.values[j], relu);
    }
    put<N>(d, dgates + at);
    putZeros<N>(dh + at);
  }
};

template <class E>
struct LstmStep {
  Units units;
  E* gates;
  const E *c0, *h0;
  E *c, *h, *y;

  template <int N>
  __device__ void run(int64_t row, int64_t column) const {
    const int64_t at = row * units.size + column;
    const Floats<N> before = get<N>(c0 + at);
    if (units.ended(row)) {
      put<N>(before, c + at);
      put<N>(get<N>(h0 + at), h + at);
      return putZeros<N>(y + at);
    }
    E* gate = gates + row * 4 * units.size + column;
    Floats<N> i = get<N>(gate), f = get<N>(gate + units.size), g = get<N>(gate + 2 * units.size);
    Floats<N> o = get<N>(gate + 3 * units.size), state, output;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const math::LstmGates now =
          math::lstmGates({i.values[j], f.values[j], g.values[j], o.values[j]});
      i.values[j] = now.input;
      f.values[j] = now.forget;
      g.values[j] = now.cell;
      o.values[j] = now.output;
      state.values[j] = math::lstmState(now, before.values[j]);
      output.values[j] = math::lstmOutput(now, state.values[j]);
    }
    put<N>(i, gate);
    put<N>(f, gate + units.size);
    put<N>(g, gate + 2 * units.size);
    put<N>(o, gate + 3 * units.size);
    put<N>(state, c + at);
    put<N>(output, h + at);
    put<N>(output, y + at);
  }
};

template <class E>
struct LstmStepGrad {
  Units units;
  const E *gates, *c0, *c, *dy;
  E *dh, *dc, *dgates;

  template <int N>
  __device__ void run(int64_t row, int64_t column) const {
    const int64_t at = row * units.size + column, gateAt = row * 4 * units.size + column;
    E* to = dgates + gateAt;
    if (units.ended(row)) {
      for (int k = 0; k < 4; ++k) putZeros<N>(to + k * units.size);
      return;
    }
    const E* gate = gates + gateAt;
    Floats<N> i = get<N>(gate), f = get<N>(gate + units.size), g = get<N>(gate + 2 * units.size);
    Floats<N> o = get<N>(gate + 3 * units.size), dstate = get<N>(dc + at);
    const Floats<N> before = get<N>(c0 + at), state = get<N>(c + at), later = get<N>(dh + at);
    const Floats<N> here = get<N>(dy + at);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const math::LstmSlopes d =
          math::lstmSlopes({i.values[j], f.values[j], g.values[j], o.values[j]}, before.values[j],
                           state.values[j], later.values[j] + here.values[j], dstate.values[j]);
      i.values[j] = d.gates.input;
      f.values[j] = d.gates.forget;
      g.values[j] = d.gates.cell;
      o.values[j] = d.gates.output;
      dstate.values[j] = d.c0;
    }
    put<N>(i, to);
    put<N>(f, to + units.size);
    put<N>(g, to + 2 * units.size);
    put<N>(o, to + 3 * units.size);
    put<N>(dstate, dc + at);
    putZeros<N>(dh + at);
  }
};

template <class E>
struct GruStep {
  Units units;
  E* x;
  const E *hidden, *h0;
  E *h, *y;

  template <int N>
  __device__ void run(int64_t row, int64_t column) const {
    const int64_t at = row * units.size + column;
    Floats<N> state = get<N>(h0 + at);
    if (units.ended(row)) {
      put<N>(state, h + at);
      return putZeros<N>(y + at);
    }
    const int64_t gateAt = row * 3 * units.size + column;
    E* gate = x + gateAt;
    const E* other = hidden + gateAt;
    Floats<N> r = get<N>(gate), z = get<N>(gate + units.size), f = get<N>(gate + 2 * units.size);
    const Floats<N> hr = get<N>(other), hz = get<N>(other + units.size);
    const Floats<N> hn = get<N>(other + 2 * units.size);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const math::GruGates now = math::gruGates({r.values[j], z.values[j], f.values[j]},
                                                {hr.values[j], hz.values[j], hn.values[j]});
      r.values[j] = now.reset;
      z.values[j] = now.update;
      f.values[j] = now.fresh;
      state.values[j] = math::gruState(now, state.values[j]);
    }
    put<N>(r, gate);
    put<N>(z, gate + units.size);
    put<N>(f, gate + 2 * units.size);
    put<N>(state, h + at);
    put<N>(state, y + at);
  }
};

template <class E>
struct GruStepGrad {
  Units units;
  const E *x, *hidden, *h0, *dy;
  E *dh, *dx, *dhidden;

  template <int N>
  __device__ void run(int64_t row, int64_t column) const {
    const int64_t at = row * units.size + column, gateAt = row * 3 * units.size + column;
    E *to = dx + gateAt, *toHidden = dhidden + gateAt;
    if (units.ended(row)) {
      for (int k = 0; k < 3; ++k) {
        putZeros<N>(to + k * units.size);
        putZeros<N>(toHidden + k * units.size);
      }
      return;
    }
    const E* gate = x + gateAt;
    Floats<N> r = get<N>(gate), z = get<N>(gate + units.size), f = get<N>(gate + 2 * units.size);
    Floats<N> hn = get<N>(hidden + gateAt + 2 * units.size), d = get<N>(dh + at);
    const Floats<N> before = get<N>(h0 + at);
    const Floats<N> here = get<N>(dy + at);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const math::GruSlopes slopes =
          math::gruSlopes({r.values[j], z.values[j], f.values[j]}, hn.values[j], before.values[j],
                          d.values[j] + here.values[j]);
      r.values[j] = slopes.x.reset;
      z.values[j] = slopes.x.update;
      f.values[j] = slopes.x.fresh;
      hn.values[j] = slopes.hidden;
      d.values[j] = slopes.h0;
    }
    put<N>(r, to);
    put<N>(z, to + units.size);
    put<N>(f, to + 2 * units.size);
    put<N>(r, toHidden);
    put<N>(z, toHidden + units.size);
    put<N>(hn, toHidden + 2 * units.size);
    put<N>(d, dh + at);
  }
};

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

/** All times of all sequences. */
struct Sequences {
  DType type;
  int64_t times, rows, size;
  In lengths;
  bool reverse;

  /** Where among the states the one before a step stands, and the one after it. */
  int64_t before(int64_t time) const { return reverse ? time + 1 : time; }
  int64_t after(int64_t time) const { return reverse ? time : time + 1; }

  Units units(int64_t time) const { return {rows, size, lengths.as<int32_t>(), time}; }

  /** What (times, rows, width) holds of a time. */
  template <class Operand>
  Operand at(Operand x, int64_t time, int64_t width) const {
    return Operand(x.address + time * rows * width * byteSize(type));
  }

  /** Calls step(time, element) in the order of time or against it. */
  template <class Step>
  void eachStep(bool forward, Step&& step) const {
    withFloating(type, [&](auto element) {
      for (int64_t i = 0; i < times; ++i) step(forward ? i : times - 1 - i, element);
    });
  }
};

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
    s.eachStep(!reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h0 = s.at(In(h), s.before(time), size);
      const Out gate = s.at(gates, time, size), h1 = s.at(h, s.after(time), size);
      const Out given = s.at(y, time, size);
      forwardProduct(s, 1, wt, weight, bt, bias, h0, gate, true);
      const RnnStep<E> step{s.units(time), gate.as<E>(),  h0.as<E>(),
                            h1.as<E>(),    given.as<E>(), relu};
      launchCells<E>(gpu_, "rnn", step, allAligned({gate, h0, h1, given}));
    });
  };

  rnnGrad = [=](Type t, In h, Type wt, In weight, In lengths, In dy, Out dh, Out dgates,
                int64_t times, int64_t rows, int64_t size, bool reverse, bool relu) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    s.eachStep(reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h1 = s.at(h, s.after(time), size), here = s.at(dy, time, size);
      const Out dgate = s.at(dgates, time, size);
      const RnnStepGrad<E> step{s.units(time), h1.as<E>(),    here.as<E>(),
                                dh.as<E>(),    dgate.as<E>(), relu};
      launchCells<E>(gpu_, "rnnGrad", step, allAligned({h1, here, dh, dgate}));
      backwardProduct(s, 1, wt, weight, dgate, dh);
    });
  };

  lstm = [=](Type t, Out gates, Type wt, In weight, Type bt, In bias, In lengths, Out c, Out h,
             Out y, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    s.eachStep(!reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h0 = s.at(In(h), s.before(time), size), c0 = s.at(In(c), s.before(time), size);
      const Out gate = s.at(gates, time, 4 * size), given = s.at(y, time, size);
      const Out h1 = s.at(h, s.after(time), size), c1 = s.at(c, s.after(time), size);
      forwardProduct(s, 4, wt, weight, bt, bias, h0, gate, true);
      const LstmStep<E> step{s.units(time), gate.as<E>(), c0.as<E>(),   h0.as<E>(),
                             c1.as<E>(),    h1.as<E>(),   given.as<E>()};
      launchCells<E>(gpu_, "lstm", step, allAligned({gate, c0, h0, c1, h1, given}));
    });
  };

  lstmGrad = [=](Type t, In gates, In c, Type wt, In weight, In lengths, In dy, Out dh, Out dc,
                 Out dgates, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    s.eachStep(reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In gate = s.at(gates, time, 4 * size), here = s.at(dy, time, size);
      const In c0 = s.at(c, s.before(time), size), c1 = s.at(c, s.after(time), size);
      const Out dgate = s.at(dgates, time, 4 * size);
      const LstmStepGrad<E> step{s.units(time), gate.as<E>(), c0.as<E>(), c1.as<E>(),
                                 here.as<E>(),  dh.as<E>(),   dc.as<E>(), dgate.as<E>()};
      launchCells<E>(gpu_, "lstmGrad", step, allAligned({gate, c0, c1, here, dh, dc, dgate}));
      backwardProduct(s, 4, wt, weight, dgate, dh);
    });
  };

  gru = [=](Type t, Out gates, Out hidden, Type wt, In weight, Type bt, In bias, In lengths, Out h,
            Out y, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    s.eachStep(!reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In h0 = s.at(In(h), s.before(time), size);
      const Out gate = s.at(gates, time, 3 * size), state = s.at(hidden, time, 3 * size);
      const Out h1 = s.at(h, s.after(time), size), given = s.at(y, time, size);
      forwardProduct(s, 3, wt, weight, bt, bias, h0, state, false);
      const GruStep<E> step{s.units(time), gate.as<E>(), state.as<E>(),
                            h0.as<E>(),    h1.as<E>(),   given.as<E>()};
      launchCells<E>(gpu_, "gru", step, allAligned({gate, state, h0, h1, given}));
    });
  };

  gruGrad = [=](Type t, In gates, In hidden, In h, Type wt, In weight, In lengths, In dy, Out dh,
                Out dgates, Out dhidden, int64_t times, int64_t rows, int64_t size, bool reverse) {
    const Sequences s{t, times, rows, size, lengths, reverse};
    s.eachStep(reverse, [&](int64_t time, auto element) {
      using E = decltype(element);
      const In gate = s.at(gates, time, 3 * size), state = s.at(hidden, time, 3 * size);
      const In h0 = s.at(h, s.before(time), size), here = s.at(dy, time, size);
      const Out dgate = s.at(dgates, time, 3 * size), dstate = s.at(dhidden, time, 3 * size);
      const GruStepGrad<E> step{s.units(time), gate.as<E>(), state.as<E>(), h0.as<E>(),
                                here.as<E>(),  dh.as<E>(),   dgate.as<E>(), dstate.as<E>()};
      launchCells<E>(gpu_, "gruGrad", step, allAligned({gate, state, h0, here, dh, dgate, dstate}));
      backwardProduct(s, 3, wt, weight, dstate, dh);
    });
  };
}

}  // namespace gradus
