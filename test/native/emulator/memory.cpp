// The emulated device's memory: blocks, pools in the order of a stream, and pinned memory. What is
// freed is overwritten, so that who still reads it computes NaN; a sanitizer sees it at once.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "state.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace emulator {

struct Pool {
  std::multimap<size_t, char*> free;  // by size; their streams have come past their end
  size_t reserved = 0, used = 0;
};

namespace {

constexpr size_t kHead = 256;  // stands before each block

struct Head {
  size_t bytes;
  Pool* pool;  // null for none
};

Head& headOf(void* block) { return *reinterpret_cast<Head*>(static_cast<char*>(block) - kHead); }

size_t taken() { return static_cast<size_t>(live.bytes + live.reserved); }

char* take(size_t bytes, Pool* pool) {
  if (taken() + bytes > limit()) return nullptr;
  auto* memory = static_cast<char*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256 + kHead));
  if (memory == nullptr) return nullptr;
  headOf(memory + kHead) = {bytes, pool};
  return memory + kHead;
}

void count(size_t bytes, int64_t blocks) {
  live.blocks += blocks;
  live.bytes += blocks * static_cast<int64_t>(bytes);
}

void poison(char* block, size_t bytes) {
  std::memset(block, 0xff, bytes);
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(block, bytes);
#endif
}

void unpoison([[maybe_unused]] char* block, [[maybe_unused]] size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(block, bytes);
#endif
}

void trim(Pool& pool, size_t keep) {
  while (pool.reserved > keep && !pool.free.empty()) {
    auto last = std::prev(pool.free.end());
    pool.reserved -= last->first;
    live.reserved -= static_cast<int64_t>(last->first);
    unpoison(last->second, last->first);
    std::free(last->second - kHead);
    pool.free.erase(last);
  }
}

/** A block of the pool that is free by now, or one of the device's. */
char* take(Pool& pool, size_t bytes) {
  auto found = pool.free.find(bytes);
  if (found == pool.free.end()) {
    char* block = take(bytes, &pool);
    if (block != nullptr) pool.reserved += bytes;
    return block;
  }
  char* block = found->second;
  pool.free.erase(found);
  live.reserved -= static_cast<int64_t>(bytes);
  unpoison(block, bytes);
  return block;
}

}  // namespace

size_t limit() {
  const char* megabytes = std::getenv("GRADUS_EMULATOR_MEMORY");
  return (megabytes == nullptr ? size_t{4096} : static_cast<size_t>(std::atoll(megabytes))) << 20;
}

}  // namespace emulator

using namespace emulator;  // NOLINT: this file is the other half of it

void gradus_emulator_live(Live* to) {
  std::lock_guard<std::recursive_mutex> lock(state);
  runAll();
  *to = live;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  std::lock_guard<std::recursive_mutex> lock(state);
  *total = limit();
  *free = *total - std::min(*total, taken());
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** to, size_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(state);
  *to = take(bytes, nullptr);
  if (*to == nullptr) return noted(cudaErrorMemoryAllocation);
  count(bytes, 1);
  return cudaSuccess;
}

cudaError_t cudaFree(void* block) {
  if (block == nullptr) return cudaSuccess;
  std::lock_guard<std::recursive_mutex> lock(state);
  runAll();
  const Head head = headOf(block);
  if (head.pool != nullptr) return noted(cudaErrorInvalidValue);
  count(head.bytes, -1);
  std::memset(block, 0xff, head.bytes);
  std::free(static_cast<char*>(block) - kHead);
  return cudaSuccess;
}

// Pools

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  const char* pools = std::getenv("GRADUS_EMULATOR_POOLS");
  *value = pools == nullptr ? 1 : std::atoi(pools);
  return cudaSuccess;
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  if (properties->allocType != cudaMemAllocationTypePinned ||
      properties->location.type != cudaMemLocationTypeDevice) {
    return noted(cudaErrorInvalidValue);
  }
  std::lock_guard<std::recursive_mutex> lock(state);
  *pool = new Pool();
  ++live.pools;
  return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  std::lock_guard<std::recursive_mutex> lock(state);
  runAll();
  if (pool->used > 0) return noted(cudaErrorInvalidValue);  // stricter than CUDA: a leak
  trim(*pool, 0);
  --live.pools;
  delete pool;
  return cudaSuccess;
}

/** Of the thresholds only that which keeps all is known here. */
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void* value) {
  uint64_t threshold;
  std::memcpy(&threshold, value, sizeof(threshold));
  const bool known = attribute == cudaMemPoolAttrReleaseThreshold && threshold == UINT64_MAX;
  return known ? cudaSuccess : noted(cudaErrorInvalidValue);
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  std::lock_guard<std::recursive_mutex> lock(state);
  const uint64_t bytes =
      attribute == cudaMemPoolAttrReservedMemCurrent ? pool->reserved : pool->used;
  std::memcpy(value, &bytes, sizeof(bytes));
  return cudaSuccess;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t keep) {
  std::lock_guard<std::recursive_mutex> lock(state);
  trim(*pool, keep);
  return cudaSuccess;
}

cudaError_t cudaMallocFromPoolAsync(void** to, size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> lock(state);
  if (stream->captured != nullptr) return noted(cudaErrorStreamCaptureUnsupported);
  char* block = take(*pool, bytes);
  if (block == nullptr) {
    // What the stream has freed, whether it has come there or not, can be had in its order.
    runAll();
    trim(*pool, 0);
    block = take(*pool, bytes);
  }
  *to = block;
  if (block == nullptr) return noted(cudaErrorMemoryAllocation);
  pool->used += bytes;
  count(bytes, 1);
  return cudaSuccess;
}

cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> lock(state);
  char* block = static_cast<char*>(memory);
  if (stream->captured != nullptr) return noted(cudaErrorStreamCaptureUnsupported);
  if (headOf(block).pool == nullptr) return noted(cudaErrorInvalidValue);
  return submit(stream, [block] {
    const Head head = headOf(block);
    head.pool->used -= head.bytes;
    count(head.bytes, -1);
    live.reserved += static_cast<int64_t>(head.bytes);
    poison(block, head.bytes);
    head.pool->free.emplace(head.bytes, block);
  });
}

// Pinned memory: a head of the same size says how much it is.

cudaError_t cudaHostAlloc(void** to, size_t bytes, unsigned) {
  std::lock_guard<std::recursive_mutex> lock(state);
  auto* memory = static_cast<char*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256 + kHead));
  if (memory == nullptr) return noted(cudaErrorMemoryAllocation);
  std::memset(memory, 0, bytes + kHead);
  headOf(memory + kHead) = {bytes, nullptr};
  ++live.pinnedBlocks;
  live.pinnedBytes += static_cast<int64_t>(bytes);
  *to = memory + kHead;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* block) {
  if (block == nullptr) return cudaSuccess;
  std::lock_guard<std::recursive_mutex> lock(state);
  runAll();
  --live.pinnedBlocks;
  live.pinnedBytes -= static_cast<int64_t>(headOf(block).bytes);
  std::free(static_cast<char*>(block) - kHead);
  return cudaSuccess;
}
