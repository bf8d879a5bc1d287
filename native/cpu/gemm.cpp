#include "cpu/gemm.h"

#include <algorithm>
#include <cstring>

#include "cpu/blas.h"
#include "cpu/pool.h"

namespace gradus {

namespace {

// Below this many multiplications a plain loop is done before OpenBLAS has looked at its arguments.
constexpr int64_t kSmall = 4096;
// A task of 2^19 multiplications takes 5 to 10 microseconds: fifty times what handing it out costs.
constexpr int64_t kTask = int64_t{1} << 19;

int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }

/** What y holds before the products are added: 0 or y itself, and the bias. */
void start(const Product& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    float* y = p.y + i * p.yRow;
    if (!p.accumulate) {
      if (p.bias == nullptr) {
        std::memset(y, 0, static_cast<size_t>(p.n) * sizeof(float));
      } else {
        std::memcpy(y, p.bias, static_cast<size_t>(p.n) * sizeof(float));
      }
    } else if (p.bias != nullptr) {
      for (int64_t j = 0; j < p.n; ++j) y[j] += p.bias[j];
    }
  }
}

void multiplyPlainly(const Product& p) {
  start(p);
  for (int64_t i = 0; i < p.m; ++i) {
    float* y = p.y + i * p.yRow;
    for (int64_t l = 0; l < p.k; ++l) {
      float x = p.a.data[i * p.a.row + l * p.a.column];
      const float* b = p.b.data + l * p.b.row;
      for (int64_t j = 0; j < p.n; ++j) y[j] += x * b[j * p.b.column];
    }
  }
}

void multiplyByBlas(const Product& p) {
  bool onTop = p.accumulate || p.bias != nullptr;
  if (onTop) start(p);
  bool transposeA = p.a.column != 1, transposeB = p.b.column != 1;
  // A single row or column leaves its stride free, but BLAS insists on one that spans the other
  // side.
  int64_t aRow = std::max(transposeA ? p.a.column : p.a.row, transposeA ? p.m : p.k);
  int64_t bRow = std::max(transposeB ? p.b.column : p.b.row, transposeB ? p.k : p.n);
  sgemm(transposeA, transposeB, p.m, p.n, p.k, 1, p.a.data, aRow, p.b.data, bRow, onTop ? 1 : 0,
        p.y, std::max(p.yRow, p.n));
}

/** Rows [i, i + m) and columns [j, j + n) of a product. */
Product block(const Product& p, int64_t i, int64_t m, int64_t j, int64_t n) {
  Product part = p;
  part.m = m;
  part.n = n;
  part.a.data += i * p.a.row;
  part.b.data += j * p.b.column;
  if (p.bias != nullptr) part.bias += j;
  part.y += i * p.yRow + j;
  return part;
}

}  // namespace

void gemm(const Product& p) {
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) return start(p);
  if (p.m * p.n * p.k <= kSmall) return multiplyPlainly(p);
  // The longer side is cut first: its operand is then read once.
  int64_t tasks = std::clamp<int64_t>(p.m * p.n * p.k / kTask, 1, 64);
  int64_t rowTasks = p.m >= p.n ? tasks : 1, columnTasks = p.m >= p.n ? 1 : tasks;
  int64_t rows = ceilDivide(ceilDivide(p.m, rowTasks), 8) * 8;
  int64_t columns = ceilDivide(ceilDivide(p.n, columnTasks), 16) * 16;
  int64_t across = ceilDivide(p.n, columns);
  pool().run(ceilDivide(p.m, rows) * across, [&](int64_t task) {
    int64_t i = task / across * rows, j = task % across * columns;
    multiplyByBlas(block(p, i, std::min(rows, p.m - i), j, std::min(columns, p.n - j)));
  });
}

}  // namespace gradus
