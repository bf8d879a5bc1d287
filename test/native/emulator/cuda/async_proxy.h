// Dynamic shared memory as tensor cores see it, which read it by a way of their own: what a thread
// has written is there once that thread has called fence.proxy.async. Of bytes that cp.async
// brought it is known who wrote them; plain stores count as fenced with any fence that comes after
// them.
#pragma once

#include <cuda_runtime.h>

#include <cstring>
#include <vector>

namespace emulator {
/** What dynamic shared memory is full of at first: large, and not a number that a kernel put there.
 */
constexpr unsigned char kFresh = 0x7f;
}  // namespace emulator

namespace gradus::ptx::detail {

constexpr int kMostThreads = 1024;

class AsyncProxy {
 public:
  static constexpr size_t kChunk = 16;

  /** Bytes that `thread` brought to shared memory. */
  void wrote(const void* to, size_t bytes, int thread) {
    begin();
    const size_t at = offsetOf(to);
    if (at >= seen_.size()) return;  // not dynamic
    for (size_t chunk = at / kChunk; chunk * kChunk < at + bytes; ++chunk) {
      writers_[chunk] = thread;
      written_[thread].push_back(chunk);
    }
  }

  void fence(int thread) {
    begin();
    for (size_t chunk : written_[thread]) {
      if (writers_[chunk] == thread) show(chunk);
    }
    written_[thread].clear();
    fenced_ = true;
  }

  /** Fails where tensor cores would not see what lies there. */
  void check(const unsigned char* from) {
    begin();
    const size_t at = offsetOf(from);
    if (at % kChunk != 0) emulator::fail("wgmma reads what is not aligned to 16 bytes");
    if (at + kChunk > seen_.size()) emulator::fail("wgmma reads beyond dynamic shared memory");
    const size_t chunk = at / kChunk;
    if (writers_[chunk] != kNobody) {
      emulator::fail("wgmma reads what cp.async brought and no fence.proxy.async came after");
    }
    if (std::memcmp(&seen_[at], from, kChunk) == 0) return;
    if (!fenced_) emulator::fail("wgmma reads what was stored and no fence.proxy.async came after");
    for (size_t c = 0; c < writers_.size(); ++c) {
      if (writers_[c] == kNobody) show(c);
    }
    fenced_ = false;
  }

 private:
  static constexpr int kNobody = -1;

  void begin() {
    if (block_ == emulator::blockNumber()) return;
    block_ = emulator::blockNumber();
    const size_t chunks = emulator::dynamicSharedBytes() / kChunk;
    writers_.assign(chunks, kNobody);
    for (auto& chunksOf : written_) chunksOf.clear();
    seen_.assign(chunks * kChunk, emulator::kFresh);
    fenced_ = false;
  }

  static size_t offsetOf(const void* x) {
    return static_cast<size_t>(static_cast<const unsigned char*>(x) - emulator::dynamicShared());
  }

  void show(size_t chunk) {
    std::memcpy(&seen_[chunk * kChunk], emulator::dynamicShared() + chunk * kChunk, kChunk);
    writers_[chunk] = kNobody;
  }

  uint64_t block_ = 0;
  std::vector<unsigned char> seen_;
  std::vector<int> writers_;  // of each chunk that came and is not fenced
  std::vector<size_t> written_[kMostThreads];
  bool fenced_ = false;  // since all of memory was shown
};
inline AsyncProxy asyncProxy;

}  // namespace gradus::ptx::detail
