// Moving, filling and converting elements.
#include <type_traits>

#include "cuda/backend.h"
#include "cuda/loops.h"

namespace gradus {

namespace {

/** Of n units the one at strides[0] of x to strides[1] of y. */
template <class Index, class U>
__global__ void moveUnits(const U* x, U* y, int64_t n, detail::Strides<2> space) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    int64_t at[2];
    space.offsets(static_cast<Index>(i), at);
    y[at[1]] = x[at[0]];
  }
}

/** N elements of y at a time, which lie xStride apart in x. */
template <int N, class Index, class E>
__global__ void collect(const E* x, E* y, int64_t n, detail::Strides<1> space) {
  const int64_t xStride = space.strides[0][space.rank - 1];
  for (int64_t i = threadIndex() * N; i < n; i += threadCount() * N) {
    int64_t at;
    space.offsets(static_cast<Index>(i), &at);
    Pack<E, N> pack;
#pragma unroll
    for (int j = 0; j < N; ++j) pack.elements[j] = x[at + j * xStride];
    *reinterpret_cast<Pack<E, N>*>(y + i) = pack;
  }
}

/** The side of a square of elements that a block turns, and what keeps the columns of 32 lanes in
 * 32 banks of shared memory: an odd number of words from row to row. */
template <class E>
constexpr int kSide = sizeof(E) >= 4 ? 32 : 64;
template <class E>
constexpr int kPad = sizeof(E) >= 4 ? 1 : 4 / static_cast<int>(sizeof(E));

/** Matrices (rows, cols): x is contiguous along the rows' axis, y along that of the columns. */
struct Turn {
  int64_t rows, cols, xStride, yStride;  // from column to column in x, from row to row in y
  uint32_t down, across;                 // squares
};

/** y = x for one square of one of the matrices, whose places are in `others`. */
template <class E>
__global__ void turnSquare(const E* x, E* y, Turn matrix, detail::Strides<2> others) {
  constexpr int kLines = kThreads / kWarp;
  __shared__ E square[kSide<E>][kSide<E> + kPad<E>];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int line = static_cast<int>(threadIdx.x) / kWarp;
  // Fewer than 2^32: a square has 128 bytes at the least.
  uint32_t i = static_cast<uint32_t>(blockIndex());
  const int64_t column = static_cast<int64_t>(i % matrix.across) * kSide<E>;
  i /= matrix.across;
  const int64_t row = static_cast<int64_t>(i % matrix.down) * kSide<E>;
  int64_t at[2];
  others.offsets(i / matrix.down, at);
  x += at[0] + row + column * matrix.xStride;
  y += at[1] + row * matrix.yStride + column;
  const int64_t rows = matrix.rows - row, cols = matrix.cols - column;
#pragma unroll
  for (int c = line; c < kSide<E>; c += kLines) {
#pragma unroll
    for (int r = lane; r < kSide<E>; r += kWarp) {
      if (r < rows && c < cols) square[c][r] = x[r + c * matrix.xStride];
    }
  }
  __syncthreads();
#pragma unroll
  for (int r = line; r < kSide<E>; r += kLines) {
#pragma unroll
    for (int c = lane; c < kSide<E>; c += kWarp) {
      if (r < rows && c < cols) y[r * matrix.yStride + c] = square[c][r];
    }
  }
}

template <int N, class E>
__global__ void fillWith(E value, E* y, int64_t n) {
  Pack<E, N> pack;
#pragma unroll
  for (E& element : pack.elements) element = value;
  const int64_t packs = n / N;
  for (int64_t i = threadIndex(); i < packs; i += threadCount()) {
    reinterpret_cast<Pack<E, N>*>(y)[i] = pack;
  }
  for (int64_t i = packs * N + threadIndex(); i < n; i += threadCount()) y[i] = value;
}

template <class E>
constexpr bool kIsFloating = !std::is_integral_v<E>;

/** An element as another type has it. */
template <class To, class From>
__device__ To convert(From x) {
  if constexpr (kIsFloating<To>) {
    To y;
    if constexpr (kIsFloating<From>) {
      math::store(math::toFloat(x), &y);
    } else {
      math::store(static_cast<float>(x), &y);
    }
    return y;
  } else if constexpr (kIsFloating<From>) {
    return math::saturate<To>(math::toFloat(x));
  } else {
    return static_cast<To>(x);
  }
}

template <int N, class From, class To>
__global__ void convertAll(const From* x, To* y, int64_t n) {
  const int64_t packs = n / N;
  for (int64_t i = threadIndex(); i < packs; i += threadCount()) {
    const Pack<From, N> from = reinterpret_cast<const Pack<From, N>*>(x)[i];
    Pack<To, N> to;
#pragma unroll
    for (int j = 0; j < N; ++j) to.elements[j] = convert<To>(from.elements[j]);
    reinterpret_cast<Pack<To, N>*>(y)[i] = to;
  }
  for (int64_t i = packs * N + threadIndex(); i < n; i += threadCount()) y[i] = convert<To>(x[i]);
}

void copyBytes(Gpu& gpu, const char* name, In x, Out y, int64_t bytes) {
  if (bytes == 0) return;
  gpu.use();
  gpu.check(cudaMemcpyAsync(y.as<void>(), x.as<void>(), static_cast<size_t>(bytes),
                            cudaMemcpyDefault, gpu.stream()),
            name);
  gpu.launched(name);
}

/** Copies along a space whose innermost axis is contiguous in both operands, in the widest units
 * that lie everywhere at multiples of themselves. */
void moveRuns(Gpu& gpu, const char* name, Space space, int64_t elementBytes, In x, Out y) {
  const int inner = space.rank - 1;
  int64_t bits = x.address | y.address | (space.sizes[inner] * elementBytes);
  for (int axis = 0; axis < inner; ++axis) {
    bits |= (space.strides[0][axis] | space.strides[1][axis]) * elementBytes;
  }
  withWidest(bits, [&](auto unit) {
    using U = decltype(unit);
    constexpr auto kBytes = static_cast<int64_t>(sizeof(U));
    space.sizes[inner] = space.sizes[inner] * elementBytes / kBytes;
    for (int axis = 0; axis < inner; ++axis) {
      for (int k : {0, 1}) {
        space.strides[k][axis] = space.strides[k][axis] * elementBytes / kBytes;
      }
    }
    const int64_t n = sizeOf(space);
    withCount(n, [&](auto count) {
      launch(gpu, name, gridFor(gpu, n), moveUnits<decltype(count), U>, x.as<U>(), y.as<U>(), n,
             detail::Strides<2>(space));
    });
  });
}

/** The axis but the innermost along which x is contiguous, where both are long enough for whole
 * sectors of memory; -1 without one. */
int turnedAxis(const Space& space, int64_t elementBytes) {
  constexpr int64_t kSector = 32;
  const int inner = space.rank - 1;
  if (space.sizes[inner] * elementBytes < kSector) return -1;
  for (int axis = inner - 1; axis >= 0; --axis) {
    if (space.strides[0][axis] == 1 && space.sizes[axis] * elementBytes >= kSector) return axis;
  }
  return -1;
}

/** Copies where x is contiguous along `axis` and y along the innermost. */
template <class E>
void turn(Gpu& gpu, const char* name, const Space& space, int axis, In x, Out y) {
  const int inner = space.rank - 1;
  Turn matrix = {
      space.sizes[axis], space.sizes[inner], space.strides[0][inner], space.strides[1][axis], 0, 0};
  matrix.down = static_cast<uint32_t>(ceilDivide(matrix.rows, kSide<E>));
  matrix.across = static_cast<uint32_t>(ceilDivide(matrix.cols, kSide<E>));
  Space others = space;
  others.rank = 0;
  for (int k = 0; k < inner; ++k) {
    if (k == axis) continue;
    others.sizes[others.rank] = space.sizes[k];
    for (int operand : {0, 1}) others.strides[operand][others.rank] = space.strides[operand][k];
    ++others.rank;
  }
  if (others.rank == 0) {
    others.sizes[others.rank] = 1;
    for (int operand : {0, 1}) others.strides[operand][others.rank] = 0;
    ++others.rank;
  }
  const int64_t squares = sizeOf(others) * matrix.down * matrix.across;
  launch(gpu, name, blocksFor(squares), turnSquare<E>, x.as<E>(), y.as<E>(), matrix,
         detail::Strides<2>(others));
}

/** Copies where no axis is contiguous in both operands. */
template <class E>
void collect(Gpu& gpu, const char* name, const Space& space, In x, Out y) {
  const int64_t n = sizeOf(space);
  withCount(n, [&](auto count) {
    using Index = decltype(count);
    constexpr int N = kPack<E>;
    const detail::Strides<1> strides(space);
    if (space.sizes[space.rank - 1] % N == 0 && isAligned(y)) {
      launch(gpu, name, gridFor(gpu, n / N), collect<N, Index, E>, x.as<E>(), y.as<E>(), n,
             strides);
    } else {
      launch(gpu, name, gridFor(gpu, n), collect<1, Index, E>, x.as<E>(), y.as<E>(), n, strides);
    }
  });
}

template <class E>
void fillWith(Gpu& gpu, E value, Out y, int64_t n) {
  constexpr int N = kPack<E>;
  if (isAligned(y)) {
    launch(gpu, "fill", gridFor(gpu, ceilDivide(n, N)), fillWith<N, E>, value, y.as<E>(), n);
  } else {
    launch(gpu, "fill", gridFor(gpu, n), fillWith<1, E>, value, y.as<E>(), n);
  }
}

}  // namespace

void CudaBackend::addShapes() {
  copy = [this](In x, Out y, int64_t bytes) { copyBytes(gpu_, "copy", x, y, bytes); };

  copyRows = [this](In x, int64_t xStride, Out y, int64_t yStride, int64_t rowBytes, int64_t rows) {
    const int64_t dims[] = {2, rows, rowBytes, xStride, 1, yStride, 1};
    Space space(Dims(dims), 2, rows * rowBytes);
    if (rowBytes == 1) {  // of which a space leaves the axis out
      space.sizes[space.rank] = space.strides[0][space.rank] = space.strides[1][space.rank] = 1;
      ++space.rank;
    }
    moveRuns(gpu_, "copyRows", space, 1, x, y);
  };

  stridedCopy = [this](Type t, In x, Out y, Dims dims) {
    int64_t n = 1;
    for (int axis = 0; axis < dims.rank(); ++axis) n *= dims.sizes()[axis];
    if (n == 0) return;
    Space space(dims, 1, n);
    int64_t stride = 1;
    for (int axis = space.rank - 1; axis >= 0; --axis) {
      space.strides[1][axis] = stride;
      stride *= space.sizes[axis];
    }
    const bool contiguous = space.innerStride(0) == 1;
    if (contiguous && space.rank == 1) {
      return copyBytes(gpu_, "stridedCopy", x, y, n * byteSize(t));
    }
    if (contiguous) return moveRuns(gpu_, "stridedCopy", space, byteSize(t), x, y);
    const int axis = turnedAxis(space, byteSize(t));
    withBits(t, [&](auto bits) {
      using E = decltype(bits);
      if (axis >= 0) return turn<E>(gpu_, "stridedCopy", space, axis, x, y);
      collect<E>(gpu_, "stridedCopy", space, x, y);
    });
  };

  fill = [this](Type t, Out y, double value, int64_t n) {
    const auto single = static_cast<float>(value);
    switch (t.value) {
      case DType::F32:
        return fillWith(gpu_, single, y, n);
      case DType::BF16:
        return fillWith(gpu_, math::toBF16(single), y, n);
      case DType::F16:
        return fillWith(gpu_, math::toF16(single), y, n);
      case DType::I32:
        return fillWith(gpu_, math::saturate<int32_t>(value), y, n);
      case DType::I64:
        return fillWith(gpu_, math::saturate<int64_t>(value), y, n);
      case DType::U8:
        return fillWith(gpu_, math::saturate<uint8_t>(value), y, n);
    }
  };

  cast = [this](Type from, In x, Type to, Out y, int64_t n) {
    withElement(from, [&](auto given) {
      withElement(to, [&](auto wanted) {
        using From = decltype(given);
        using To = decltype(wanted);
        constexpr int N = sizeof(From) > sizeof(To) ? kPack<From> : kPack<To>;
        if (isAligned(x) && isAligned(y)) {
          launch(gpu_, "cast", gridFor(gpu_, ceilDivide(n, N)), convertAll<N, From, To>,
                 x.as<From>(), y.as<To>(), n);
        } else {
          launch(gpu_, "cast", gridFor(gpu_, n), convertAll<1, From, To>, x.as<From>(), y.as<To>(),
                 n);
        }
      });
    });
  };
}

}  // namespace gradus
