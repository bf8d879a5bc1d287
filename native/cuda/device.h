// What code on the device is made of. Tests compile the same sources for the host, where the names
// of CUDA stand for an emulator's.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "gradus/types.h"
#include "math/types.h"

/** Shared memory whose size the launch gives, as `unsigned char* name`, aligned to 128 bytes. */
#if defined(GRADUS_EMULATED)
#define GRADUS_SHARED(name) unsigned char* const name = emulator::dynamicShared()
#else
#define GRADUS_SHARED(name) extern __shared__ __align__(128) unsigned char name[]
#endif

namespace gradus {

/** Of the grid's blocks, counted along x, then y. */
__device__ inline int64_t blockIndex() {
  return static_cast<int64_t>(blockIdx.y) * gridDim.x + blockIdx.x;
}

/** Of all the grid's threads, and how many there are: of grids and blocks with one axis. */
__device__ inline int64_t threadIndex() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t threadCount() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

/** Calls f with an element of a floating type. */
template <class F>
void withFloating(DType type, F&& f) {
  if (type == DType::F32) return f(float());
  return type == DType::BF16 ? f(BF16()) : f(F16());
}

/** Calls f with an index of type I32 or I64. */
template <class F>
void withIndex(DType type, F&& f) {
  return type == DType::I32 ? f(int32_t()) : f(int64_t());
}

/** Calls f with an element of any type. */
template <class F>
void withElement(DType type, F&& f) {
  switch (type) {
    case DType::I32:
      return f(int32_t());
    case DType::I64:
      return f(int64_t());
    case DType::U8:
      return f(uint8_t());
    default:
      return withFloating(type, f);
  }
}

/** Calls f with a value of the unsigned type of an element's size: moving needs no more. */
template <class F>
void withBits(DType type, F&& f) {
  switch (byteSize(type)) {
    case 1:
      return f(uint8_t());
    case 2:
      return f(uint16_t());
    case 4:
      return f(uint32_t());
    default:
      return f(uint64_t());
  }
}

/** Calls f with a number of the type in which kernels divide positions up to n: 32 bits do it
 * several times as fast as 64. */
template <class F>
void withCount(int64_t n, F&& f) {
  return n <= INT32_MAX ? f(uint32_t()) : f(int64_t());
}

/** N elements that are loaded and stored at once. */
template <class E, int N>
struct alignas(N * sizeof(E)) Pack {
  E elements[N];
};

/** Calls f with a value of the widest type, up to 16 bytes, that may be moved at once where
 * addresses and distances are multiples of what they share with `bits`: they, or'ed. */
template <class F>
void withWidest(int64_t bits, F&& f) {
  if (bits % 16 == 0) return f(Pack<uint64_t, 2>());
  if (bits % 8 == 0) return f(uint64_t());
  if (bits % 4 == 0) return f(uint32_t());
  return bits % 2 == 0 ? f(uint16_t()) : f(uint8_t());
}

/** As many elements as 16 bytes hold. */
template <class E>
constexpr int kPack = 16 / static_cast<int>(sizeof(E));

/** Whether 16 bytes can be moved at once from there. */
inline bool isAligned(In x) { return x.address % 16 == 0; }

}  // namespace gradus
