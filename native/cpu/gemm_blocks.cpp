// Both operands are packed into the order in which the innermost loop reads them: a into panels as
// high as a tile, b into strips as wide as one, kDepth of k at a time. A panel and a strip meet in
// L1 and L2. What many tasks use is packed once for all of them; what a single task uses it packs
// for itself, just before, while the processor fetches the next strip.
#include "cpu/gemm_blocks.h"

#include <algorithm>

#include "cpu/gemm_buffer.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"
#include "cpu/pool.h"

namespace gradus {

namespace {

constexpr int64_t kStrip = kStripVectors * kLanes;
constexpr int64_t kDepth = 256;                    // of k: a strip is 24 KiB, of AVX-512 48
constexpr int64_t kRows = 256;                     // of a block of a: 256 KiB
constexpr int64_t kSmall = int64_t{1} << 18;       // floats of an operand that stays in L2 whole
constexpr int64_t kPacked = int64_t{1} << 22;      // floats of an operand that are packed at a time
constexpr int64_t kWide = 2048;                    // of m or n: then blocks of k hold as many
constexpr int64_t kTasks = 32;                     // enough to be shared out evenly
constexpr int64_t kFew = 128;                      // rows or columns for which packing does not pay
constexpr int64_t kWork = int64_t{1} << 25;        // multiplications, as for rows
constexpr int64_t kColumnWork = int64_t{1} << 22;  // where the columns of a are contiguous

int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }
int64_t roundUp(int64_t x, int64_t unit) { return ceilDivide(x, unit) * unit; }

thread_local Buffer sharedA, sharedB, sharedSums, ownA, ownB, ownColumns, ownResult;

/** Columns [begin, end) of b; the last vector may be partly filled. */
struct Strip {
  int64_t begin, end, vectors;
  int64_t columns() const { return end - begin; }
  int64_t width() const { return vectors * kLanes; }
  bool whole() const { return columns() == width(); }
};

/** A product whose packed operands fit their buffers. */
class Blocks {
 public:
  explicit Blocks(const Product& product) : p(product) {
    vectors_ = ceilDivide(p.n, kLanes);
    strips_ = ceilDivide(vectors_, kStripVectors);
    panels_ = ceilDivide(p.m, kPanel);
    depths_ = ceilDivide(p.k, kDepth);
    depth_ = roundUp(ceilDivide(p.k, depths_), 8);
    down_ = ceilDivide(p.m, kRows);
    if (p.m * p.k <= kSmall) down_ = 1;
    if (down_ == 1) {
      across_ = std::min(strips_, kTasks);
    } else if (p.n * p.k <= kSmall) {
      down_ = std::max(down_, std::min(kTasks, panels_ / 8));
      across_ = 1;
    } else {
      across_ = std::min(strips_, ceilDivide(kTasks, down_));
    }
  }

  /** Whether each task packs its own rows of a, or its own strips of b. */
  bool ownsA() const { return across_ == 1 && down_ > 1; }
  bool ownsB() const { return down_ == 1; }

  void run() {
    if (!ownsA()) packA();
    if (!ownsB()) packB();
    pool().run(down_ * across_, [this](int64_t task) {
      int64_t row = task / across_, column = task % across_;
      multiply(row, column * strips_ / across_, (column + 1) * strips_ / across_);
    });
  }

 private:
  int64_t rowOf(int64_t block) const { return std::min(block * panels_ / down_ * kPanel, p.m); }
  int64_t depthAt(int64_t l) const { return std::min(depth_, p.k - l); }

  /** Strips differ by at most one vector: a narrow one would be slow. */
  Strip strip(int64_t s) const {
    int64_t least = vectors_ / strips_, wider = vectors_ % strips_;
    int64_t begin = (s * least + std::min(s, wider)) * kLanes;
    int64_t vectors = least + (s < wider);
    return {begin, std::min(begin + vectors * kLanes, p.n), vectors};
  }

  void packA() {
    a_ = sharedA.atLeast(panels_ * kPanel * p.k);
    pool().run(down_ * depths_, [this](int64_t task) {
      int64_t block = task / depths_, l = task % depths_ * depth_;
      packRowsOfA(block, l, a_ + rowOf(block) * p.k);
    });
  }

  /** Panels of a block of rows: those of each depth lie together. */
  void packRowsOfA(int64_t block, int64_t l, float* to) const {
    int64_t i = rowOf(block), rows = rowOf(block + 1) - i;
    to += roundUp(rows, kPanel) * l;
    packPanels(p.a.at(i, l).transposed(), depthAt(l), rows, ownColumns, to);
  }

  void packB() {
    b_ = sharedB.atLeast(vectors_ * kLanes * p.k);
    pool().run(strips_ * depths_, [this](int64_t task) {
      Strip s = strip(task / depths_);
      int64_t l = task % depths_ * depth_;
      packStrip(s, l, b_ + s.begin * p.k + l * s.width());
    });
  }

  void packStrip(const Strip& s, int64_t l, float* to) const {
    pack(p.b.at(l, s.begin), depthAt(l), s.columns(), s.width(), ownColumns, to);
  }

  /** A block of rows times some strips. */
  void multiply(int64_t block, int64_t firstStrip, int64_t endStrip) const {
    const int64_t i = rowOf(block), rows = rowOf(block + 1) - i;
    const float* a = a_ + i * p.k;
    if (ownsA()) {
      float* own = ownA.atLeast((rows + kPanel) * p.k);
      for (int64_t l = 0; l < p.k; l += depth_) packRowsOfA(block, l, own);
      a = own;
    }
    for (int64_t s = firstStrip; s < endStrip; ++s) {
      multiply(i, rows, a, strip(s), s + 1 < endStrip ? strip(s + 1) : Strip{0, 0, 0});
    }
  }

  void multiply(int64_t i, int64_t rows, const float* a, const Strip& s, const Strip& next) const {
    const bool inPlace = s.whole() && p.y.type == DType::F32;
    const float* bias = p.bias == nullptr ? nullptr : p.bias + s.begin;
    Panels t;
    t.rows = rows;
    t.y = inPlace ? p.y.at(i, s.begin).floats() : ownResult.atLeast(rows * kStrip);
    t.yRow = inPlace ? p.y.row : s.width();
    for (int64_t l = 0; l < p.k; l += depth_) {
      t.k = depthAt(l);
      t.a = a + roundUp(rows, kPanel) * l;
      if (ownsB()) {
        float* own = ownB.atLeast(kStrip * (kDepth + 8));
        packStrip(s, l, own);
        t.b = own;
        t.ahead = l + depth_ < p.k ? aheadOf(s, l + depth_) : aheadOf(next, 0);
      } else {
        t.b = b_ + s.begin * p.k + l * s.width();
        // What follows it: the next depth of the strip, or the next strip.
        t.ahead = Ahead(t.b + t.k * s.width(), 1, t.k * s.width() * byteSize(DType::F32), 0);
      }
      t.bias = inPlace && l == 0 ? bias : nullptr;
      t.accumulate = l > 0 || (inPlace && p.accumulate);
      multiplyPanels(t, s.vectors);
    }
    if (inPlace) return;
    withElement(p.y.type, [&](auto element) {
      storeRows(t.y, t.yRow, rows, s.columns(), bias, p.accumulate,
                p.y.at(i, s.begin).data.as<decltype(element)>(), p.y.row);
    });
  }

  /** What of b will be packed next. */
  Ahead aheadOf(const Strip& s, int64_t l) const {
    if (s.vectors == 0) return {};
    Matrix b = p.b.at(l, s.begin);
    int64_t rows = depthAt(l), columns = s.columns();
    if (b.column != 1) {
      b = b.transposed();
      std::swap(rows, columns);
    }
    int64_t size = byteSize(b.type);
    return Ahead(b.data.as<char>(), rows, columns * size, b.row * size);
  }

  Product p;
  int64_t vectors_, strips_, panels_, depths_, depth_, down_, across_;
  float* a_ = nullptr;
  float* b_ = nullptr;
};

/** Rows, columns and k of the largest part of a product that is packed at once. */
void multiplyPiece(const Product& product, int64_t k) {
  Product p = product;
  int64_t rows = p.n * k <= kSmall ? p.m : std::max(kPacked / k, kRows) / kRows * kRows;
  int64_t columns =
      p.m <= kRows || p.m * k <= kSmall ? p.n : std::max(kPacked / k / kStrip * kStrip, kStrip);
  for (int64_t j = 0; j < product.n; j += columns) {
    p.n = std::min(columns, product.n - j);
    for (int64_t i = 0; i < product.m; i += rows) {
      p.m = std::min(rows, product.m - i);
      p.a = product.a.at(i, 0);
      p.b = product.b.at(0, j);
      p.y = product.y.at(i, j);
      p.bias = product.bias == nullptr ? nullptr : product.bias + j;
      Blocks(p).run();
    }
  }
}

}  // namespace

bool paysInBlocks(const Product& p) {
  const int64_t work = p.a.column == 1 ? kWork : kColumnWork;
  return p.m >= kFew && p.n >= kFew && p.k >= 8 && p.m * p.n * p.k >= work;
}

void multiplyInBlocks(const Product& product) {
  int64_t wide = std::min(kWide, std::max(product.m, product.n));
  int64_t k = roundUp(ceilDivide(product.k, ceilDivide(product.k * wide, kPacked)), kDepth);
  if (k >= product.k) return multiplyPiece(product, product.k);
  Product p = product;
  // Sums over pieces of k are rounded once, at the end.
  const bool sums = p.y.type != DType::F32;
  if (sums) {
    p.y = {DType::F32, sharedSums.atLeast(p.m * p.n), p.n};
    p.bias = nullptr;
    p.accumulate = false;
  }
  for (int64_t l = 0; l < product.k; l += k) {
    p.k = std::min(k, product.k - l);
    p.a = product.a.at(0, l);
    p.b = product.b.at(l, 0);
    multiplyPiece(p, p.k);
    p.bias = nullptr;
    p.accumulate = true;
  }
  if (!sums) return;
  constexpr int64_t kStored = int64_t{1} << 14;
  pool().split(p.m, std::max<int64_t>(kStored / p.n, 1), [&](int64_t begin, int64_t end) {
    withElement(product.y.type, [&](auto element) {
      storeRows(p.y.at(begin, 0).floats(), p.n, end - begin, p.n, product.bias, product.accumulate,
                product.y.at(begin, 0).data.as<decltype(element)>(), product.y.row);
    });
  });
}

}  // namespace gradus
