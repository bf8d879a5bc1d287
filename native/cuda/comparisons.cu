// Comparisons of two operands and the choice between two.
#include "cuda/backend.h"
#include "cuda/loops.h"

namespace gradus {

namespace {

// What elements are compared as: integers keep every bit.
__device__ float comparable(float x) { return x; }
__device__ float comparable(BF16 x) { return math::toFloat(x); }
__device__ float comparable(F16 x) { return math::toFloat(x); }
template <class Integer>
__device__ Integer comparable(Integer x) {
  return x;
}

struct Equal {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a != b;
  }
};
struct Less {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a <= b;
  }
};

/** Of an operand, those for N elements that follow each other in y: N from x on, or x again and
 * again. */
template <int N, class E>
__device__ Pack<E, N> load(const E* x, bool repeats) {
  if (!repeats) return *reinterpret_cast<const Pack<E, N>*>(x);
  Pack<E, N> pack;
#pragma unroll
  for (E& element : pack.elements) element = *x;
  return pack;
}

/** Of n elements, N at a time; each element's offsets are its own where N is 1. */
template <int N, class Index, class E, class F>
__global__ void compare(const E* a, const E* b, uint8_t* y, int64_t n, detail::Strides<2> space,
                        F f) {
  const bool aRepeats = space.strides[0][space.rank - 1] == 0;
  const bool bRepeats = space.strides[1][space.rank - 1] == 0;
  for (int64_t i = threadIndex() * N; i < n; i += threadCount() * N) {
    int64_t at[2];
    space.offsets(static_cast<Index>(i), at);
    const Pack<E, N> left = load<N>(a + at[0], aRepeats), right = load<N>(b + at[1], bRepeats);
    Pack<uint8_t, N> result;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      result.elements[j] = f(comparable(left.elements[j]), comparable(right.elements[j])) ? 1 : 0;
    }
    *reinterpret_cast<Pack<uint8_t, N>*>(y + i) = result;
  }
}

template <int N, class Index, class E>
__global__ void choose(const uint8_t* mask, const E* a, const E* b, E* y, int64_t n,
                       detail::Strides<3> space) {
  const bool maskRepeats = space.strides[0][space.rank - 1] == 0;
  const bool aRepeats = space.strides[1][space.rank - 1] == 0;
  const bool bRepeats = space.strides[2][space.rank - 1] == 0;
  for (int64_t i = threadIndex() * N; i < n; i += threadCount() * N) {
    int64_t at[3];
    space.offsets(static_cast<Index>(i), at);
    const Pack<uint8_t, N> choice = load<N>(mask + at[0], maskRepeats);
    Pack<E, N> result = load<N>(a + at[1], aRepeats);
    const Pack<E, N> other = load<N>(b + at[2], bRepeats);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      if (choice.elements[j] == 0) result.elements[j] = other.elements[j];
    }
    *reinterpret_cast<Pack<E, N>*>(y + i) = result;
  }
}

/** Whether N elements that follow each other in y can be loaded at once from an operand of this
 * address: all of them or, where it repeats one, that one. */
template <int N>
bool packs(const Space& space, int operand, In x, int64_t elementBytes) {
  const int64_t* strides = space.strides[operand];
  if (strides[space.rank - 1] == 0) return true;
  if (strides[space.rank - 1] != 1 || x.address % (N * elementBytes) != 0) return false;
  for (int axis = 0; axis < space.rank - 1; ++axis) {
    if (strides[axis] % N != 0) return false;
  }
  return true;
}

/** y = f(a, b), on floats for floating types and on integers for the others. */
template <class F>
void compare(Gpu& gpu, const char* name, DType t, In a, In b, Out y, int64_t n, Dims dims, F f) {
  const Space space(dims, 2, n);
  withElement(t, [&](auto element) {
    withCount(n, [&](auto count) {
      using E = decltype(element);
      using Index = decltype(count);
      constexpr int N = kPack<E>;
      auto run = [&](auto* kernel, int each) {
        launch(gpu, name, gridFor(gpu, n / each), kernel, a.as<E>(), b.as<E>(), y.as<uint8_t>(), n,
               detail::Strides<2>(space), f);
      };
      if (space.sizes[space.rank - 1] % N == 0 && y.address % N == 0 &&
          packs<N>(space, 0, a, sizeof(E)) && packs<N>(space, 1, b, sizeof(E))) {
        run(compare<N, Index, E, F>, N);
      } else {
        run(compare<1, Index, E, F>, 1);
      }
    });
  });
}

}  // namespace

void CudaBackend::addComparisons() {
  equal = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(gpu_, "equal", t, a, b, y, n, dims, Equal());
  };

  notEqual = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(gpu_, "notEqual", t, a, b, y, n, dims, NotEqual());
  };

  less = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(gpu_, "less", t, a, b, y, n, dims, Less());
  };

  lessEqual = [this](Type t, In a, In b, Out y, int64_t n, Dims dims) {
    compare(gpu_, "lessEqual", t, a, b, y, n, dims, LessEqual());
  };

  where = [this](Type t, In mask, In a, In b, Out y, int64_t n, Dims dims) {
    const Space space(dims, 3, n);
    withBits(t, [&](auto bits) {
      withCount(n, [&](auto count) {
        using E = decltype(bits);
        using Index = decltype(count);
        constexpr int N = kPack<E>;
        auto run = [&](auto* kernel, int each) {
          launch(gpu_, "where", gridFor(gpu_, n / each), kernel, mask.as<uint8_t>(), a.as<E>(),
                 b.as<E>(), y.as<E>(), n, detail::Strides<3>(space));
        };
        if (space.sizes[space.rank - 1] % N == 0 && isAligned(y) && packs<N>(space, 0, mask, 1) &&
            packs<N>(space, 1, a, sizeof(E)) && packs<N>(space, 2, b, sizeof(E))) {
          run(choose<N, Index, E>, N);
        } else {
          run(choose<1, Index, E>, 1);
        }
      });
    });
  };
}

}  // namespace gradus
