// Moving elements by index. What an index outside would read or write is left alone: the check
// before the kernel complains of it.
#include "cuda/backend.h"
#include "cuda/indices.h"
#include "cuda/launch.h"
#include "cuda/row_sums.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

/** What gather reads for each element (o, j, i) of y. */
template <class Count, class Index>
struct Places {
  const Index* index;
  int64_t n, k, inner;

  /** Where in x; false where that is outside. */
  __device__ bool find(int64_t at, int64_t* inX) const {
    const auto row = static_cast<int64_t>(index[at]);
    if (!inside(row, n)) return false;
    const auto flat = static_cast<Count>(at), width = static_cast<Count>(inner);
    const Count line = flat / width;
    const int64_t i = flat - line * width, o = line / static_cast<Count>(k);
    *inX = (o * n + row) * inner + i;
    return true;
  }
};

template <class P, class E>
__global__ void gatherElements(const E* x, P places, E* y, int64_t count) {
  for (int64_t at = threadIndex(); at < count; at += threadCount()) {
    int64_t from;
    if (places.find(at, &from)) y[at] = x[from];
  }
}

/** For k = 1, where no two elements of dy meet. */
template <class P, class E>
__global__ void scatterElements(const E* dy, P places, E* dx, int64_t count) {
  for (int64_t at = threadIndex(); at < count; at += threadCount()) {
    int64_t to;
    if (places.find(at, &to)) math::store(math::toFloat(dx[to]) + math::toFloat(dy[at]), dx + to);
  }
}

/** Elements of dx as rows of one column; `none` is how many there are. */
template <class P>
__global__ void slotsOfElements(P places, Slot* slots, int64_t count, int64_t none) {
  for (int64_t at = threadIndex(); at < count; at += threadCount()) {
    int64_t to = none;
    places.find(at, &to);
    slots[at] = {to, at};
  }
}

template <class Index>
__global__ void slotsOfRows(const Index* index, Slot* slots, int64_t k, int64_t rows) {
  for (int64_t j = threadIndex(); j < k; j += threadCount()) {
    const auto row = static_cast<int64_t>(index[j]);
    slots[j] = {inside(row, rows) ? row : rows, j};
  }
}

/** Rows of `units`, of which y has n in all. */
template <class Count, class Index, class U>
__global__ void takeUnits(const U* x, const Index* index, U* y, int64_t rows, int64_t units,
                          int64_t n) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const auto flat = static_cast<Count>(i), width = static_cast<Count>(units);
    const Count j = flat / width;
    const auto row = static_cast<int64_t>(index[j]);
    if (inside(row, rows)) y[i] = x[row * units + (flat - j * width)];
  }
}

/** y[j] = words[token[j]] + places[position[j] or j % time], N columns at a time. */
template <int N, class Token, class Position, class E>
__global__ void addTables(const Token* token, const E* words, const Position* position,
                          const E* places, E* y, int64_t rows, int64_t positionRows, int64_t cols,
                          int64_t k, int64_t time) {
  const int64_t packs = cols / N;
  for (int64_t i = threadIndex(); i < k * packs; i += threadCount()) {
    const int64_t j = i / packs, column = (i - j * packs) * N;
    const auto row = static_cast<int64_t>(token[j]);
    const int64_t place = position == nullptr ? j % time : static_cast<int64_t>(position[j]);
    if (!inside(row, rows) || !inside(place, positionRows)) continue;
    Pack<E, N> sum = *reinterpret_cast<const Pack<E, N>*>(words + row * cols + column);
    const auto other = *reinterpret_cast<const Pack<E, N>*>(places + place * cols + column);
#pragma unroll
    for (int c = 0; c < N; ++c) {
      math::store(math::toFloat(sum.elements[c]) + math::toFloat(other.elements[c]),
                  &sum.elements[c]);
    }
    *reinterpret_cast<Pack<E, N>*>(y + j * cols + column) = sum;
  }
}

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

template <class Index, class E>
__global__ void setOnes(const Index* index, E one, E* y, int64_t n, int64_t classes) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const auto column = static_cast<int64_t>(index[i]);
    if (inside(column, classes)) y[i * classes + column] = one;
  }
}

/** y[j] = row index[j] of x; any type. */
void take(Gpu& gpu, const char* name, DType t, In x, DType indexType, In index, Out y, int64_t rows,
          int64_t cols, int64_t k) {
  const int64_t rowBytes = cols * byteSize(t);
  withIndex(indexType, [&](auto kind) {
    withWidest(x.address | y.address | rowBytes, [&](auto unit) {
      using U = decltype(unit);
      const int64_t units = rowBytes / static_cast<int64_t>(sizeof(U)), n = k * units;
      withCount(n, [&](auto count) {
        using Index = decltype(kind);
        launch(gpu, name, gridFor(gpu, n), takeUnits<decltype(count), Index, U>, x.as<U>(),
               index.as<Index>(), y.as<U>(), rows, units, n);
      });
    });
  });
}

/** Calls f with the Places of a gather. */
template <class F>
void withPlaces(DType indexType, In index, int64_t outer, int64_t n, int64_t k, int64_t inner,
                F&& f) {
  withIndex(indexType, [&](auto kind) {
    withCount(outer * k * inner, [&](auto count) {
      using Index = decltype(kind);
      f(Places<decltype(count), Index>{index.as<Index>(), n, k, inner});
    });
  });
}

/** dx (rows, cols) += dy at the rows of `count` slots, which `number` launches a kernel to fill in.
 */
template <class Number>
void addAtSlots(Gpu& gpu, const char* name, int64_t count, DType t, In dy, Out dx, int64_t rows,
                int64_t cols, Number&& number) {
  if (count == 0 || cols == 0) return;
  const Scratch<Slot> slots(gpu.memory(), count), spare(gpu.memory(), count);
  number(slots.data());
  const Slot* sorted = sortByRow(gpu, name, slots.data(), spare.data(), count, rows);
  addRows(gpu, name, sorted, count, t, dy, dx, rows, cols);
}

}  // namespace

void CudaBackend::addIndexing() {
  gather = [this](Type t, In x, Type indexType, In index, Out y, int64_t outer, int64_t n,
                  int64_t k, int64_t inner) {
    const int64_t count = outer * k * inner;
    checkIndices(gpu_, "gather: index", "position", indexType, index, count, n);
    withPlaces(indexType, index, outer, n, k, inner, [&](auto places) {
      withBits(t, [&](auto bits) {
        using E = decltype(bits);
        launch(gpu_, "gather", gridFor(gpu_, count), gatherElements<decltype(places), E>, x.as<E>(),
               places, y.as<E>(), count);
      });
    });
  };

  gatherGrad = [this](Type t, In dy, Type indexType, In index, Out dx, int64_t outer, int64_t n,
                      int64_t k, int64_t inner) {
    const char* name = "gatherGrad";
    const int64_t count = outer * k * inner, elements = outer * n * inner;
    checkIndices(gpu_, "gatherGrad: index", "position", indexType, index, count, n);
    withPlaces(indexType, index, outer, n, k, inner, [&](auto places) {
      using P = decltype(places);
      if (k > 1) {
        return addAtSlots(gpu_, name, count, t, dy, dx, elements, 1, [&](Slot* slots) {
          launch(gpu_, name, gridFor(gpu_, count), slotsOfElements<P>, places, slots, count,
                 elements);
        });
      }
      withFloating(t, [&](auto element) {
        using E = decltype(element);
        launch(gpu_, name, gridFor(gpu_, count), scatterElements<P, E>, dy.as<E>(), places,
               dx.as<E>(), count);
      });
    });
  };

  takeRows = [this](Type t, In x, Type indexType, In index, Out y, int64_t rows, int64_t cols,
                    int64_t k) {
    checkIndices(gpu_, "takeRows: index", "position", indexType, index, k, rows);
    take(gpu_, "takeRows", t, x, indexType, index, y, rows, cols, k);
  };

  embedding = [this](Type t, Type tokenType, In tokens, In table, Type positionType, In positions,
                     In positionTable, Out y, int64_t rows, int64_t positionRows, int64_t cols,
                     int64_t k, int64_t time) {
    checkIndices(gpu_, "embedding: token", "position", tokenType, tokens, k, rows);
    if (positions) {
      checkIndices(gpu_, "embedding: position", "token", positionType, positions, k, positionRows);
    }
    if (!positionTable)
      return take(gpu_, "embedding", t, table, tokenType, tokens, y, rows, cols, k);
    withFloating(t, [&](auto element) {
      withIndex(tokenType, [&](auto token) {
        withIndex(positionType, [&](auto position) {
          using E = decltype(element);
          using Token = decltype(token);
          using Position = decltype(position);
          auto run = [&](auto* kernel, int each) {
            launch(gpu_, "embedding", gridFor(gpu_, k * cols / each), kernel, tokens.as<Token>(),
                   table.as<E>(), positions.as<Position>(), positionTable.as<E>(), y.as<E>(), rows,
                   positionRows, cols, k, time);
          };
          constexpr int N = kPack<E>;
          if (cols % N == 0 && isAligned(table) && isAligned(positionTable) && isAligned(y)) {
            run(addTables<N, Token, Position, E>, N);
          } else {
            run(addTables<1, Token, Position, E>, 1);
          }
        });
      });
    });
  };

  takeRowsGrad = [this](Type t, In dy, Type indexType, In index, Out dx, int64_t rows, int64_t cols,
                        int64_t k) {
    checkIndices(gpu_, "takeRowsGrad: index", "position", indexType, index, k, rows);
    addAtSlots(gpu_, "takeRowsGrad", k, t, dy, dx, rows, cols, [&](Slot* slots) {
      withIndex(indexType, [&](auto kind) {
        using Index = decltype(kind);
        launch(gpu_, "takeRowsGrad", gridFor(gpu_, k), slotsOfRows<Index>, index.as<Index>(), slots,
               k, rows);
      });
    });
  };

  oneHot = [this](Type indexType, In index, Type t, Out y, int64_t n, int64_t classes) {
    checkIndices(gpu_, "oneHot: index", "position", indexType, index, n, classes);
    gpu_.use();
    gpu_.check(cudaMemsetAsync(y.as<void>(), 0, static_cast<size_t>(n * classes * byteSize(t)),
                               gpu_.stream()),
               "oneHot");
    withIndex(indexType, [&](auto kind) {
      withBits(t, [&](auto bits) {
        using Index = decltype(kind);
        using E = decltype(bits);
        launch(gpu_, "oneHot", gridFor(gpu_, n), setOnes<Index, E>, index.as<Index>(),
               static_cast<E>(one(t)), y.as<E>(), n, classes);
      });
    });
  };
}

}  // namespace gradus
