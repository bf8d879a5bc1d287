// The device's memory, as it hands it out in the order of a stream.
#pragma once

#include <cuda_runtime.h>

#include "runtime/memory.h"

namespace gradus {

class Gpu;

/**
 * A pool of the stream-ordered allocator: a block is there for what the stream is given after it
 * was asked for, and is the pool's again once the stream has come past its end, so that nobody
 * waits for the device. What was taken from the device stays in the pool until giveBack. Where the
 * device has no such pools, blocks come from it one by one, and freeing one waits for all work.
 */
class StreamPool {
 public:
  StreamPool(Gpu& gpu, cudaStream_t stream);
  ~StreamPool();
  StreamPool(const StreamPool&) = delete;
  StreamPool& operator=(const StreamPool&) = delete;

  Pages pages();
  /** What was taken from the device and is in no block. */
  int64_t spareBytes() const;

 private:
  void* map(int64_t bytes);
  void unmap(void* block);
  void giveBack();
  cudaError_t take(void** block, int64_t bytes);

  Gpu& gpu_;
  const cudaStream_t stream_;
  cudaMemPool_t pool_ = nullptr;  // null where the device has none
};

}  // namespace gradus
