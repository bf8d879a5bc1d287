// Moving elements by index. Gradients add the same elements in the same order on any number of
// threads: a place is written by one task alone.
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/backend.h"
#include "cpu/indices.h"
#include "cpu/loops.h"
#include "cpu/rows.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

/** Calls body with a value of an unsigned type as wide as the element. */
template <class Body>
void withWidth(DType t, Body&& body) {
  switch (byteSize(t)) {
    case 1:
      return body(uint8_t{});
    case 2:
      return body(uint16_t{});
    case 4:
      return body(uint32_t{});
    default:
      return body(uint64_t{});
  }
}

/** Calls row(outer, j) for the pieces of the (outer, k) rows that index and y are made of. */
template <class Row>
void outerRows(int64_t outer, int64_t k, int64_t inner, Row&& row) {
  rowRanges(outer * k, inner, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin / k, j = begin % k; begin < end; ++begin) {
      row(o, j);
      if (++j == k) {
        j = 0;
        ++o;
      }
    }
  });
}

/** The positions 0...k - 1 in the order of the row they name, and in their own order within a row.
 */
class ByRow {
 public:
  template <class Index>
  ByRow(Memory& memory, const Index* index, int64_t k, int64_t rows)
      : ends_(memory, rows + 1), positions_(memory, k), touched_(memory, std::min(k, rows)) {
    int64_t *ends = ends_.data(), *positions = positions_.data();
    std::fill(ends, ends + rows + 1, 0);
    for (int64_t j = 0; j < k; ++j) ++ends[index[j] + 1];
    for (int64_t row = 0; row < rows; ++row) {
      if (ends[row + 1] != 0) touched_.data()[touchedRows++] = row;
      ends[row + 1] += ends[row];
    }
    // ends[row] starts as the first place of the row and is moved past its last.
    for (int64_t j = 0; j < k; ++j) positions[ends[index[j]]++] = j;
  }

  int64_t touched(int64_t i) const { return touched_.data()[i]; }
  const int64_t* begin(int64_t row) const {
    return positions_.data() + (row == 0 ? 0 : ends_.data()[row - 1]);
  }
  const int64_t* end(int64_t row) const { return positions_.data() + ends_.data()[row]; }

  int64_t touchedRows = 0;

 private:
  Scratch<int64_t> ends_, positions_, touched_;
};

/** The bytes of 1 in each type, in their own order (little-endian on every platform we build for).
 */
uint64_t one(DType t) {
  switch (t) {
    case DType::F32:
      return 0x3f800000u;
    case DType::BF16:
      return 0x3f80u;
    case DType::F16:
      return 0x3c00u;
    default:
      return 1;
  }
}

}  // namespace

void CpuBackend::addIndexing() {
  gather = [](Type t, In x, Type indexType, In index, Out y, int64_t outer, int64_t n, int64_t k,
              int64_t inner) {
    withIndices(indexType, index, [&](auto* indices) {
      checkIndices("gather", indices, outer * k * inner, n);
      withWidth(t, [&](auto element) {
        using T = decltype(element);
        outerRows(outer, k, inner, [&](int64_t o, int64_t j) {
          const T* from = x.as<T>() + o * n * inner;
          const auto* at = indices + (o * k + j) * inner;
          T* to = y.as<T>() + (o * k + j) * inner;
          for (int64_t i = 0; i < inner; ++i) to[i] = from[at[i] * inner + i];
        });
      });
    });
  };

  gatherGrad = [](Type t, In dy, Type indexType, In index, Out dx, int64_t outer, int64_t n,
                  int64_t k, int64_t inner) {
    if (outer * k * inner == 0) return;
    constexpr int64_t kColumns = 64;
    const int64_t width = std::min(inner, kColumns), pieces = (inner + width - 1) / width;
    withIndices(indexType, index, [&](auto* indices) {
      checkIndices("gatherGrad", indices, outer * k * inner, n);
      // A task owns whole columns of dx. 16-bit columns are summed in float and rounded once.
      rowRanges(outer * pieces, (n + k) * width, [&](int64_t begin, int64_t end) {
        std::vector<float> sums(t == DType::F32 ? 0 : static_cast<size_t>(n * width));
        float dys[kColumns];
        for (int64_t piece = begin; piece < end; ++piece) {
          const int64_t o = piece / pieces, column = piece % pieces * width;
          const int64_t m = std::min(width, inner - column);
          const int64_t base = o * n * inner + column;
          const int64_t stride = t == DType::F32 ? inner : width;
          float* to = target(t, dx, base, sums.data());
          if (t != DType::F32) {
            for (int64_t r = 0; r < n; ++r) widen(t, dx, base + r * inner, 1, to + r * width, m);
          }
          for (int64_t j = 0; j < k; ++j) {
            const int64_t row = (o * k + j) * inner + column;
            const float* from = load(t, dy, row, dys, m);
            for (int64_t i = 0; i < m; ++i) to[indices[row + i] * stride + i] += from[i];
          }
          if (t != DType::F32) {
            for (int64_t r = 0; r < n; ++r) narrow(t, to + r * width, dx, base + r * inner, m);
          }
        }
      });
    });
  };

  takeRows = [](Type t, In x, Type indexType, In index, Out y, int64_t rows, int64_t cols,
                int64_t k) {
    const int64_t bytes = cols * byteSize(t);
    withIndices(indexType, index, [&](auto* indices) {
      checkIndices("takeRows", indices, k, rows);
      rowRanges(k, cols, [&](int64_t begin, int64_t end) {
        for (int64_t j = begin; j < end; ++j) {
          std::memcpy(y.as<char>() + j * bytes, x.as<char>() + indices[j] * bytes,
                      static_cast<size_t>(bytes));
        }
      });
    });
  };

  embedding = [](Type t, Type tokenType, In tokens, In table, Type positionType, In positions,
                 In positionTable, Out y, int64_t rows, int64_t positionRows, int64_t cols,
                 int64_t k, int64_t time) {
    withIndices(tokenType, tokens, [&](auto* token) {
      checkIndices("embedding: token", "position", token, k, rows,
                   [rows](int64_t i) { return inside(i, rows); });
      withIndices(positionType, positions, [&](auto* position) {
        if (positions) {
          checkIndices("embedding: position", "token", position, k, positionRows,
                       [positionRows](int64_t i) { return inside(i, positionRows); });
        }
        rowRanges(k, cols, [&](int64_t begin, int64_t end) {
          RowReader words(t, table, cols), places(t, positionTable, positionTable ? cols : 0);
          RowWriter ys(t, y, k, cols);
          for (int64_t j = begin; j < end; ++j) {
            const float* word = words[token[j]];
            float* to = ys.target(j);
            if (positionTable) {
              const float* place = places[positions ? position[j] : j % time];
              GRADUS_INDEPENDENT
              for (int64_t i = 0; i < cols; ++i) to[i] = word[i] + place[i];
            } else {
              std::copy(word, word + cols, to);
            }
            ys.flush(j);
          }
        });
      });
    });
  };

  takeRowsGrad = [this](Type t, In dy, Type indexType, In index, Out dx, int64_t rows, int64_t cols,
                        int64_t k) {
    if (k == 0 || cols == 0) return;
    constexpr int64_t kColumns = 256;
    const int64_t pieces = (cols + kColumns - 1) / kColumns;
    withIndices(indexType, index, [&](auto* indices) {
      checkIndices("takeRowsGrad", indices, k, rows);
      const ByRow order(memory_, indices, k, rows);
      const int64_t touched = order.touchedRows;
      // Tasks are pieces of the rows that are named at all; 16-bit rows are rounded once.
      rowRanges(touched * pieces, std::min(cols, kColumns) * (1 + k / touched),
                [&](int64_t begin, int64_t end) {
                  alignas(64) float sums[kColumns], dys[kColumns];
                  for (int64_t piece = begin; piece < end; ++piece) {
                    const int64_t row = order.touched(piece / pieces);
                    const int64_t column = piece % pieces * kColumns;
                    const int64_t n = std::min(kColumns, cols - column);
                    const int64_t at = row * cols + column;
                    widen(t, dx, at, 1, sums, n);
                    for (const int64_t* j = order.begin(row); j != order.end(row); ++j) {
                      const float* from = load(t, dy, *j * cols + column, dys, n);
                      for (int64_t i = 0; i < n; ++i) sums[i] += from[i];
                    }
                    narrow(t, sums, dx, at, n);
                  }
                });
    });
  };

  oneHot = [](Type indexType, In index, Type t, Out y, int64_t n, int64_t classes) {
    withIndices(indexType, index, [&](auto* indices) {
      checkIndices("oneHot", indices, n, classes);
      withWidth(t, [&](auto element) {
        using T = decltype(element);
        rowRanges(n, classes, [&](int64_t begin, int64_t end) {
          T* to = y.as<T>();
          std::fill(to + begin * classes, to + end * classes, T{0});
          for (int64_t i = begin; i < end; ++i)
            to[i * classes + indices[i]] = static_cast<T>(one(t));
        });
      });
    });
  };
}

}  // namespace gradus
