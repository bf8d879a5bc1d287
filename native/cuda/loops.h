// Elementwise kernels: y = f(x), y = f(a, b), and the same with broadcasting.
//
// They compute in float whatever the stored type. Bytes are all they cost, so they move 16 at a
// time where the addresses allow it.
#pragma once

#include "cuda/device.h"
#include "cuda/launch.h"
#include "runtime/space.h"

namespace gradus {

/** A function of one float, as an object that kernels can be compiled for. */
template <float (*F)(float)>
struct Function {
  __device__ float operator()(float x) const { return F(x); }
};

/** A function of two. */
template <float (*F)(float, float)>
struct Function2 {
  __device__ float operator()(float a, float b) const { return F(a, b); }
};

namespace detail {

template <int N, class E, class F>
__global__ void map1(const E* x, E* y, int64_t n, F f) {
  const int64_t packs = n / N;
  for (int64_t i = threadIndex(); i < packs; i += threadCount()) {
    Pack<E, N> p = reinterpret_cast<const Pack<E, N>*>(x)[i];
#pragma unroll
    for (int j = 0; j < N; ++j) math::store(f(math::toFloat(p.elements[j])), &p.elements[j]);
    reinterpret_cast<Pack<E, N>*>(y)[i] = p;
  }
  for (int64_t i = packs * N + threadIndex(); i < n; i += threadCount()) {
    math::store(f(math::toFloat(x[i])), y + i);
  }
}

template <int N, class E, class F>
__global__ void map2(const E* a, const E* b, E* y, int64_t n, F f) {
  const int64_t packs = n / N;
  for (int64_t i = threadIndex(); i < packs; i += threadCount()) {
    Pack<E, N> p = reinterpret_cast<const Pack<E, N>*>(a)[i];
    const Pack<E, N> q = reinterpret_cast<const Pack<E, N>*>(b)[i];
#pragma unroll
    for (int j = 0; j < N; ++j) {
      math::store(f(math::toFloat(p.elements[j]), math::toFloat(q.elements[j])), &p.elements[j]);
    }
    reinterpret_cast<Pack<E, N>*>(y)[i] = p;
  }
  for (int64_t i = packs * N + threadIndex(); i < n; i += threadCount()) {
    math::store(f(math::toFloat(a[i]), math::toFloat(b[i])), y + i);
  }
}

/** A Space as it travels with a launch. */
template <int Operands>
struct Strides {
  explicit Strides(const Space& space) : rank(space.rank) {
    for (int axis = 0; axis < rank; ++axis) {
      sizes[axis] = space.sizes[axis];
      for (int k = 0; k < Operands; ++k) strides[k][axis] = space.strides[k][axis];
    }
  }

  /** Where element i of the space lies in each operand. An Index of 32 bits divides faster. */
  template <class Index>
  __device__ void offsets(Index i, int64_t* at) const {
    for (int k = 0; k < Operands; ++k) at[k] = 0;
    for (int axis = rank - 1; axis > 0; --axis) {
      const Index size = static_cast<Index>(sizes[axis]), outer = i / size;
      const int64_t index = i - outer * size;
      i = outer;
      for (int k = 0; k < Operands; ++k) at[k] += index * strides[k][axis];
    }
    for (int k = 0; k < Operands; ++k) at[k] += i * strides[k][0];
  }

  int rank;
  int64_t sizes[Space::kMaxRank];
  int64_t strides[Operands][Space::kMaxRank];
};

template <class E, class F>
__global__ void broadcast2(const E* a, const E* b, E* y, int64_t n, Strides<2> space, F f) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    int64_t at[2];
    space.offsets(i, at);
    math::store(f(math::toFloat(a[at[0]]), math::toFloat(b[at[1]])), y + i);
  }
}

}  // namespace detail

/** y = f(x), element for element; y may be x. */
template <class F>
void map(Gpu& gpu, const char* name, DType t, In x, Out y, int64_t n, F f) {
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    constexpr int N = kPack<E>;
    const E* from = x.as<E>();
    E* to = y.as<E>();
    if (isAligned(x) && isAligned(y)) {
      launch(gpu, name, gridFor(gpu, ceilDivide(n, N)), detail::map1<N, E, F>, from, to, n, f);
    } else {
      launch(gpu, name, gridFor(gpu, n), detail::map1<1, E, F>, from, to, n, f);
    }
  });
}

/** y = f(a, b), element for element; y may be a or b. */
template <class F>
void map(Gpu& gpu, const char* name, DType t, In a, In b, Out y, int64_t n, F f) {
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    constexpr int N = kPack<E>;
    const E *left = a.as<E>(), *right = b.as<E>();
    E* to = y.as<E>();
    if (isAligned(a) && isAligned(b) && isAligned(y)) {
      launch(gpu, name, gridFor(gpu, ceilDivide(n, N)), detail::map2<N, E, F>, left, right, to, n,
             f);
    } else {
      launch(gpu, name, gridFor(gpu, n), detail::map2<1, E, F>, left, right, to, n, f);
    }
  });
}

/** y = f(a, b) with the operands' strides; y is contiguous. */
template <class F>
void broadcast(Gpu& gpu, const char* name, DType t, In a, In b, Out y, int64_t n, Dims dims, F f) {
  const Space space(dims, 2, n);
  if (space.rank == 1 && space.innerStride(0) == 1 && space.innerStride(1) == 1) {
    return map(gpu, name, t, a, b, y, n, f);
  }
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    launch(gpu, name, gridFor(gpu, n), detail::broadcast2<E, F>, a.as<E>(), b.as<E>(), y.as<E>(), n,
           detail::Strides<2>(space), f);
  });
}

}  // namespace gradus
