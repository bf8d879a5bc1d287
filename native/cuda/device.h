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

/** N elements that are loaded and stored at once. */
template <class E, int N>
struct alignas(N * sizeof(E)) Pack {
  E elements[N];
};

/** As many elements as 16 bytes hold. */
template <class E>
constexpr int kPack = 16 / static_cast<int>(sizeof(E));

/** Whether 16 bytes can be moved at once from there. */
inline bool isAligned(In x) { return x.address % 16 == 0; }

}  // namespace gradus
