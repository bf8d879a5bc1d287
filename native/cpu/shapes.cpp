// Moving, filling and converting elements.
#include <algorithm>
#include <cstring>

#include "cpu/backend.h"
#include "cpu/loops.h"

namespace gradus {

namespace {

constexpr int64_t kLine = 64;  // bytes of a cache line

void copyBytes(const char* x, char* y, int64_t bytes) {
  if (bytes > 0) std::memcpy(y, x, static_cast<size_t>(bytes));
}

template <class T>
void fillWith(T value, T* y, int64_t n) {
  const bool streamed = n * static_cast<int64_t>(sizeof(T)) >= kStreamed;
  ranges(n, [&](int64_t begin, int64_t end) {
    if (!streamed) return std::fill(y + begin, y + end, value);
    alignas(64) T block[kBlock];
    std::fill(block, block + kBlock, value);
    blocks(begin, end, [&](int64_t at, int64_t m) { stream(block, y + at, m * sizeof(T)); });
    fence();
  });
}

/**
 * y[i * yStride + j] = x[i + j * xStride], in tiles whose rows are one cache line. A tile passes
 * through a buffer, because its lines are often a power of two apart and would evict each other
 * before all their elements were used.
 */
template <class T>
void transposeTiles(const T* x, int64_t xStride, T* y, int64_t yStride, int64_t rows, int64_t cols,
                    bool streamed) {
  constexpr int64_t kSide = kLine / sizeof(T);
  alignas(64) T lines[kSide][kSide], turned[kSide][kSide];
  for (int64_t j0 = 0; j0 < cols; j0 += kSide) {
    const int64_t m = std::min(kSide, cols - j0);
    for (int64_t i0 = 0; i0 < rows; i0 += kSide) {
      const int64_t n = std::min(kSide, rows - i0);
      const T* from = x + i0 + j0 * xStride;
      for (int64_t j = 0; j < m; ++j) std::copy_n(from + j * xStride, n, lines[j]);
      if (n == kSide && m == kSide) {  // known bounds unroll
        for (int64_t i = 0; i < kSide; ++i) {
          for (int64_t j = 0; j < kSide; ++j) turned[i][j] = lines[j][i];
        }
      } else {
        for (int64_t i = 0; i < n; ++i) {
          for (int64_t j = 0; j < m; ++j) turned[i][j] = lines[j][i];
        }
      }
      T* to = y + i0 * yStride + j0;
      for (int64_t i = 0; i < n; ++i) {
        if (streamed) {
          stream(turned[i], to + i * yStride, m * static_cast<int64_t>(sizeof(T)));
        } else {
          std::copy(turned[i], turned[i] + m, to + i * yStride);
        }
      }
    }
  }
  if (streamed) fence();
}

/** The axis but the innermost along which x is contiguous, for at least a tile; -1 without one. */
int contiguousAxis(const Space& space, int64_t elementBytes) {
  for (int axis = space.rank - 2; axis >= 0; --axis) {
    if (space.strides[0][axis] == 1 && space.sizes[axis] * elementBytes >= kLine) return axis;
  }
  return -1;
}

/** stridedCopy where x is contiguous along `axis` and y along the innermost axis. */
template <class T>
void transpose(const Space& space, int axis, const T* x, T* y) {
  constexpr int64_t kRows = 64, kCols = 512;
  const int inner = space.rank - 1;
  const int64_t rows = space.sizes[axis], cols = space.sizes[inner];
  const int64_t rowTiles = (rows + kRows - 1) / kRows, colTiles = (cols + kCols - 1) / kCols;
  int64_t yStrides[Space::kMaxRank];
  int64_t size = 1;
  for (int k = inner; k >= 0; --k) {
    yStrides[k] = size;
    size *= space.sizes[k];
  }
  const bool streamed = size * static_cast<int64_t>(sizeof(T)) >= kStreamed;
  const int64_t others = size / rows / cols;
  rowRanges(others * rowTiles * colTiles, std::min(rows, kRows) * std::min(cols, kCols),
            [&](int64_t begin, int64_t end) {
              for (int64_t tile = begin; tile < end; ++tile) {
                const int64_t j = tile % colTiles * kCols;
                const int64_t i = tile / colTiles % rowTiles * kRows;
                int64_t from = i + j * space.strides[0][inner];
                int64_t to = i * yStrides[axis] + j;
                int64_t rest = tile / colTiles / rowTiles;
                for (int k = inner - 1; k >= 0; --k) {
                  if (k == axis) continue;
                  from += rest % space.sizes[k] * space.strides[0][k];
                  to += rest % space.sizes[k] * yStrides[k];
                  rest /= space.sizes[k];
                }
                transposeTiles(x + from, space.strides[0][inner], y + to, yStrides[axis],
                               std::min(kRows, rows - i), std::min(kCols, cols - j), streamed);
              }
            });
}

template <class T>
void copyStrided(const Space& space, int64_t n, const T* x, T* y) {
  const int64_t stride = space.innerStride(0);
  const int axis = contiguousAxis(space, sizeof(T));
  if (stride > 1 && axis >= 0) return transpose(space, axis, x, y);
  ranges(n, [&](int64_t begin, int64_t end) {
    walk(space, begin, end, [&](int64_t at, int64_t m, const int64_t* offsets) {
      const T* from = x + offsets[0];
      T* to = y + at;
      if (stride == 1) {
        std::copy(from, from + m, to);
      } else if (stride == 0) {
        std::fill(to, to + m, *from);
      } else {
        for (int64_t i = 0; i < m; ++i) to[i] = from[i * stride];
      }
    });
  });
}

template <class T>
void floatsToInts(const float* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::saturate<T>(x[i]);
}

template <class T>
void intsToFloats(const T* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i]);
}

template <class T>
void narrowInts(const int64_t* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(x[i]);
}

/** Elements of any type as floats, where they lie or in `buffer`. */
const float* toFloats(DType from, In x, int64_t at, float* buffer, int64_t n) {
  if (isFloating(from)) return load(from, x, at, buffer, n);
  if (from == DType::I32) intsToFloats(x.as<int32_t>() + at, buffer, n);
  if (from == DType::I64) intsToFloats(x.as<int64_t>() + at, buffer, n);
  if (from == DType::U8) intsToFloats(x.as<uint8_t>() + at, buffer, n);
  return buffer;
}

void fromFloats(const float* x, DType to, Out y, int64_t at, int64_t n) {
  if (isFloating(to)) narrow(to, x, y, at, n);
  if (to == DType::I32) floatsToInts(x, y.as<int32_t>() + at, n);
  if (to == DType::I64) floatsToInts(x, y.as<int64_t>() + at, n);
  if (to == DType::U8) floatsToInts(x, y.as<uint8_t>() + at, n);
}

void fromInts(const int64_t* x, DType to, Out y, int64_t at, int64_t n) {
  if (to == DType::I32) narrowInts(x, y.as<int32_t>() + at, n);
  if (to == DType::I64) narrowInts(x, y.as<int64_t>() + at, n);
  if (to == DType::U8) narrowInts(x, y.as<uint8_t>() + at, n);
}

}  // namespace

void CpuBackend::addShapes() {
  copy = [](In x, Out y, int64_t bytes) {
    constexpr int64_t kWord = 8;
    ranges((bytes + kWord - 1) / kWord, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * kWord, last = std::min(end * kWord, bytes);
      if (bytes >= kStreamed) {
        stream(x.as<char>() + first, y.as<char>() + first, last - first);
        fence();
      } else {
        copyBytes(x.as<char>() + first, y.as<char>() + first, last - first);
      }
    });
  };

  copyRows = [](In x, int64_t xStride, Out y, int64_t yStride, int64_t rowBytes, int64_t rows) {
    rowRanges(rows, (rowBytes + 7) / 8, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        copyBytes(x.as<char>() + row * xStride, y.as<char>() + row * yStride, rowBytes);
      }
    });
  };

  stridedCopy = [](Type t, In x, Out y, Dims dims) {
    int64_t n = 1;
    for (int axis = 0; axis < dims.rank(); ++axis) n *= dims.sizes()[axis];
    if (n == 0) return;
    const Space space(dims, 1, n);
    withBits(t, [&](auto bits) {
      using T = decltype(bits);
      copyStrided(space, n, x.as<T>(), y.as<T>());
    });
  };

  fill = [](Type t, Out y, double value, int64_t n) {
    switch (t.value) {
      case DType::F32:
        return fillWith(static_cast<float>(value), y.as<float>(), n);
      case DType::BF16:
        return fillWith(math::toBF16(static_cast<float>(value)), y.as<BF16>(), n);
      case DType::F16:
        return fillWith(math::toF16(static_cast<float>(value)), y.as<F16>(), n);
      case DType::I32:
        return fillWith(math::saturate<int32_t>(value), y.as<int32_t>(), n);
      case DType::I64:
        return fillWith(math::saturate<int64_t>(value), y.as<int64_t>(), n);
      case DType::U8:
        return fillWith(math::saturate<uint8_t>(value), y.as<uint8_t>(), n);
    }
  };

  cast = [](Type from, In x, Type to, Out y, int64_t n) {
    ranges(n, [&](int64_t begin, int64_t end) {
      blocks(begin, end, [&](int64_t at, int64_t m) {
        if (isFloating(from) || isFloating(to)) {
          alignas(64) float floats[kBlock];
          fromFloats(toFloats(from, x, at, floats, m), to, y, at, m);
        } else {
          alignas(64) int64_t ints[kBlock];
          widenInts(from, x, at, 1, ints, m);
          fromInts(ints, to, y, at, m);
        }
      });
    });
  };
}

}  // namespace gradus
