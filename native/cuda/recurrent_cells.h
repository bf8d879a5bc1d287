// Cells of recurrent layers: one step of all sequences, all that stands between two products. A
// thread has neighbouring units of one sequence.
#pragma once

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

}  // namespace
}  // namespace gradus
