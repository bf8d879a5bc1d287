// A product is cut into tasks of whole tiles. Here the rows of a are read where they stand, one
// float at a time, and b in vectors, so b is what has to be laid out well: where its rows are not
// contiguous, or are many, it is packed into strips as wide as a tile, either once for all tasks or
// by each task for itself, just before it is used and while it is in L1 or L2. Larger products pack
// both operands: gemm_blocks.cpp.
#include "cpu/gemm.h"

#include <algorithm>
#include <cstring>

#include "cpu/blas.h"
#include "cpu/gemm_blocks.h"
#include "cpu/gemm_buffer.h"
#include "cpu/gemm_epilogue.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"
#include "cpu/gemm_rows.h"
#include "cpu/pool.h"

namespace gradus {

namespace {

constexpr int64_t kStrip = kVectors * kLanes;  // columns of b that are packed together
constexpr int64_t kDepth = 256;                // of k at a time: a strip of b stays in L1 or L2
constexpr int64_t kTask = int64_t{1} << 18;    // multiplications: 2 to 5 microseconds
constexpr int64_t kTasks = 32;                 // enough to be shared out evenly
constexpr int64_t kFewRows = 32;               // packing a strip for fewer does not pay
constexpr int64_t kManyRows = 256;             // of a task; with kDepth of k they stay in L2
constexpr int64_t kShared = int64_t{1} << 18;  // floats of b that are packed once for all tasks
constexpr int64_t kPacked = int64_t{1} << 22;  // floats of a that are converted at a time
constexpr int64_t kWiden = int64_t{1} << 14;   // floats that are converted in a task
constexpr int64_t kFewDeep = 32;               // rows of b that stay in the TLB as they are

int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }

thread_local Buffer sharedB, widenedA, ownStrip, ownColumns, ownResult, ownTransposed;

/** Columns [begin, end) of b; the last vector may be partly filled. */
struct Strip {
  int64_t begin, end, vectors;
  int64_t columns() const { return end - begin; }
  int64_t width() const { return vectors * kLanes; }
  bool whole() const { return columns() == width(); }
};

/** The operands of the transposed product; what is as y is stays so. */
Product transpose(const Product& p) {
  Product t = p;
  t.m = p.n;
  t.n = p.m;
  t.a = p.b.transposed();
  t.b = p.a.transposed();
  return t;
}

/** One product. Where it is transposed, y is stored as (n, m) and the bias belongs to the rows. */
class Multiplication {
 public:
  /** widest: vectors of a strip; packed: what pack() made of b, or null. */
  Multiplication(const Product& product, bool transposed, int64_t widest = kVectors,
                 const float* packed = nullptr)
      : p(product), transposed_(transposed), b_(packed) {
    vectors_ = ceilDivide(p.n, kLanes);
    strips_ = ceilDivide(vectors_, widest);
    depth_ = ceilDivide(p.k, ceilDivide(p.k, kDepth));
  }

  void run() {
    int64_t tasks = std::clamp<int64_t>(p.m * p.n * p.k / kTask, 1, kTasks);
    int64_t down, across;  // tasks below and beside each other
    if (p.n * p.k <= kShared || p.m <= kFewRows) {
      down = std::max(std::min(tasks, ceilDivide(p.m, kFewRows)), ceilDivide(p.m, kManyRows));
      across = std::clamp<int64_t>(tasks / down, 1, strips_);
      if (b_ == nullptr && p.m > kFewRows && tasks > 1 && !direct()) {
        pack(sharedB.atLeast(packedSize()));
      }
    } else {
      across = strips_;
      down = std::max(std::min(ceilDivide(tasks, across), ceilDivide(p.m, 4 * kFewRows)),
                      ceilDivide(p.m, kManyRows));
    }
    pool().run(down * across, [&](int64_t task) {
      int64_t row = task / across, column = task % across;
      int64_t i = row * p.m / down, end = (row + 1) * p.m / down;
      for (int64_t s = column * strips_ / across; s < (column + 1) * strips_ / across; ++s) {
        multiply(i, end - i, strip(s));
      }
    });
  }

  int64_t packedSize() const { return vectors_ * kLanes * p.k; }

  /** Lays all of b out. */
  void pack(float* to) {
    const int64_t blocks = ceilDivide(p.k, depth_);
    pool().run(strips_ * blocks, [&](int64_t task) {
      const Strip s = strip(task / blocks);
      const int64_t l = task % blocks * depth_;
      packStrip(s, l, to + s.begin * p.k + l * s.width());
    });
    b_ = to;
  }

 private:
  /** Strips differ by at most one vector, and wider ones lie evenly among the others. */
  Strip strip(int64_t s) const {
    int64_t begin = s * vectors_ / strips_, end = (s + 1) * vectors_ / strips_;
    return {begin * kLanes, std::min(end * kLanes, p.n), end - begin};
  }

  /** Rows of b can be read where they stand. */
  bool readable() const { return p.b.column == 1 && p.b.type == DType::F32; }
  /** And they are few. */
  bool direct() const { return readable() && p.k <= kFewDeep; }

  void packStrip(const Strip& s, int64_t l, float* to) const {
    gradus::pack(p.b.at(l, s.begin), depthAt(l), s.columns(), s.width(), ownColumns, to);
  }

  int64_t depthAt(int64_t l) const { return std::min(depth_, p.k - l); }

  /** Rows [i, i + rows) of a strip of y. */
  void multiply(int64_t i, int64_t rows, const Strip& s) const {
    // The bias comes first or last, whether there is an epilogue or not: the result has the same
    // bits.
    const bool biasFirst = s.whole() && !transposed_ && p.y.type == DType::F32;
    const bool finishes = !p.epilogue.empty(), inPlace = biasFirst && !finishes;
    const float* bias = p.bias == nullptr ? nullptr : p.bias + (transposed_ ? i : s.begin);
    Tiles t;
    t.y = inPlace ? p.y.at(i, s.begin).floats() : ownResult.atLeast(rows * kStrip);
    t.yRow = inPlace ? p.y.row : s.width();
    for (int64_t l = 0; l < p.k; l += depth_) {
      t.k = depthAt(l);
      t.bRow = s.width();
      if (b_ != nullptr) {
        t.b = b_ + s.begin * p.k + l * s.width();
      } else if (s.whole() && (direct() || (readable() && rows <= kFewRows))) {
        t.b = p.b.at(l, s.begin).floats();
        t.bRow = p.b.row;
      } else {
        float* own = ownStrip.atLeast(kStrip * kDepth);
        packStrip(s, l, own);
        t.b = own;
      }
      t.bias = biasFirst && l == 0 ? bias : nullptr;
      t.accumulate = l > 0 || (inPlace && p.accumulate);
      sweep(t, i, rows, l, s.vectors);
    }
    if (inPlace) return;
    if (finishes) return finish(t, i, rows, s, biasFirst);
    Result y = transposed_ ? p.y.at(s.begin, i) : p.y.at(i, s.begin);
    withElement(y.type, [&](auto element) {
      auto* to = y.data.as<decltype(element)>();
      if (transposed_) {
        storeColumns(t.y, t.yRow, rows, s.columns(), bias, p.accumulate, to, y.row);
      } else {
        storeRows(t.y, t.yRow, rows, s.columns(), bias, p.accumulate, to, y.row);
      }
    });
  }

  void finish(const Tiles& t, int64_t i, int64_t rows, const Strip& s, bool hasBias) const {
    if (!transposed_) {
      Product part = p.part(i, rows, s.begin, s.columns());
      if (hasBias) part.bias = nullptr;
      return gradus::finish(t.y, t.yRow, part);
    }
    float* sums = ownTransposed.atLeast(rows * s.columns());
    storeColumns(t.y, t.yRow, rows, s.columns(), nullptr, false, sums, rows);
    gradus::finish(sums, rows, transpose(p).part(s.begin, s.columns(), i, rows));
  }

  /** Covers the rows with tiles that are about as high as each other. */
  void sweep(Tiles t, int64_t i, int64_t rows, int64_t l, int64_t vectors) const {
    t.a = p.a.at(i, l).floats();
    t.aRow = p.a.row;
    t.aColumn = p.a.column;
    int64_t tiles = ceilDivide(rows, tileRows(static_cast<int>(vectors)));
    int64_t height = ceilDivide(rows, tiles), less = height - 1;
    t.count = rows - less * tiles;  // tiles of `height` first, the others have `less`
    t.aNext = height * p.a.row;
    multiplyTiles(t, height, vectors);
    rows -= t.count * height;
    if (rows == 0) return;
    t.a += t.count * t.aNext;
    t.y += t.count * height * t.yRow;
    t.count = rows / less;
    t.aNext = less * p.a.row;
    multiplyTiles(t, less, vectors);
  }

  Product p;
  bool transposed_;
  int64_t vectors_, strips_, depth_;
  const float* b_;
};

/**
 * Whether the transposed product b' a' is the faster one. Where both operands are contiguous along
 * k, as in x w', one of them is transposed while it is packed: the smaller one, and then y as well.
 * A y narrower than a vector would leave lanes idle.
 */
bool betterTransposed(const Product& p) {
  if (p.n <= kLanes && p.m > p.n) return true;
  if (p.b.column == 1) return false;
  return p.a.column != 1 || p.m * (p.n + p.k) < p.n * p.k;
}

/** The matrix as floats, of the same order, in memory of this thread. */
Matrix widened(const Matrix& x, int64_t rows, int64_t columns) {
  bool transposed = x.column != 1;
  Matrix from = transposed ? x.transposed() : x;
  if (transposed) std::swap(rows, columns);
  float* to = widenedA.atLeast(rows * columns);
  pool().split(rows, std::max<int64_t>(kWiden / columns, 1), [&](int64_t begin, int64_t end) {
    packRows(from.at(begin, 0), end - begin, columns, columns, to + begin * columns);
  });
  if (transposed) std::swap(rows, columns);
  return Matrix::of(DType::F32, to, rows, columns, transposed);
}

}  // namespace

void storeBias(const Product& p) {
  withElement(p.y.type, [&](auto element) {
    for (int64_t i = 0; i < p.m; ++i) {
      auto* y = p.y.at(i, 0).data.template as<decltype(element)>();
      for (int64_t j = 0; j < p.n; ++j) {
        float before = p.accumulate ? math::toFloat(y[j]) : 0;
        math::store(before + (p.bias == nullptr ? 0 : p.bias[j]), y + j);
      }
    }
  });
}

namespace {

/** Of k = 0. */
void storeNoSums(const Product& p) {
  if (p.epilogue.empty()) return storeBias(p);
  const float zeros[kDepth] = {};
  for (int64_t j = 0; j < p.n; j += kDepth) {
    finish(zeros, 0, p.part(0, p.m, j, std::min(kDepth, p.n - j)));
  }
}

void multiplyOwn(const Product& product) {
  if (readsOnce(product)) return multiplyFewRows(product);
  if (paysInBlocks(product)) return multiplyInBlocks(product);
  bool transposed = betterTransposed(product);
  Product p = transposed ? transpose(product) : product;
  const bool widens = p.a.type != DType::F32;
  const int64_t rows = widens ? std::max(kPacked / p.k, kManyRows) : p.m;
  for (int64_t left = p.m; left > 0; left -= p.m) {
    p.m = std::min(rows, left);
    Product piece = p;
    if (widens) piece.a = widened(p.a, p.m, p.k);
    Multiplication(piece, transposed).run();
    p.a = p.a.at(p.m, 0);
    const int64_t down = transposed ? 0 : p.m, across = p.m - down;
    p.y = p.y.at(down, across);
    p.epilogue = p.epilogue.at(down, across);
    if (transposed && p.bias != nullptr) p.bias += p.m;
  }
}

}  // namespace

int64_t PackedMatrix::size(int64_t k, int64_t n) { return ceilDivide(n, kLanes) * kLanes * k; }

PackedMatrix::PackedMatrix(const Matrix& b, int64_t k, int64_t n, float* memory)
    : product_{0, n, k, b, b, nullptr, Result::none(), false} {
  if (size(k, n) > 0) Multiplication(product_, false, kStripVectors).pack(memory);
  product_.b = Matrix::of(DType::F32, memory, k, n, false);
}

void PackedMatrix::multiply(int64_t m, const Matrix& a, const float* bias, const Result& y,
                            bool accumulate) const {
  Product p = product_;
  p.m = m;
  p.a = a;
  p.bias = bias;
  p.y = y;
  p.accumulate = accumulate;
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) return storeNoSums(p);
  if (a.type != DType::F32) p.a = widened(a, p.m, p.k);
  Multiplication(p, false, kStripVectors, p.b.floats()).run();
}

bool canDescend(const Product& p) { return onlyOwn() && !readsOnce(p) && descendsInBlocks(p); }

void gemm(const Product& product) {
  const bool blas = usesBlas(product, multiplyOwn);
  // Blocks sum rows up while they pack them.
  const bool sums = product.rowSums != nullptr;
  if (sums && (blas || product.n == 0 || readsOnce(product) || !paysInBlocks(product))) {
    sumRows(product);
  }
  if (product.m == 0 || product.n == 0) return;
  if (product.k == 0) return storeNoSums(product);
  blas ? blasGemm(product) : multiplyOwn(product);
}

}  // namespace gradus
