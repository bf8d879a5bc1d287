// Memory that a test and the backend under test both see.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(GRADUS_TEST_GPU)
#include <cuda_runtime_api.h>

#include <vector>

/** Pinned memory, which a GPU reads and writes where it stands. Pinning takes long, so blocks are
 * used again: by size, in powers of two. */
inline std::vector<void*>& freeBlocksOf(size_t bytes, size_t* size) {
  static std::vector<void*> blocks[48];
  int power = 8;
  while (size_t{1} << power < bytes) ++power;
  *size = size_t{1} << power;
  return blocks[power];
}
#endif

inline void* allocateShared(size_t bytes) {
  void* block = nullptr;
#if defined(GRADUS_TEST_GPU)
  size_t size;
  std::vector<void*>& blocks = freeBlocksOf(bytes, &size);
  if (!blocks.empty()) {
    block = blocks.back();
    blocks.pop_back();
  } else if (cudaHostAlloc(&block, size, cudaHostAllocMapped) != cudaSuccess) {
    block = nullptr;
  }
#else
  block = std::malloc(bytes + 1);
#endif
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

inline void freeShared(void* block, [[maybe_unused]] size_t bytes) {
#if defined(GRADUS_TEST_GPU)
  size_t size;
  freeBlocksOf(bytes, &size).push_back(block);
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
  void deallocate(T* block, size_t n) { freeShared(block, n * sizeof(T)); }
  bool operator==(const SharedMemory&) const { return true; }
  bool operator!=(const SharedMemory&) const { return false; }
};
