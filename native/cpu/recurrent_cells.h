// Cells of recurrent layers: one step of some sequences, all that stands between two products.
#pragma once

#include <cstring>

#include "cpu/loops.h"
#include "math/recurrent.h"

namespace gradus {
namespace {

constexpr int64_t kPart = 128;  // units of a row that one pass takes: their buffers stay in L1

/** Part of a row that is read, as floats. */
class Read {
 public:
  Read(DType t, In x, int64_t at, int64_t n) : from_(load(t, x, at, floats_, n)) {}
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;
  operator const float*() const { return from_; }

 private:
  alignas(64) float floats_[kPart];
  const float* from_;
};

/** Part of a row that is written, at its end of life. */
class Written {
 public:
  Written(DType t, Out y, int64_t at, int64_t n)
      : type_(t), y_(y), at_(at), n_(n), to_(target(t, y, at, floats_)) {}
  ~Written() { flush(type_, to_, y_, at_, n_); }
  Written(const Written&) = delete;
  Written& operator=(const Written&) = delete;
  operator float*() { return to_; }

 private:
  DType type_;
  Out y_;
  int64_t at_, n_;
  alignas(64) float floats_[kPart];
  float* to_;
};

/** One step of some sequences: the matrices of a cell begin with their first row at this time. */
struct Step {
  DType type;
  int64_t rows, size;
  const int32_t* lengths;
  int64_t time;

  bool ended(int64_t row) const { return lengths != nullptr && time >= lengths[row]; }
};

/** Calls part(row, column, n, ended) for parts of the rows, each unit worth `work` elements. */
template <class Part>
void parts(const Step& s, int64_t work, Part&& part) {
  const int64_t each = (s.size + kPart - 1) / kPart;
  rowRanges(s.rows * each, work * std::min(kPart, s.size), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / each, column = i % each * kPart;
      part(row, column, std::min(kPart, s.size - column), s.ended(row));
    }
  });
}

inline void copyPart(DType t, In x, Out y, int64_t at, int64_t n) {
  const int64_t bytes = byteSize(t);
  if (x.address == y.address) return;
  std::memcpy(y.as<char>() + at * bytes, x.as<char>() + at * bytes, static_cast<size_t>(n * bytes));
}

/** Zeros have the same bits in every type. */
inline void clearPart(DType t, Out y, int64_t at, int64_t n) {
  const int64_t bytes = byteSize(t);
  std::memset(y.as<char>() + at * bytes, 0, static_cast<size_t>(n * bytes));
}

template <bool kRelu>
void rnnStep(const Step& s, In gates, In h0, Out h, Out y) {
  const DType t = s.type;
  parts(s, 1, [&](int64_t row, int64_t column, int64_t n, bool ended) {
    const int64_t at = row * s.size + column;
    if (ended) {
      copyPart(t, h0, h, at, n);
      return clearPart(t, y, at, n);
    }
    const Read gate(t, gates, at, n);
    Written state(t, h, at, n), output(t, y, at, n);
    const float* from = gate;
    float *to = state, *out = output;
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) to[i] = out[i] = math::rnnCell(from[i], kRelu);
  });
}

template <bool kRelu>
void rnnStepGrad(const Step& s, In h, In dy, Out dh, Out dgates) {
  const DType t = s.type;
  parts(s, 1, [&](int64_t row, int64_t column, int64_t n, bool ended) {
    const int64_t at = row * s.size + column;
    if (ended) return clearPart(t, dgates, at, n);
    {
      const Read state(t, h, at, n), later(t, dh, at, n), here(t, dy, at, n);
      Written slope(t, dgates, at, n);
      const float *hs = state, *dhs = later, *dys = here;
      float* to = slope;
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) to[i] = math::rnnCellGrad(hs[i], dhs[i] + dys[i], kRelu);
    }
    clearPart(t, dh, at, n);
  });
}

inline void lstmStep(const Step& s, Out gates, In c0, In h0, Out c, Out h, Out y) {
  const DType t = s.type;
  parts(s, 4, [&](int64_t row, int64_t column, int64_t n, bool ended) {
    const int64_t at = row * s.size + column;
    if (ended) {
      copyPart(t, c0, c, at, n);
      copyPart(t, h0, h, at, n);
      return clearPart(t, y, at, n);
    }
    const int64_t gate = row * 4 * s.size + column;
    float* to[4];
    alignas(64) float buffers[4][kPart];
    for (int k = 0; k < 4; ++k) {
      to[k] = const_cast<float*>(load(t, In(gates), gate + k * s.size, buffers[k], n));
    }
    {
      const Read before(t, c0, at, n);
      Written state(t, c, at, n), output(t, h, at, n), given(t, y, at, n);
      const float* c0s = before;
      float *is = to[0], *fs = to[1], *gs = to[2], *os = to[3];
      float *cs = state, *hs = output, *ys = given;
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) {
        const math::LstmGates g = math::lstmGates({is[i], fs[i], gs[i], os[i]});
        const float state = math::lstmState(g, c0s[i]);
        is[i] = g.input;
        fs[i] = g.forget;
        gs[i] = g.cell;
        os[i] = g.output;
        cs[i] = state;
        hs[i] = ys[i] = math::lstmOutput(g, state);
      }
    }
    for (int k = 0; k < 4; ++k) flush(t, to[k], gates, gate + k * s.size, n);
  });
}

inline void lstmStepGrad(const Step& s, In gates, In c0, In c, In dy, Out dh, Out dc, Out dgates) {
  const DType t = s.type;
  parts(s, 4, [&](int64_t row, int64_t column, int64_t n, bool ended) {
    const int64_t at = row * s.size + column, gate = row * 4 * s.size + column;
    if (ended) {
      for (int k = 0; k < 4; ++k) clearPart(t, dgates, gate + k * s.size, n);
      return;
    }
    alignas(64) float buffers[4][kPart];
    const float* from[4];
    for (int k = 0; k < 4; ++k) from[k] = load(t, gates, gate + k * s.size, buffers[k], n);
    {
      const Read before(t, c0, at, n), state(t, c, at, n), later(t, dh, at, n);
      const Read here(t, dy, at, n), laterState(t, dc, at, n);
      Written back(t, dc, at, n);
      float* to[4];
      for (int k = 0; k < 4; ++k) to[k] = target(t, dgates, gate + k * s.size, buffers[k]);
      const float *c0s = before, *cs = state, *dhs = later, *dys = here, *dcs = laterState;
      const float *is = from[0], *fs = from[1], *gs = from[2], *os = from[3];
      float *dis = to[0], *dfs = to[1], *dgs = to[2], *dos = to[3], *dc0s = back;
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) {
        const math::LstmSlopes d =
            math::lstmSlopes({is[i], fs[i], gs[i], os[i]}, c0s[i], cs[i], dhs[i] + dys[i], dcs[i]);
        dis[i] = d.gates.input;
        dfs[i] = d.gates.forget;
        dgs[i] = d.gates.cell;
        dos[i] = d.gates.output;
        dc0s[i] = d.c0;
      }
      for (int k = 0; k < 4; ++k) flush(t, to[k], dgates, gate + k * s.size, n);
    }
    clearPart(t, dh, at, n);
  });
}

inline void gruStep(const Step& s, Out x, In hidden, In h0, Out h, Out y) {
  const DType t = s.type;
  parts(s, 3, [&](int64_t row, int64_t column, int64_t n, bool ended) {
    const int64_t at = row * s.size + column;
    if (ended) {
      copyPart(t, h0, h, at, n);
      return clearPart(t, y, at, n);
    }
    const int64_t gate = row * 3 * s.size + column;
    float* to[3];
    alignas(64) float buffers[3][kPart];
    for (int k = 0; k < 3; ++k) {
      to[k] = const_cast<float*>(load(t, In(x), gate + k * s.size, buffers[k], n));
    }
    {
      const Read hr(t, hidden, gate, n), hz(t, hidden, gate + s.size, n);
      const Read hn(t, hidden, gate + 2 * s.size, n), before(t, h0, at, n);
      Written state(t, h, at, n), given(t, y, at, n);
      const float *hrs = hr, *hzs = hz, *hns = hn, *h0s = before;
      float *rs = to[0], *zs = to[1], *ns = to[2], *hs = state, *ys = given;
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) {
        const math::GruGates g = math::gruGates({rs[i], zs[i], ns[i]}, {hrs[i], hzs[i], hns[i]});
        rs[i] = g.reset;
        zs[i] = g.update;
        ns[i] = g.fresh;
        hs[i] = ys[i] = math::gruState(g, h0s[i]);
      }
    }
    for (int k = 0; k < 3; ++k) flush(t, to[k], x, gate + k * s.size, n);
  });
}

inline void gruStepGrad(const Step& s, In x, In hidden, In h0, In dy, Out dh, Out dx, Out dhidden) {
  const DType t = s.type;
  parts(s, 3, [&](int64_t row, int64_t column, int64_t n, bool ended) {
    const int64_t at = row * s.size + column, gate = row * 3 * s.size + column;
    if (ended) {
      for (int k = 0; k < 3; ++k) {
        clearPart(t, dx, gate + k * s.size, n);
        clearPart(t, dhidden, gate + k * s.size, n);
      }
      return;
    }
    {
      const Read r(t, x, gate, n), z(t, x, gate + s.size, n), f(t, x, gate + 2 * s.size, n);
      const Read hn(t, hidden, gate + 2 * s.size, n), before(t, h0, at, n), later(t, dh, at, n);
      const Read here(t, dy, at, n);
      Written dr(t, dx, gate, n), dz(t, dx, gate + s.size, n), df(t, dx, gate + 2 * s.size, n);
      Written dhn(t, dhidden, gate + 2 * s.size, n), back(t, dh, at, n);
      const float *rs = r, *zs = z, *ns = f, *hns = hn, *h0s = before, *dhs = later, *dys = here;
      float *drs = dr, *dzs = dz, *dns = df, *dhns = dhn, *dh0s = back;
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) {
        const math::GruSlopes d =
            math::gruSlopes({rs[i], zs[i], ns[i]}, hns[i], h0s[i], dhs[i] + dys[i]);
        drs[i] = d.x.reset;
        dzs[i] = d.x.update;
        dns[i] = d.x.fresh;
        dhns[i] = d.hidden;
        dh0s[i] = d.h0;
      }
    }
    copyPart(t, In(dx), dhidden, gate, n);
    copyPart(t, In(dx), dhidden, gate + s.size, n);
  });
}

}  // namespace
}  // namespace gradus
