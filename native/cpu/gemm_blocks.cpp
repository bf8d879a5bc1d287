// Both operands are packed into the order in which the innermost loop reads them: a into panels as
// high as a tile, b into strips as wide as one, a depth of k at a time. The operand of the shorter
// side is packed once for all tasks and stays in L2 until the next depth. Of the longer one, a task
// packs a piece just before it is used, while the processor fetches the next: reading from memory
// what nobody fetched ahead was most of what kept a product from the processor's peak.
#include "cpu/gemm_blocks.h"

#include <algorithm>

#include "cpu/gemm_buffer.h"
#include "cpu/gemm_epilogue.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"
#include "cpu/pool.h"

namespace gradus {

namespace {

constexpr int64_t kStrip = kStripVectors * kLanes;
constexpr int64_t kDepth = kLanes == 16 ? 192 : 256;  // of k: a strip of b leaves room in L1
constexpr int64_t kWhole = 256;                       // k up to here is one depth
constexpr int64_t kSmall = int64_t{1} << 18;          // floats of a that stay in L2 whole
constexpr int64_t kRows = 512;                        // of a that stay in L2, one depth of them
constexpr int64_t kNarrow = 1024;                     // columns of b of which the same is true
constexpr int64_t kGroup = 128;                       // rows of a that are packed together
constexpr int64_t kResult = int64_t{1} << 20;         // floats of y that stay near until k is done
constexpr int64_t kTasks = 32;                        // enough to be shared out evenly
constexpr int64_t kFinished = 32;                     // rows that are still in L1 when finished
constexpr int64_t kFew = 128;                      // rows or columns for which packing does not pay
constexpr int64_t kWork = int64_t{1} << 25;        // multiplications, as for rows
constexpr int64_t kColumnWork = int64_t{1} << 22;  // where the columns of a are contiguous

int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }
int64_t roundUp(int64_t x, int64_t unit) { return ceilDivide(x, unit) * unit; }

/** The size of equal parts of n, up to `most` and whole units. */
int64_t even(int64_t n, int64_t most, int64_t unit) {
  return std::min(n, roundUp(ceilDivide(n, ceilDivide(n, most)), unit));
}

thread_local Buffer sharedA, sharedB, sharedSums, sharedRowSums, ownA, ownB, ownColumns, ownSums,
    ownFinished;

/** Columns [begin, end) of b; the last vector may be partly filled. */
struct Strip {
  int64_t begin, end, vectors;
  int64_t columns() const { return end - begin; }
  int64_t width() const { return vectors * kLanes; }
  bool whole() const { return columns() == width(); }
};

/** Sums of rows of a while these are packed depth by depth, in the order of sumColumns. */
struct RowSums {
  double* totals;
  float* parts;  // of the last kSummed elements at most

  static RowSums in(Buffer& buffer, int64_t rows) {
    float* memory = buffer.atLeast(3 * rows);
    return {reinterpret_cast<double*>(memory), memory + 2 * rows};
  }

  /** Elements [l, l + k) of `rows` rows from row i on, packed. */
  void add(const float* a, int64_t i, int64_t rows, int64_t l, int64_t k) const {
    for (const int64_t end = i + rows; i < end; i += kPanel, a += kPanel * k) {
      const int64_t n = std::min<int64_t>(kPanel, end - i);
      float sums[kPanel] = {};
      double whole[kPanel] = {};
      if (l > 0) {
        std::copy_n(parts + i, n, sums);
        std::copy_n(totals + i, n, whole);
      }
      for (int64_t at = 0; at < k; ++at) {
        if ((l + at) % kSummed == 0) join(sums, whole);
        for (int r = 0; r < kPanel; ++r) sums[r] += a[at * kPanel + r];
      }
      std::copy_n(sums, n, parts + i);
      std::copy_n(whole, n, totals + i);
    }
  }

  /** What the sums of `rows` rows from row i on come to, + y where it accumulates. */
  void finish(int64_t i, int64_t rows, bool accumulate, float* y) const {
    for (const int64_t end = i + rows; i < end; ++i) {
      const double total = totals[i] + parts[i];
      y[i] = static_cast<float>(accumulate ? total + y[i] : total);
    }
  }

 private:
  static void join(float* sums, double* whole) {
    for (int r = 0; r < kPanel; ++r) {
      whole[r] += sums[r];
      sums[r] = 0;
    }
  }
};

/** A product of which a block of the result stays in the cache from one depth to the next. */
class Blocks {
 public:
  explicit Blocks(const Product& product) : p(product) {
    vectors_ = ceilDivide(p.n, kLanes);
    strips_ = ceilDivide(vectors_, kStripVectors);
    panels_ = ceilDivide(p.m, kPanel);
    if (p.rowSums != nullptr) rowSums_ = RowSums::in(sharedRowSums, p.m);
    depth_ = p.k <= kWhole ? p.k : roundUp(ceilDivide(p.k, ceilDivide(p.k, kDepth)), 8);
  }

  void run() {
    if (keepsA(p)) return multiplyStripByStrip();
    const bool rows = byRows(p);
    for (int64_t l = 0; l < p.k; l += depth_) {
      rows ? multiplyByRows(l, depthAt(l)) : multiplyByStrips(l, depthAt(l));
    }
  }

  /** Whether a stays in L2 whole. */
  static bool keepsA(const Product& p) { return p.m * p.k <= kSmall; }
  /** Whether b is the operand that all tasks share. */
  static bool byRows(const Product& p) { return p.m > p.n && p.n <= kNarrow; }
  /** Whether y itself holds the sums of one depth until those of the next are added. */
  static bool sumsInY(const Product& p) {
    return p.y.type == DType::F32 && (p.epilogue.empty() || !p.accumulate);
  }

 private:
  /** Strips differ by at most one vector, and wider ones lie evenly among the others. */
  Strip strip(int64_t s) const {
    int64_t begin = s * vectors_ / strips_, end = (s + 1) * vectors_ / strips_;
    return {begin * kLanes, std::min(end * kLanes, p.n), end - begin};
  }

  bool inY(const Strip& s) const { return sumsInY(p) && s.whole(); }
  int64_t depthAt(int64_t l) const { return std::min(depth_, p.k - l); }

  void packStrip(const Strip& s, int64_t l, int64_t k, float* to) const {
    pack(p.b.at(l, s.begin), k, s.columns(), s.width(), ownColumns, to);
  }

  void packRowsOfA(int64_t i, int64_t rows, int64_t l, int64_t k, float* to) const {
    packPanels(p.a.at(i, l).transposed(), k, rows, ownColumns, to);
    if (p.rowSums == nullptr) return;
    rowSums_.add(to, i, rows, l, k);
    if (l + k == p.k) rowSums_.finish(i, rows, p.accumulate, p.rowSums);
  }

  void packA(int64_t l, int64_t k, float* a) const {
    pool().run(ceilDivide(p.m, kGroup), [&](int64_t task) {
      int64_t i = task * kGroup;
      packRowsOfA(i, std::min(kGroup, p.m - i), l, k, a + i * k);
    });
  }

  /** All of a is packed once, and a strip of y is finished before the next. */
  void multiplyStripByStrip() {
    const int64_t height = panels_ * kPanel, tasks = std::min(strips_, kTasks);
    float* a = sharedA.atLeast(height * p.k);
    for (int64_t l = 0; l < p.k; l += depth_) packA(l, depthAt(l), a + height * l);
    pool().run(tasks, [&](int64_t task) {
      float* own = ownB.atLeast(kStrip * depth_);
      int64_t end = (task + 1) * strips_ / tasks;
      for (int64_t s = task * strips_ / tasks; s < end; ++s) {
        float* sums = inY(strip(s)) ? nullptr : ownSums.atLeast(p.m * kStrip);
        for (int64_t l = 0; l < p.k; l += depth_) {
          const int64_t k = depthAt(l), next = l + k;
          packStrip(strip(s), l, k, own);
          Ahead ahead;
          if (next < p.k) {
            ahead = aheadOf(strip(s), next, depthAt(next));
          } else if (s + 1 < strips_) {
            ahead = aheadOf(strip(s + 1), 0, depthAt(0));
          }
          multiply(0, p.m, a + height * l, strip(s), own, l, k, sums, ahead);
        }
      }
    });
  }

  /** The rows of a are packed once, and each task packs its strips of b one by one. */
  void multiplyByStrips(int64_t l, int64_t k) {
    float* a = sharedA.atLeast(panels_ * kPanel * k);
    packA(l, k, a);
    const int64_t tasks = std::min(strips_, kTasks);
    float* sums = sumsBeside();
    pool().run(tasks, [&](int64_t task) {
      float* own = ownB.atLeast(kStrip * depth_);
      int64_t end = (task + 1) * strips_ / tasks;
      for (int64_t s = task * strips_ / tasks; s < end; ++s) {
        packStrip(strip(s), l, k, own);
        Ahead ahead = s + 1 < strips_ ? aheadOf(strip(s + 1), l, k) : Ahead();
        multiply(0, p.m, a, strip(s), own, l, k, sumsOf(strip(s), sums), ahead);
      }
    });
  }

  /** The strips of b are packed once, and each task packs its rows of a group by group. */
  void multiplyByRows(int64_t l, int64_t k) {
    float* b = sharedB.atLeast(vectors_ * kLanes * k);
    pool().run(strips_, [&](int64_t s) { packStrip(strip(s), l, k, b + strip(s).begin * k); });
    const int64_t groups = ceilDivide(p.m, kGroup), tasks = std::min(groups, kTasks);
    float* sums = sumsBeside();
    pool().run(tasks, [&](int64_t task) {
      float* own = ownA.atLeast(kGroup * depth_);
      int64_t end = (task + 1) * groups / tasks;
      for (int64_t g = task * groups / tasks; g < end; ++g) {
        int64_t i = g * kGroup, rows = std::min(kGroup, p.m - i);
        packRowsOfA(i, rows, l, k, own);
        Ahead ahead = g + 1 < groups
                          ? aheadOf(p.a.at(i + kGroup, l), std::min(kGroup, p.m - i - kGroup), k)
                          : Ahead();
        for (int64_t s = 0; s < strips_; ++s) {
          multiply(i, rows, own, strip(s), b + strip(s).begin * k, l, k, sumsOf(strip(s), sums),
                   ahead);
        }
      }
    });
  }

  /** Where the sums of the depths so far stand that cannot stand in y, or null. */
  float* sumsBeside() const {
    if (!sumsInY(p)) return sharedSums.atLeast(p.m * vectors_ * kLanes);
    return strip(strips_ - 1).whole() ? nullptr : sharedSums.atLeast(p.m * kStrip);
  }

  float* sumsOf(const Strip& s, float* beside) const {
    return sumsInY(p) ? beside : beside + p.m * s.begin;
  }

  /** Rows [i, i + rows) of a strip. */
  void multiply(int64_t i, int64_t rows, const float* a, const Strip& s, const float* b, int64_t l,
                int64_t k, float* sums, Ahead& ahead) const {
    const bool inY = this->inY(s);
    const bool finishes = l + k == p.k && !(inY && p.epilogue.empty());
    const bool atOnce = finishes && l == 0;  // what no later depth adds to need not stand in y
    Panels t;
    t.k = k;
    t.b = b;
    t.bias = inY && !atOnce && l == 0 && p.bias != nullptr ? p.bias + s.begin : nullptr;
    t.accumulate = l > 0 || (inY && !atOnce && p.accumulate);
    t.descent = p.descent;
    t.ahead = ahead;
    // What is finished is read back while it is in L1.
    const int64_t most = finishes ? kFinished : rows;
    float* once = atOnce ? ownFinished.atLeast(kFinished * kStrip) : nullptr;
    for (int64_t done = 0; done < rows; done += t.rows) {
      t.rows = std::min(most, rows - done);
      t.a = a + done * k;
      const int64_t row = i + done;
      t.yRow = inY && !atOnce ? p.y.row : s.width();
      if (atOnce) {
        t.y = once;
      } else {
        t.y = inY ? p.y.at(row, s.begin).floats() : sums + row * s.width();
      }
      if (!finishes) {
        multiplyPanels(t, s.vectors);
        continue;
      }
      Product part = p.part(row, t.rows, s.begin, s.columns());
      addBesides(part, atOnce, t);
      multiplyPanels(t, s.vectors);
      if (inY && !atOnce) part.bias = nullptr;
      finish(t.y, t.yRow, part);
    }
    ahead = t.ahead;
  }

  /** What finish will read and write in other places than where the sums are. */
  static void addBesides(const Product& part, bool y, Panels& t) {
    t.besides = 0;
    auto add = [&t](const Result& x) {
      if (!x.data) return;
      t.beside[t.besides++] = {x.data.as<char>(), x.row * byteSize(x.type)};
    };
    if (y) add(part.y);
    add(part.epilogue.residual);
    add(part.epilogue.before);
    add(part.epilogue.slopeAt);
  }

  /** What will be packed next. */
  static Ahead aheadOf(Matrix x, int64_t rows, int64_t columns) {
    if (x.column != 1) {
      x = x.transposed();
      std::swap(rows, columns);
    }
    int64_t size = byteSize(x.type);
    return Ahead(x.data.as<char>(), rows, columns * size, x.row * size);
  }
  Ahead aheadOf(const Strip& s, int64_t l, int64_t k) const {
    return aheadOf(p.b.at(l, s.begin), k, s.columns());
  }

  Product p;
  int64_t vectors_, strips_, panels_, depth_;
  RowSums rowSums_{};
};

}  // namespace

bool paysInBlocks(const Product& p) {
  const int64_t work = p.a.column == 1 ? kWork : kColumnWork;
  return p.m >= kFew && p.n >= kFew && p.k >= 8 && p.m * p.n * p.k >= work;
}

bool descendsInBlocks(const Product& p) {
  return paysInBlocks(p) && p.k <= kWhole && p.n % kLanes == 0 && p.y.type == DType::F32 &&
         p.epilogue.empty() && p.bias == nullptr && !p.accumulate;
}

void multiplyInBlocks(const Product& product) {
  // Where nothing is kept from one depth to the next, y may be as large as it likes.
  const bool once = product.k <= kWhole && Blocks::sumsInY(product) && product.n % kLanes == 0;
  int64_t rows = product.m, columns = product.n;
  const bool strips = !Blocks::keepsA(product) && !Blocks::byRows(product);
  if (strips) rows = even(product.m, kRows, kGroup);
  if (strips && !once) columns = even(product.n, std::max(kResult / rows, kStrip), kStrip);
  if (Blocks::byRows(product) && !once) {
    rows = even(product.m, std::max(kResult / columns, kGroup), kGroup);
  }
  for (int64_t j = 0; j < product.n; j += columns) {
    for (int64_t i = 0; i < product.m; i += rows) {
      Product part =
          product.part(i, std::min(rows, product.m - i), j, std::min(columns, product.n - j));
      Blocks(part).run();
    }
  }
}

}  // namespace gradus
