#include "cpu/rows.h"

namespace gradus {

void sumChunks(const float* sums, int64_t count, int64_t stride, DType t, Out y, int64_t cols) {
  constexpr int64_t kColumns = 256;
  const int64_t pieces = (cols + kColumns - 1) / kColumns;
  rowRanges(pieces, count * kColumns, [&](int64_t begin, int64_t end) {
    alignas(64) float totals[kColumns];
    for (int64_t column = begin * kColumns; column < std::min(end * kColumns, cols);
         column += kColumns) {
      const int64_t n = std::min(kColumns, cols - column);
      std::fill(totals, totals + n, 0.0f);
      for (int64_t c = 0; c < count; ++c) {
        const float* chunk = sums + c * stride + column;
        for (int64_t i = 0; i < n; ++i) totals[i] += chunk[i];
      }
      narrow(t, totals, y, column, n);
    }
  });
}

}  // namespace gradus
