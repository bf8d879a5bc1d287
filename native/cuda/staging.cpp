#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace gradus {

Staging::Staging(Gpu& gpu) : gpu_(gpu) {}

Staging::~Staging() {
  for (cudaEvent_t read : read_) {
    if (read != nullptr) cudaEventDestroy(read);
  }
  cudaFreeHost(memory_);
}

void Staging::open() {
  gpu_.check(
      cudaHostAlloc(reinterpret_cast<void**>(&memory_), kBlocks * kBytes, cudaHostAllocDefault),
      "pinned memory");
  for (cudaEvent_t& read : read_) {
    gpu_.check(cudaEventCreateWithFlags(&read, cudaEventDisableTiming), "an event");
  }
}

void Staging::upload(Out to, const void* from, int64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  gpu_.use();
  if (memory_ == nullptr) open();
  for (int64_t done = 0; done < bytes; done += kBytes) {
    const auto piece = static_cast<size_t>(std::min(kBytes, bytes - done));
    char* block = memory_ + next_ * kBytes;
    gpu_.check(cudaEventSynchronize(read_[next_]), "upload");
    std::memcpy(block, static_cast<const char*>(from) + done, piece);
    gpu_.check(
        cudaMemcpyAsync(to.as<char>() + done, block, piece, cudaMemcpyHostToDevice, gpu_.stream()),
        "upload");
    gpu_.check(cudaEventRecord(read_[next_], gpu_.stream()), "upload");
    next_ = (next_ + 1) % kBlocks;
  }
}

}  // namespace gradus
