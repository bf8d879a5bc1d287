// Pinned memory by which data goes up while the device computes.
#pragma once

#include <mutex>

#include "cuda/gpu.h"
#include "gradus/types.h"

namespace gradus {

/** Blocks that are filled in turn. One is filled again when the device has read it, which by then
 * it mostly has. */
class Staging {
 public:
  explicit Staging(Gpu& gpu);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /** When it returns, `from` may be changed. Thread-safe. */
  void upload(Out to, const void* from, int64_t bytes);

 private:
  static constexpr int kBlocks = 8;
  static constexpr int64_t kBytes = int64_t{1} << 20;

  void open();

  Gpu& gpu_;
  std::mutex mutex_;
  char* memory_ = nullptr;
  cudaEvent_t read_[kBlocks] = {};
  int next_ = 0;
};

}  // namespace gradus
