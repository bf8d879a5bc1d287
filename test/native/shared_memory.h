// Memory that a test and the backend under test both see.
#pragma once

#include <cstdlib>
#include <new>

#if defined(GRADUS_TEST_GPU)
#include <cuda_runtime_api.h>
#endif

/** Ordinary memory, or, where a real GPU is tested, memory that it shares with the processor. */
inline void* allocateShared(size_t bytes) {
  void* block = nullptr;
#if defined(GRADUS_TEST_GPU)
  if (cudaMallocManaged(&block, bytes + 1) != cudaSuccess) block = nullptr;
#else
  block = std::malloc(bytes + 1);
#endif
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

inline void freeShared(void* block) {
#if defined(GRADUS_TEST_GPU)
  cudaFree(block);
#else
  std::free(block);
#endif
}

/** The same for containers. */
template <class T>
struct SharedMemory {
  using value_type = T;
  SharedMemory() = default;
  template <class U>
  SharedMemory(const SharedMemory<U>&) {}  // NOLINT
  T* allocate(size_t n) { return static_cast<T*>(allocateShared(n * sizeof(T))); }
  void deallocate(T* block, size_t) { freeShared(block); }
  bool operator==(const SharedMemory&) const { return true; }
  bool operator!=(const SharedMemory&) const { return false; }
};
