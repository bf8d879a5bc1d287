#include <algorithm>
#include <cmath>

#include "cpu/attention.h"
#include "cpu/backend.h"
#include "cpu/loops.h"
#include "math/functions.h"

namespace gradus {

namespace attention {

namespace {

constexpr int64_t kWork = int64_t{1} << 18;  // multiplications worth another thread
constexpr int64_t kTasks = 8;                // at least, where there are keys enough

/** What the gradient reads and writes beside the operands. */
struct Gradient {
  In y, lse, dy;
  Out dq, dk, dv;
};

/** Blocks of keys of one batch and head of keys, against all queries that see them. */
class KeyBlocks {
 public:
  KeyBlocks(const Problem& p, Memory& memory, const Gradient& g)
      : p_(p), g_(g), scratch_(memory, floats(p)) {
    const int64_t all = p.group() * p.tq;
    q_ = scratch_.take(all * p.width());
    dy_ = scratch_.take(all * p.width());
    dq_ = scratch_.take(all * p.width());
    shift_ = scratch_.take(all);
    delta_ = scratch_.take(all);
    for (float** block : {&k_, &dk_, &dv_}) *block = scratch_.take(kKeys * p.width());
    for (float** block : {&kColumns_, &vColumns_}) *block = scratch_.take(p.d * kKeys);
    weights_ = scratch_.take(kRows * kKeys);
    dscores_ = scratch_.take(kRows * kKeys);
  }

  /** Key blocks first, first + step, ...; partial receives the gradient of the queries (group,
   * tq, width) where others add theirs to it. */
  void run(int64_t b, int64_t kvHead, int64_t first, int64_t step, float* partial) {
    packQueries(b, kvHead);
    float* dq = partial != nullptr ? partial : dq_;
    std::fill(dq, dq + p_.group() * p_.tq * p_.width(), 0.0f);
    for (int64_t key = first * kKeys; key < p_.tk; key += step * kKeys) {
      keys(b, kvHead, key, dq);
    }
    if (partial == nullptr) storeQueries(p_, b, kvHead, dq, g_.dq);
  }

  static void storeQueries(const Problem& p, int64_t b, int64_t kvHead, const float* dq, Out to) {
    for (int64_t h = 0; h < p.group(); ++h) {
      storeRows(p.type, dq + h * p.tq * p.width(), p.tq, p.d, p.scale, to,
                p.qs.at(b, 0, kvHead * p.group() + h), p.qs.time);
    }
  }

 private:
  static int64_t floats(const Problem& p) {
    const int64_t all = p.group() * p.tq;
    return 3 * Scratch::rounded(all * p.width()) + 2 * Scratch::rounded(all) +
           3 * kKeys * p.width() + 2 * p.d * kKeys + 2 * kRows * kKeys;
  }

  void packQueries(int64_t b, int64_t kvHead) {
    for (int64_t h = 0; h < p_.group(); ++h) {
      const int64_t head = kvHead * p_.group() + h, row = h * p_.tq;
      float* dy = dy_ + row * p_.width();
      packRows(p_.type, p_.q, p_.qs.at(b, 0, head), p_.qs.time, p_.d, p_.tq, p_.tq, p_.scale,
               q_ + row * p_.width());
      packRows(p_.type, g_.dy, p_.ys.at(b, 0, head), p_.ys.time, p_.d, p_.tq, p_.tq, 1.0f, dy);
      const float* lse = g_.lse.as<float>() + (b * p_.heads + head) * p_.tq;
      for (int64_t i = 0; i < p_.tq; ++i, dy += p_.width()) {
        if (i % kKeys == 0) {
          packRows(p_.type, g_.y, p_.ys.at(b, i, head), p_.ys.time, p_.d,
                   std::min(p_.tq - i, kKeys), 0, 1.0f, k_);
        }
        delta_[row + i] = dot(k_ + i % kKeys * p_.width(), dy, p_.width());
        shift_[row + i] = lse[i] == -HUGE_VALF ? HUGE_VALF : lse[i];  // so that no key has weight
        if (p_.drops) {
          for (int64_t j = 0; j < p_.d; ++j) dy[j] *= p_.kept;
        }
      }
    }
  }

  /** Of whole vectors. */
  static float dot(const float* a, const float* b, int64_t n) {
    Vector sum{}, x, y;
    for (int64_t j = 0; j < n; j += kLanes) {
      std::memcpy(&x, a + j, sizeof(x));
      std::memcpy(&y, b + j, sizeof(y));
      sum += x * y;
    }
    float total = 0;
    for (int l = 0; l < kLanes; ++l) total += sum[l];
    return total;
  }

  void keys(int64_t b, int64_t kvHead, int64_t key, float* dq) {
    const int64_t n = std::min(p_.tk - key, kKeys), seen = std::min(p_.visible(b) - key, n);
    std::fill(dk_, dk_ + n * p_.width(), 0.0f);
    std::fill(dv_, dv_ + n * p_.width(), 0.0f);
    if (seen > 0) {
      const int64_t kAt = p_.ks.at(b, key, kvHead), vAt = p_.vs.at(b, key, kvHead);
      packRows(p_.type, p_.v, vAt, p_.vs.time, p_.d, seen, seen, 1.0f, k_);
      packColumns(k_, p_.d, seen, vColumns_);
      packRows(p_.type, p_.k, kAt, p_.ks.time, p_.d, seen, kKeys, 1.0f, k_);
      packColumns(k_, p_.d, seen, kColumns_);
      for (int64_t h = 0; h < p_.group(); ++h) {
        for (int64_t i = 0; i < p_.tq; i += kRows) {
          queries(b, kvHead * p_.group() + h, i, key, n, h * p_.tq + i, dq);
        }
      }
    }
    storeRows(p_.type, dk_, n, p_.d, 1.0f, g_.dk, p_.ks.at(b, key, kvHead), p_.ks.time);
    storeRows(p_.type, dv_, n, p_.d, 1.0f, g_.dv, p_.vs.at(b, key, kvHead), p_.vs.time);
  }

  /** Queries i... of a head, which stand at `row` among those of the group. */
  void queries(int64_t b, int64_t head, int64_t i, int64_t key, int64_t n, int64_t row, float* dq) {
    const int64_t width = p_.width();
    rows_.clear();
    for (int64_t r = i; r < std::min(i + kRows, p_.tq); ++r) rows_.add(p_, b, head, r);
    if (rows_.from >= key + n || rows_.to <= key || !rows_.meet(key, n)) return;
    const float *q = q_ + row * width, *dy = dy_ + row * width;
    rows_.eachSpan([&](int64_t r, int64_t count, Span s) {
      const int64_t at = r * kKeys + s.begin, columns = s.end - s.begin;
      multiply(q + r * width, width, 1, count, kColumns_ + s.begin, kKeys, p_.d, weights_ + at,
               kKeys, columns, false);
      multiply(dy + r * width, width, 1, count, vColumns_ + s.begin, kKeys, p_.d, dscores_ + at,
               kKeys, columns, false);
    });
    differentiate(key, row);
    rows_.eachSpan([&](int64_t r, int64_t count, Span s) {
      multiply(dscores_ + r * kKeys + s.begin, kKeys, 1, count, k_ + s.begin * width, width,
               s.end - s.begin, dq + (row + r) * width, width, width, true);
    });
    // The same for groups of keys: which rows see any of them.
    for (int64_t first = 0, next; first < n; first = next) {
      Span s = seers(first);
      for (next = first + kGroup; next < n; next += kGroup) {
        const Span other = seers(next);
        if (other.begin != s.begin || other.end != s.end) break;
      }
      if (s.empty()) continue;
      const int64_t count = std::min(next, n) - first, at = s.begin * kKeys + first;
      multiply(weights_ + at, 1, kKeys, count, dy + s.begin * width, width, s.end - s.begin,
               dv_ + first * width, width, width, true);
      multiply(dscores_ + at, 1, kKeys, count, q + s.begin * width, width, s.end - s.begin,
               dk_ + first * width, width, width, true);
    }
  }

  /** The rows from the first to the last group that sees any of kGroup keys. */
  Span seers(int64_t first) const {
    Span s{kRows, 0};
    for (int64_t g = 0; g < rows_.groups(); ++g) {
      if (rows_.span[g].begin >= first + kGroup || rows_.span[g].end <= first) continue;
      s.begin = std::min(s.begin, g * kGroup);
      s.end = g * kGroup + rows_.rowsOf(g);
    }
    return s;
  }

  /** Scores and the gradients of weights become weights and the gradients of scores. */
  void differentiate(int64_t first, int64_t row) {
    alignas(64) uint32_t keeps[kKeys];
    for (int64_t r = 0; r < rows_.count; ++r) {
      const Span s = rows_.span[r / kGroup];
      float *x = weights_ + r * kKeys, *dx = dscores_ + r * kKeys;
      const float shift = shift_[row + r], delta = delta_[row + r];
      if (p_.adjusts()) adjust(rows_.row[r], p_.maskSteps[3], first, s, x);
      if (p_.drops) {
        keepMasks(p_, rows_.row[r], first, s, keeps);
        for (int64_t j = s.begin; j < s.end; ++j) {
          const uint32_t keep = keeps[j - s.begin];
          const float weight = math::expNegative(x[j] - shift);
          dx[j] = weight * (math::floatOf(math::bitsOf(dx[j]) & keep) - delta);
          x[j] = math::floatOf(math::bitsOf(weight) & keep);
        }
      } else {
        for (int64_t j = s.begin; j < s.end; ++j) {
          const float weight = math::expNegative(x[j] - shift);
          dx[j] = weight * (dx[j] - delta);
          x[j] = weight;
        }
      }
      if (!rows_.partial) continue;
      for (float* scores : {x, dx}) {
        hide(rows_.row[r], first, Span{0, kKeys}, 0.0f, scores);
      }
    }
  }

  const Problem& p_;
  const Gradient& g_;
  Scratch scratch_;
  Rows rows_;
  float *q_, *dy_, *dq_, *shift_, *delta_;
  float *k_, *dk_, *dv_, *kColumns_, *vColumns_, *weights_, *dscores_;
};

}  // namespace

}  // namespace attention

using namespace attention;

void CpuBackend::addAttentionBackward() {
  attentionGrad = [this](Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes,
                         In y, In lse, In dy, Out dq, Out dk, Out dv, Dims dims, double scale,
                         double dropout, int64_t seed) {
    const Problem p(t, q, k, v, lengths, documents, mask, slopes, dims, scale, dropout, seed);
    const Gradient gradient{y, lse, dy, dq, dk, dv};
    const int64_t pairs = p.batch * p.kvHeads;
    if (pairs == 0 || p.heads == 0) return;
    // Each task owns its keys and its sum over them; where there are few pairs of batch and head,
    // the blocks of keys are dealt out to several tasks, whose sums for the queries are then added
    // up.
    const int64_t blocks = std::max<int64_t>((p.tk + kKeys - 1) / kKeys, 1);
    const int64_t parts = std::clamp<int64_t>((kTasks + pairs - 1) / pairs, 1, blocks);
    const int64_t size = p.group() * p.tq * p.width();
    Scratch sums(memory_, parts == 1 ? 0 : Scratch::rounded(pairs * parts * size));
    float* partial = parts == 1 ? nullptr : sums.take(pairs * parts * size);
    const int64_t work = std::max<int64_t>(p.group() * p.tq * (p.tk / parts) * p.d, 1);
    pool().split(pairs * parts, std::max<int64_t>(kWork / work, 1),
                 [&](int64_t begin, int64_t end) {
                   KeyBlocks keys(p, memory_, gradient);
                   for (int64_t task = begin; task < end; ++task) {
                     const int64_t pair = task / parts;
                     keys.run(pair / p.kvHeads, pair % p.kvHeads, task % parts, parts,
                              partial == nullptr ? nullptr : partial + task * size);
                   }
                 });
    if (parts == 1) return;
    pool().split(pairs, std::max<int64_t>(kInline / (parts * size + 1), 1),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t pair = begin; pair < end; ++pair) {
                     float* sum = partial + pair * parts * size;
                     for (int64_t part = 1; part < parts; ++part) {
                       const float* add = sum + part * size;
                       for (int64_t i = 0; i < size; ++i) sum[i] += add[i];
                     }
                     KeyBlocks::storeQueries(p, pair / p.kvHeads, pair % p.kvHeads, sum, dq);
                   }
                 });
  };
}

}  // namespace gradus
