#include "cuda/stream_pool.h"

#include <cstdint>

#include "cuda/gpu.h"

namespace gradus {

StreamPool::StreamPool(Gpu& gpu, cudaStream_t stream) : gpu_(gpu), stream_(stream) {
  int supported = 0;
  gpu.use();
  gpu.check(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, gpu.index()),
            "to ask for memory pools");
  if (supported == 0) return;
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.handleTypes = cudaMemHandleTypeNone;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = gpu.index();
  gpu.check(cudaMemPoolCreate(&pool_, &properties), "a memory pool");
  // Else each wait for the device would give back what the pool has to spare.
  uint64_t all = UINT64_MAX;
  gpu.check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &all), "a memory pool");
}

StreamPool::~StreamPool() {
  if (pool_ != nullptr) cudaMemPoolDestroy(pool_);
}

Pages StreamPool::pages() {
  return {[this](int64_t bytes) { return map(bytes); },
          [this](void* block, int64_t) { unmap(block); }, [this] { giveBack(); }};
}

int64_t StreamPool::spareBytes() const {
  if (pool_ == nullptr) return 0;
  uint64_t reserved = 0, used = 0;
  gpu_.check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved),
             "to ask for free memory");
  gpu_.check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used),
             "to ask for free memory");
  return reserved > used ? static_cast<int64_t>(reserved - used) : 0;
}

cudaError_t StreamPool::take(void** block, int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  return pool_ != nullptr ? cudaMallocFromPoolAsync(block, size, pool_, stream_)
                          : cudaMalloc(block, size);
}

void* StreamPool::map(int64_t bytes) {
  gpu_.use();
  void* block = nullptr;
  cudaError_t result = take(&block, bytes);
  if (result == cudaErrorMemoryAllocation && pool_ != nullptr) {
    // What the pool has to spare may lie in pieces, each too small.
    cudaGetLastError();
    giveBack();
    result = take(&block, bytes);
  }
  if (result == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  gpu_.check(result, "memory");
  return block;
}

void StreamPool::unmap(void* block) {
  gpu_.use();
  if (pool_ != nullptr) {
    cudaFreeAsync(block, stream_);
  } else {
    cudaFree(block);
  }
}

void StreamPool::giveBack() {
  if (pool_ == nullptr) return;
  gpu_.use();
  // The pool gives back only what the stream has come past.
  gpu_.check(cudaStreamSynchronize(stream_), "to give memory back");
  gpu_.check(cudaMemPoolTrimTo(pool_, 0), "to give memory back");
}

}  // namespace gradus
