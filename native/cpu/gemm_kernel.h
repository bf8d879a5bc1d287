// The innermost loop of a matrix product: one tile of the result, held in registers over all of k.
//
// Written in the vector extensions of GCC and Clang, so that one text serves every level: a vector
// is as wide as the level's registers, and a tile takes as many of them as leave room for a row of
// b.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

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

/** The most rows of a tile that is `vectors` wide: 4x24 and 6x16 for AVX2, 6x64 to 12x32 for
 * AVX-512. */
constexpr int tileRows(int vectors) { return vectors == 1 ? kSums / 2 : kSums / vectors; }

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
  if (t.bias != nullptr) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      Vector add;
      std::memcpy(&add, t.bias + v * kLanes, sizeof(Vector));
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) sum[i][v] += add;
    }
  }
  if (t.accumulate) {
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

}  // namespace
}  // namespace gradus
