#include <algorithm>
#include <cmath>

#include "cpu/attention.h"
#include "cpu/backend.h"
#include "cpu/gemm_pack.h"
#include "cpu/loops.h"
#include "math/functions.h"

namespace gradus {

namespace attention {

namespace {

constexpr float kHidden = -HUGE_VALF;
constexpr int64_t kWork = int64_t{1} << 18;  // multiplications worth another thread

/** Folds rows of one vector each into one float for each row. */
template <class Op>
void foldRows(const float* rows, int64_t count, float* y, Op op) {
  for (int64_t r = 0; r < count; r += kLanes, rows += kLanes * kLanes, y += kLanes) {
    Vector folded, columns[4];
    for (int64_t c = 0; c < kLanes; c += 4) {
      loadTransposed<kLanes>(rows + c, kLanes, columns);
      Vector four = op(op(columns[0], columns[1]), op(columns[2], columns[3]));
      folded = c == 0 ? four : op(folded, four);
    }
    std::memcpy(y, &folded, sizeof(folded));
  }
}

struct Larger {
  Vector operator()(const Vector& a, const Vector& b) const { return a > b ? a : b; }
};

struct Sum {
  Vector operator()(const Vector& a, const Vector& b) const { return a + b; }
};

inline Vector get(const float* x) {
  Vector v;
  std::memcpy(&v, x, sizeof(v));
  return v;
}

/** One block of queries against all keys that they see, with a softmax that goes along. */
class QueryBlock {
 public:
  QueryBlock(const Problem& p, Memory& memory, const float* packed, Out y, Out lse)
      : p_(p), scratch_(memory, floats(p, packed == nullptr)), packed_(packed), y_(y), lse_(lse) {
    q_ = scratch_.take(kRows * p.width());
    o_ = scratch_.take(kRows * p.width());
    scores_ = scratch_.take(kRows * kKeys);
    lanes_ = scratch_.take(kRows * kLanes);
    sums_ = scratch_.take(kRows * kLanes);
    for (float** row : {&largest_, &shift_, &rescale_}) *row = scratch_.take(kRows);
    if (packed == nullptr) {
      columns_ = scratch_.take(p.d * kKeys);
      values_ = scratch_.take(kKeys * p.width());
      keys_ = scratch_.take(kKeys * p.width());
    }
  }

  /** Floats of one packed block of keys and values. */
  static int64_t blockSize(const Problem& p) { return kKeys * (p.d + p.width()); }

  /** Packs keys and values [first, first + kKeys); beyond what is visible they are zeros. */
  static void pack(const Problem& p, int64_t b, int64_t kvHead, int64_t first, float* rows,
                   float* columns, float* values) {
    const int64_t n = std::min(p.visible(b) - first, kKeys);
    packRows(p.type, p.k, p.ks.at(b, first, kvHead), p.ks.time, p.d, n, n, 1.0f, rows);
    packColumns(rows, p.d, n, columns);
    packRows(p.type, p.v, p.vs.at(b, first, kvHead), p.vs.time, p.d, n, kKeys, 1.0f, values);
  }

  /** Queries [i, i + n) of `heads` heads from h on, which share their keys. */
  void run(int64_t b, int64_t h, int64_t heads, int64_t i, int64_t n) {
    rows_.clear();
    for (int64_t head = h; head < h + heads; ++head) {
      packRows(p_.type, p_.q, p_.qs.at(b, i, head), p_.qs.time, p_.d, n, n, p_.scale,
               q_ + rows_.count * p_.width());
      for (int64_t r = i; r < i + n; ++r) rows_.add(p_, b, head, r);
    }
    std::fill(largest_, largest_ + kRows, kHidden);
    std::fill(sums_, sums_ + kRows * kLanes, 0.0f);
    std::fill(lanes_, lanes_ + kRows * kLanes, kHidden);
    std::fill(o_, o_ + kRows * p_.width(), 0.0f);
    for (int64_t block = rows_.from / kKeys; block * kKeys < rows_.to; ++block) {
      const int64_t keys = std::min(p_.tk - block * kKeys, kKeys);
      if (rows_.meet(block * kKeys, keys)) visit(b, h / p_.group(), block);
    }
    foldRows(sums_, rows_.count, rescale_, Sum{});
    for (int64_t head = 0; head < heads; ++head) finish(b, h + head, i, head * n, n);
  }

 private:
  static int64_t floats(const Problem& p, bool packs) {
    const int64_t own = packs ? kKeys * (p.d + 2 * p.width()) : 0;
    return kRows * (2 * p.width() + kKeys + 2 * kLanes + 3) + own;
  }

  void visit(int64_t b, int64_t kvHead, int64_t block) {
    const int64_t first = block * kKeys;
    const float *columns = columns_, *values = values_;
    if (packed_ != nullptr) {
      const int64_t blocks = (p_.tk + kKeys - 1) / kKeys;
      columns = packed_ + ((b * p_.kvHeads + kvHead) * blocks + block) * blockSize(p_);
      values = columns + kKeys * p_.d;
    } else {
      pack(p_, b, kvHead, first, keys_, columns_, values_);
    }
    rows_.eachSpan([&](int64_t r, int64_t n, Span s) {
      multiply(q_ + r * p_.width(), p_.width(), 1, n, columns + s.begin, kKeys, p_.d,
               scores_ + r * kKeys + s.begin, kKeys, s.end - s.begin, false);
    });
    weigh(first);
    rows_.eachSpan([&](int64_t r, int64_t n, Span s) {
      multiply(scores_ + r * kKeys + s.begin, kKeys, 1, n, values + s.begin * p_.width(),
               p_.width(), s.end - s.begin, o_ + r * p_.width(), p_.width(), p_.width(), true);
    });
  }

  /** Turns scores into exp(score - largest) and lets earlier results follow a larger largest. */
  void weigh(int64_t first) {
    for (int64_t r = 0; r < rows_.count; ++r) {
      const Span s = rows_.span[r / kGroup];
      float* x = scores_ + r * kKeys;
      if (p_.adjusts()) adjust(rows_.row[r], p_.maskSteps[3], first, s, x);
      if (rows_.partial) hide(rows_.row[r], first, s, kHidden, x);
      Vector most = Vector{} + kHidden;
      for (int64_t j = s.begin; j < s.end; j += kLanes) most = Larger{}(get(x + j), most);
      std::memcpy(lanes_ + r * kLanes, &most, sizeof(most));
    }
    foldRows(lanes_, rows_.count, shift_, Larger{});
    for (int64_t r = 0; r < kRows; ++r) {
      const float largest = largest_[r] > shift_[r] ? largest_[r] : shift_[r];
      const float shift = largest == kHidden ? 0.0f : largest;
      rescale_[r] = math::expNegative(largest_[r] - shift);
      largest_[r] = largest;
      shift_[r] = shift;
    }
    alignas(64) uint32_t keeps[kKeys];
    for (int64_t r = 0; r < rows_.count; ++r) {
      const Span s = rows_.span[r / kGroup];
      if (s.empty()) continue;
      float* x = scores_ + r * kKeys;
      const float shift = shift_[r];
      for (int64_t j = s.begin; j < s.end; ++j) x[j] = math::expNegative(x[j] - shift);
      Vector sum = get(sums_ + r * kLanes) * rescale_[r];
      for (int64_t j = s.begin; j < s.end; j += kLanes) sum += get(x + j);
      std::memcpy(sums_ + r * kLanes, &sum, sizeof(sum));
      if (p_.drops) {
        keepMasks(p_, rows_.row[r], first, s, keeps);
        for (int64_t j = s.begin; j < s.end; ++j) {
          x[j] = math::floatOf(math::bitsOf(x[j]) & keeps[j - s.begin]);
        }
      }
      if (rescale_[r] != 1.0f) {
        float* o = o_ + r * p_.width();
        for (int64_t j = 0; j < p_.width(); ++j) o[j] *= rescale_[r];
      }
    }
  }

  /** Writes `n` rows from `row` on, queries i... of a head: rescale_ holds their sums. */
  void finish(int64_t b, int64_t head, int64_t i, int64_t row, int64_t n) {
    float* lse = lse_.as<float>() + (b * p_.heads + head) * p_.tq + i;
    for (int64_t r = row; r < row + n; ++r) {
      const float sum = rescale_[r], scale = p_.kept / sum;
      float* o = o_ + r * p_.width();
      if (sum == 0.0f) {  // no visible key
        std::fill(o, o + p_.width(), 0.0f);
      } else {
        for (int64_t j = 0; j < p_.width(); ++j) o[j] *= scale;
      }
      *lse++ = sum == 0.0f ? kHidden : largest_[r] + math::log(sum);
    }
    storeRows(p_.type, o_ + row * p_.width(), n, p_.d, 1.0f, y_, p_.ys.at(b, i, head), p_.ys.time);
  }

  const Problem& p_;
  Scratch scratch_;
  const float* packed_;
  Out y_, lse_;
  Rows rows_;
  float *q_, *o_, *scores_, *lanes_, *sums_, *largest_, *shift_, *rescale_;
  float *columns_ = nullptr, *values_ = nullptr, *keys_ = nullptr;
};

}  // namespace

}  // namespace attention

using namespace attention;

void CpuBackend::addAttentionForward() {
  attention = [this](Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, Out y,
                     Out lse, Dims dims, double scale, double dropout, int64_t seed) {
    const Problem p(t, q, k, v, lengths, documents, mask, slopes, dims, scale, dropout, seed);
    if (p.batch * p.heads * p.tq == 0) return;
    // Heads that share their keys are taken together as far as they fit into a block.
    const int64_t together = std::clamp<int64_t>(kRows / p.tq, 1, p.group());
    const int64_t parts = (p.group() + together - 1) / together;
    const int64_t down = (p.tq + kRows - 1) / kRows;
    const int64_t keyBlocks = (p.tk + kKeys - 1) / kKeys;
    const int64_t rows = std::min(together * p.tq, kRows);

    const int64_t size = QueryBlock::blockSize(p), pieces = p.batch * p.kvHeads * keyBlocks;
    const bool shared = parts * down > 1 && pieces > 0;
    Scratch all(memory_, shared ? pieces * size : 0);
    float* blocks = shared ? all.take(pieces * size) : nullptr;
    if (shared) {
      pool().split(pieces, std::max<int64_t>(kWork / 4 / size, 1), [&](int64_t begin, int64_t end) {
        Scratch widened(memory_, kKeys * p.width());
        float* own = widened.take(kKeys * p.width());
        for (int64_t piece = begin; piece < end; ++piece) {
          const int64_t first = piece % keyBlocks * kKeys, pair = piece / keyBlocks;
          const int64_t b = pair / p.kvHeads;
          if (first >= p.visible(b)) continue;
          float* to = blocks + piece * size;
          QueryBlock::pack(p, b, pair % p.kvHeads, first, own, to, to + kKeys * p.d);
        }
      });
    }
    const int64_t work = rows * std::max<int64_t>(p.tk, 1) * p.d;
    pool().split(p.batch * p.kvHeads * parts * down, std::max<int64_t>(kWork / work, 1),
                 [&](int64_t begin, int64_t end) {
                   QueryBlock block(p, memory_, blocks, y, lse);
                   for (int64_t task = begin; task < end; ++task) {
                     const int64_t part = task / down % parts, pair = task / down / parts;
                     // Later queries see more where the attention is causal: the longest first.
                     const int64_t i = (down - 1 - task % down) * kRows;
                     const int64_t head = pair % p.kvHeads * p.group() + part * together;
                     const int64_t heads = std::min(together, p.group() - part * together);
                     block.run(pair / p.kvHeads, head, heads, i, std::min(p.tq - i, kRows));
                   }
                 });
  };
}

}  // namespace gradus
