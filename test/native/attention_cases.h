// A call of attention, and what its formula in double makes of it, scores in memory.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "check.h"
#include "math/philox.h"
#include "tensors.h"

struct Case {
  std::string name;
  int64_t batch = 2, tq = 1, tk = 1, heads = 2, kvHeads = 2, d = 16;
  bool causal = false;
  int64_t window = 0;
  bool lengths = false, documents = false, slopes = false, packed = false;
  int64_t maskSteps[4] = {0, 0, 0, 0};
  int64_t maskSize = 0;  // 0: none
  double scale = 0.3, dropout = 0;
  DType type = DType::F32;
  bool gradients = true;

  std::vector<long> dims() const {
    const int64_t row = packed ? (heads + 2 * kvHeads) * d : 0;
    std::vector<long> all = {batch, tq, tk, heads, kvHeads, d, causal, window};
    auto add = [&](int64_t time, int64_t count) {
      const int64_t step = packed ? row : count * d;
      for (int64_t s : {time * step, step, d}) all.push_back(s);
    };
    add(tq, heads);
    add(tk, kvHeads);
    add(tk, kvHeads);
    for (int64_t s : {tq * heads * d, heads * d, d}) all.push_back(s);
    for (int64_t s : maskSteps) all.push_back(s);
    return all;
  }
};

/** The operands of a case and all that is computed from them. */
struct Run {
  explicit Run(const Case& c)
      : c(c),
        dims(c.dims()),
        q(c.type, qSize()),
        k(c.type, c.packed ? 0 : kSize()),
        v(c.type, c.packed ? 0 : kSize()),
        lengths(DType::I32, c.batch),
        documents(DType::I32, c.batch * c.tk),
        mask(DType::F32, c.maskSize),
        slopes(DType::F32, c.heads),
        dy(c.type, ySize()),
        y(c.type, ySize()),
        lse(DType::F32, c.batch * c.heads * c.tq),
        dq(c.type, qSize()),
        dk(c.type, k.size()),
        dv(c.type, v.size()) {
    Numbers numbers(static_cast<uint64_t>(c.tq * 1000 + c.tk * 10 + c.d));
    q = numbers.tensor(c.type, q.size(), -2, 2);
    k = numbers.tensor(c.type, k.size(), -2, 2);
    v = numbers.tensor(c.type, v.size(), -2, 2);
    dy = numbers.tensor(c.type, dy.size(), -2, 2);
    mask = numbers.tensor(DType::F32, mask.size(), -3, 3);
    for (int64_t i = 0; i < mask.size(); i += 3) mask.set(i, -kInfinity);
    slopes = numbers.tensor(DType::F32, c.heads, 0.01, 0.5);
    for (int64_t b = 0; b < c.batch; ++b) {
      lengths.set(b, static_cast<double>(b == 0 ? (c.tk + 1) / 2 : b == 1 ? c.tk : 0));
      int64_t id = 7;
      for (int64_t j = 0; j < c.tk; ++j) {
        if (numbers.below(10) == 0) id = 7 + (id + 1) % 5;
        documents.set(b * c.tk + j, static_cast<double>(id));
        const bool same = j > 0 && documents[b * c.tk + j] == documents[b * c.tk + j - 1];
        runs.push_back(same ? runs.back() : b * c.tk + j);
      }
    }
  }

  int64_t ySize() const { return c.batch * c.tq * c.heads * c.d; }
  int64_t kSize() const { return c.batch * c.tk * c.kvHeads * c.d; }
  int64_t qSize() const { return c.packed ? ySize() + 2 * kSize() : ySize(); }

  In kIn() const { return c.packed ? after(q, c.heads) : In(k); }
  In vIn() const { return c.packed ? after(q, c.heads + c.kvHeads) : In(v); }
  Out kOut() { return c.packed ? Out(after(dq, c.heads).address) : Out(dk); }
  Out vOut() { return c.packed ? Out(after(dq, c.heads + c.kvHeads).address) : Out(dv); }
  In after(const Tensor& x, int64_t heads) const {
    return In(In(x).address + heads * c.d * gradus::byteSize(c.type));
  }

  void forward(Backend& backend) {
    backend.attention(c.type, q, kIn(), vIn(), optional(c.lengths, lengths),
                      optional(c.documents, documents), optional(c.maskSize > 0, mask),
                      optional(c.slopes, slopes), y, lse, dims.data(), c.scale, c.dropout, 5);
  }

  void backward(Backend& backend) {
    backend.attentionGrad(c.type, q, kIn(), vIn(), optional(c.lengths, lengths),
                          optional(c.documents, documents), optional(c.maskSize > 0, mask),
                          optional(c.slopes, slopes), y, lse, dy, dq, kOut(), vOut(), dims.data(),
                          c.scale, c.dropout, 5);
  }

  static In optional(bool given, const Tensor& x) { return given ? In(x) : In(int64_t{0}); }

  // Elements as the layout has them

  int64_t at(int operand, int64_t b, int64_t t, int64_t h) const {
    const long* steps = dims.data() + 8 + 3 * operand;
    return b * steps[0] + t * steps[1] + h * steps[2];
  }
  double qAt(int64_t b, int64_t i, int64_t h, int64_t e) const { return q[at(0, b, i, h) + e]; }
  double kAt(int64_t b, int64_t j, int64_t h, int64_t e) const {
    return c.packed ? q[c.heads * c.d + at(1, b, j, h) + e] : k[at(1, b, j, h) + e];
  }
  double vAt(int64_t b, int64_t j, int64_t h, int64_t e) const {
    return c.packed ? q[(c.heads + c.kvHeads) * c.d + at(2, b, j, h) + e] : v[at(2, b, j, h) + e];
  }
  double dkAt(int64_t b, int64_t j, int64_t h, int64_t e) const {
    return c.packed ? dq[c.heads * c.d + at(1, b, j, h) + e] : dk[at(1, b, j, h) + e];
  }
  double dvAt(int64_t b, int64_t j, int64_t h, int64_t e) const {
    return c.packed ? dq[(c.heads + c.kvHeads) * c.d + at(2, b, j, h) + e] : dv[at(2, b, j, h) + e];
  }

  bool sees(int64_t b, int64_t i, int64_t j) const {
    const auto length = static_cast<int64_t>(c.lengths ? lengths[b] : static_cast<double>(c.tk));
    const int64_t own = c.tq == c.tk ? i : i + length - c.tq;
    if (j >= length || (c.causal && j > own)) return false;
    if (c.window > 0 && (own - j >= c.window || j - own >= c.window)) return false;
    if (c.documents &&
        runs[static_cast<size_t>(b * c.tk + i)] != runs[static_cast<size_t>(b * c.tk + j)]) {
      return false;
    }
    return true;
  }

  double score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    if (!sees(b, i, j)) return -kInfinity;
    double sum = 0;
    const int64_t kvHead = h / (c.heads / c.kvHeads);
    for (int64_t e = 0; e < c.d; ++e) sum += qAt(b, i, h, e) * kAt(b, j, kvHead, e);
    sum *= c.scale;
    if (c.maskSize > 0) {
      sum +=
          mask[b * c.maskSteps[0] + h * c.maskSteps[1] + i * c.maskSteps[2] + j * c.maskSteps[3]];
    }
    if (c.slopes) {
      const auto length = static_cast<int64_t>(c.lengths ? lengths[b] : static_cast<double>(c.tk));
      sum += slopes[h] * static_cast<double>(j - (c.tq == c.tk ? i : i + length - c.tq));
    }
    return sum;
  }

  Case c;
  std::vector<long> dims;
  std::vector<int64_t> runs;  // where the document of each key begins
  Tensor q, k, v, lengths, documents, mask, slopes, dy, y, lse, dq, dk, dv;
};

/** Forward and gradient of a case beside the formula's. */
inline void check(Backend& backend, const Case& c) {
  Run run(c);
  run.forward(backend);
  if (c.gradients) run.backward(backend);
  const int64_t group = c.heads / c.kvHeads, scores = c.batch * c.heads * c.tq * c.tk;
  Tensor ones(DType::F32, Doubles(static_cast<size_t>(scores), 1)), keeps(DType::F32, scores);
  backend.dropout(DType::F32, ones, keeps, scores, 5, 0, c.dropout);
  auto size = [](int64_t n) { return static_cast<size_t>(n); };
  Doubles dk(size(run.kSize())), dv(dk), dq(size(run.ySize()));
  int64_t wrong = 0;
  double worst = 0;
  // Sums of terms of about 1: an error in proportion to them is allowed where they cancel.
  const double slack = (c.type == DType::F32 ? 1e-5 : 4 * roundingOf(c.type));
  auto compare = [&](double got, double want, double scale) {
    const double error = std::fabs(got - want) / (scale + std::fabs(want));
    if (error > worst) worst = error;
    wrong += !(error <= slack);
  };
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t h = 0; h < c.heads; ++h) {
      const int64_t kvHead = h / group;
      for (int64_t i = 0; i < c.tq; ++i) {
        const int64_t row = (b * c.heads + h) * c.tq + i;
        Doubles weight(size(c.tk)), dweight(size(c.tk));
        double largest = -kInfinity, sum = 0, delta = 0;
        for (int64_t j = 0; j < c.tk; ++j) {
          weight[size(j)] = run.score(b, h, i, j);
          largest = std::max(largest, weight[size(j)]);
        }
        for (double& w : weight) {
          w = largest == -kInfinity ? 0 : std::exp(w - largest);
          sum += w;
        }
        if (sum == 0) {
          wrong += run.lse[row] != -kInfinity;
        } else {
          compare(run.lse[row], largest + std::log(sum), 1);
        }
        for (double& w : weight) w = sum == 0 ? 0 : w / sum;
        for (int64_t e = 0; e < c.d; ++e) {
          double want = 0;
          for (int64_t j = 0; j < c.tk; ++j) {
            const double keep = keeps[row * c.tk + j], w = weight[size(j)];
            if (w == 0) continue;
            const double dy = run.dy[run.at(3, b, i, h) + e];
            want += w * keep * run.vAt(b, j, kvHead, e);
            dweight[size(j)] += keep * dy * run.vAt(b, j, kvHead, e);
            dv[size(((b * c.tk + j) * c.kvHeads + kvHead) * c.d + e)] += w * keep * dy;
          }
          const double got = run.y[run.at(3, b, i, h) + e];
          compare(got, want, 1);
          wrong += sum == 0 && got != 0;
        }
        for (int64_t j = 0; j < c.tk; ++j) delta += weight[size(j)] * dweight[size(j)];
        for (int64_t j = 0; j < c.tk; ++j) {
          const double ds = weight[size(j)] * (dweight[size(j)] - delta) * c.scale;
          for (int64_t e = 0; e < c.d; ++e) {
            dq[size(((b * c.tq + i) * c.heads + h) * c.d + e)] += ds * run.kAt(b, j, kvHead, e);
            dk[size(((b * c.tk + j) * c.kvHeads + kvHead) * c.d + e)] += ds * run.qAt(b, i, h, e);
          }
        }
      }
    }
  }
  CHECK(wrong == 0, "%s: %ld values are wrong, the worst by %g", c.name.c_str(),
        static_cast<long>(wrong), worst);
  CHECK(run.y.guardIntact() && run.lse.guardIntact(), "%s: wrote past the end", c.name.c_str());
  if (!c.gradients) return;
  wrong = 0;
  worst = 0;
  double largest = 1;
  for (const Doubles* all : {&dq, &dk, &dv}) {
    for (double x : *all) largest = std::max(largest, std::fabs(x));
  }
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t i = 0; i < c.tq; ++i) {
      for (int64_t h = 0; h < c.heads; ++h) {
        for (int64_t e = 0; e < c.d; ++e) {
          compare(run.dq[run.at(0, b, i, h) + e],
                  dq[size(((b * c.tq + i) * c.heads + h) * c.d + e)], largest);
        }
      }
    }
    for (int64_t j = 0; j < c.tk; ++j) {
      for (int64_t h = 0; h < c.kvHeads; ++h) {
        for (int64_t e = 0; e < c.d; ++e) {
          const size_t at = size(((b * c.tk + j) * c.kvHeads + h) * c.d + e);
          compare(run.dkAt(b, j, h, e), dk[at], largest);
          compare(run.dvAt(b, j, h, e), dv[at], largest);
        }
      }
    }
  }
  CHECK(wrong == 0, "%s: %ld gradients are wrong, the worst by %g", c.name.c_str(),
        static_cast<long>(wrong), worst);
  CHECK(run.dq.guardIntact() && run.dk.guardIntact() && run.dv.guardIntact(),
        "%s: wrote past the end", c.name.c_str());
}
