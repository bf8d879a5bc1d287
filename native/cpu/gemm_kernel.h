// The innermost loop of a matrix product: one tile of the result, held in registers over all of k.
//
// Written in the vector extensions of GCC and Clang, so that one text serves every level: a vector
// is as wide as the level's registers, and a tile takes all of them but those for a row of b.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "cpu/gemm.h"

namespace gradus {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kVectors = 4;  // a tile's most vectors in a row
constexpr int kSums = 24;    // a tile's most vectors, of 32 registers
#elif defined(__AVX__)
constexpr int kLanes = 8;
constexpr int kVectors = 3;
constexpr int kSums = 12;  // of 16
#else
constexpr int kLanes = 4;
constexpr int kVectors = 3;
constexpr int kSums = 12;
#endif

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

/** The most rows of a tile that is `vectors` wide. AVX2: 4x24, 6x16. AVX-512: 6x64, 8x48,
 * 12x32. */
constexpr int tileRows(int vectors) { return vectors == 1 ? kSums / 2 : kSums / vectors; }

// Where both operands are packed, a tile is 8x48 or 4x24, of which the widths of transformers are
// multiples.
constexpr int kStripVectors = 3;
constexpr int kPanel = tileRows(kStripVectors);  // rows of a that are packed together

/** `count` tiles of y, one below the other: a's rows times b, whose rows hold whole vectors. */
struct Tiles {
  int64_t count, k;
  const float* a;
  int64_t aRow, aColumn, aNext;  // aNext: from a tile's first element to the next tile's
  const float* b;
  int64_t bRow;
  float* y;
  int64_t yRow;
  const float* bias;  // for each column, or null
  bool accumulate;
};

/** y = sum, + bias for each column or null, + y where it accumulates. */
template <int Rows, int Vectors>
void storeTile(Vector (&sum)[Rows][Vectors], const float* bias, bool accumulate, float* y,
               int64_t yRow) {
  if (bias != nullptr) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      Vector add;
      std::memcpy(&add, bias + v * kLanes, sizeof(Vector));
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) sum[i][v] += add;
    }
  }
  if (accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        Vector before;
        std::memcpy(&before, y + i * yRow + v * kLanes, sizeof(Vector));
        sum[i][v] += before;
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      std::memcpy(y + i * yRow + v * kLanes, &sum[i][v], sizeof(Vector));
    }
  }
}

/** y -= rate (sum scale + decay y). */
template <int Rows, int Vectors>
void descendTile(const Vector (&sum)[Rows][Vectors], const Descent& d, float* y, int64_t yRow) {
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      Vector p;
      std::memcpy(&p, y + i * yRow + v * kLanes, sizeof(Vector));
      p -= d.rate * (sum[i][v] * d.scale + d.decay * p);
      std::memcpy(y + i * yRow + v * kLanes, &p, sizeof(Vector));
    }
  }
}

template <int Rows, int Vectors>
void multiplyTile(const Tiles& t, const float* a, float* y) {
  constexpr int kGroup = 4;  // rows that share a pointer: few enough pointers stay in registers
  constexpr int kGroups = (Rows + kGroup - 1) / kGroup;
  int64_t aRow = t.aRow, aColumn = t.aColumn, bRow = t.bRow, yRow = t.yRow;
  Vector sum[Rows][Vectors] = {};
  const float* group[kGroups];
#pragma GCC unroll 8
  for (int g = 0; g < kGroups; ++g) group[g] = a + g * kGroup * aRow;
  const float* b = t.b;
#pragma GCC unroll 2
  for (int64_t l = 0; l < t.k; ++l) {
    Vector x[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) std::memcpy(&x[v], b + v * kLanes, sizeof(Vector));
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      float w = group[i / kGroup][(i % kGroup) * aRow];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[i][v] += w * x[v];
    }
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) group[g] += aColumn;
    b += bRow;
  }
  storeTile(sum, t.bias, t.accumulate, y, yRow);
}

template <int Rows, int Vectors>
void multiplyTiles(const Tiles& t) {
  for (int64_t i = 0; i < t.count; ++i) {
    multiplyTile<Rows, Vectors>(t, t.a + i * t.aNext, t.y + i * Rows * t.yRow);
  }
}

using MultiplyTiles = void (*)(const Tiles&);

template <int Vectors, int... Rows>
MultiplyTiles kernelFor(int rows, std::integer_sequence<int, Rows...>) {
  static constexpr MultiplyTiles kernels[] = {multiplyTiles<Rows + 1, Vectors>...};
  return kernels[rows - 1];
}

/** The kernel for tiles of 1 to tileRows(vectors) rows. */
template <int Vectors = kVectors>
MultiplyTiles kernelFor(int rows, int vectors) {
  if constexpr (Vectors > 1) {
    if (vectors < Vectors) return kernelFor<Vectors - 1>(rows, vectors);
  }
  return kernelFor<Vectors>(rows, std::make_integer_sequence<int, tileRows(Vectors)>());
}

/** Tiles of 1 to tileRows(vectors) rows. */
inline void multiplyTiles(const Tiles& t, int64_t rows, int64_t vectors) {
  kernelFor(static_cast<int>(rows), static_cast<int>(vectors))(t);
}

/** Rows of bytes that will be read soon: their cache lines are fetched four by four. */
class Ahead {
 public:
  Ahead() = default;
  Ahead(const void* data, int64_t rows, int64_t bytes, int64_t stride)
      : line_(static_cast<const char*>(data)), rows_(rows), fours_((bytes + 255) / 256) {
    left_ = rows == 0 ? 0 : fours_;
    jump_ = stride - fours_ * 256;
  }

  void fetch() {
    if (left_ == 0) return;
    for (int i = 0; i < 4; ++i) __builtin_prefetch(line_ + 64 * i, 0, 2);  // into L2
    line_ += 256;
    if (--left_ > 0) return;
    line_ += jump_;
    left_ = --rows_ > 0 ? fours_ : 0;
  }

 private:
  const char* line_ = nullptr;
  int64_t rows_ = 0, fours_ = 0, left_ = 0, jump_ = 0;
};

/** Rows that will be read or written when those of y that stand beside them are finished. */
struct Beside {
  const char* data;
  int64_t row;  // bytes from one to the next
};

constexpr int kBesides = 4;

/** Rows of y from packed operands: a in panels, whose columns hold kPanel floats, and a strip of b.
 */
struct Panels {
  int64_t rows, k;
  const float* a;
  const float* b;
  float* y;
  int64_t yRow;
  const float* bias;  // for each column, or null
  bool accumulate;
  const Descent* descent;  // instead of bias and accumulate, or null
  Ahead ahead;
  int besides = 0;
  Beside beside[kBesides];
};

template <int Rows, int Vectors>
void multiplyPanel(Panels& t, int64_t first) {
  constexpr int kSteps = 16;
  const float* a = t.a + first * t.k;
  const float* b = t.b;
  float* y = t.y + first * t.yRow;
  Vector sum[Rows][Vectors] = {};
  int64_t row = first;
  Ahead ahead = t.ahead;
  auto step = [&] {
    Vector x[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) std::memcpy(&x[v], b + v * kLanes, sizeof(Vector));
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      float w = a[i];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[i][v] += w * x[v];
    }
    a += kPanel;
    b += Vectors * kLanes;
  };
  int64_t l = t.k;
  // Besides the multiplications there is little time, even for instructions: beside another thread
  // on the same core, a kernel is as fast as it is short.
  for (; l >= kSteps; l -= kSteps) {
    ahead.fetch();
    if (row < first + Rows) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) __builtin_prefetch(t.y + row * t.yRow + v * kLanes, 1);
      for (int i = 0; i < t.besides; ++i) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) {
          __builtin_prefetch(t.beside[i].data + row * t.beside[i].row + v * sizeof(Vector), 1);
        }
      }
      ++row;
    }
#pragma GCC unroll 2
    for (int j = 0; j < kSteps; ++j) step();
  }
  t.ahead = ahead;
#pragma GCC unroll 1
  for (; l > 0; --l) step();
  if (t.descent != nullptr) return descendTile(sum, *t.descent, y, t.yRow);
  storeTile(sum, t.bias, t.accumulate, y, t.yRow);
}

template <int Vectors, int Rows = kPanel>
void multiplyLastPanel(Panels& t, int64_t first) {
  if constexpr (Rows > 1) {
    if (t.rows - first < Rows) return multiplyLastPanel<Vectors, Rows - 1>(t, first);
  }
  multiplyPanel<Rows, Vectors>(t, first);
}

template <int Vectors = kStripVectors>
void multiplyPanels(Panels& t, int64_t vectors) {
  if constexpr (Vectors > 1) {
    if (vectors < Vectors) return multiplyPanels<Vectors - 1>(t, vectors);
  }
  int64_t i = 0;
  for (; i + kPanel <= t.rows; i += kPanel) multiplyPanel<kPanel, Vectors>(t, i);
  if (i < t.rows) multiplyLastPanel<Vectors>(t, i);
}

}  // namespace
}  // namespace gradus
