// A caching allocator: blocks that are released are handed out again without asking the system.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace gradus {

/** Where blocks come from and go to: the system's pages, or a device's. */
struct Pages {
  std::function<void*(int64_t bytes)> map;  // 64-byte aligned at least; null where it refuses
  std::function<void(void* block, int64_t bytes)> unmap;
  std::function<void()> giveBack = {};  // what it keeps of what was unmapped; null: it keeps none
};

/**
 * Sizes are rounded up to classes, four to each doubling. Small blocks are cut from slabs; large
 * ones come from the system one by one, in huge pages where it has them. In a training loop each
 * step asks for the same sizes, so after the first step no page is new. Thread-safe.
 */
class Memory {
 public:
  static constexpr int64_t kSlab = int64_t{2} << 20;

  /** limit in bytes. */
  Memory(Pages pages, int64_t limit);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /** 64-byte aligned; null where the limit or the system refuses. 0 bytes take the smallest block.
   */
  void* allocate(int64_t bytes);
  /** `bytes` as given to allocate. */
  void release(void* block, int64_t bytes);
  /** kSlab bytes for as long as this lasts, held and used by no caller; null where refused. */
  void* reserve();
  /** Gives cached large blocks back to the system. */
  void trim();

  int64_t used() const;
  int64_t held() const;
  int64_t limit() const { return limit_; }

  /** The bytes that a request of `bytes` really takes. */
  static int64_t classSize(int64_t bytes);

 private:
  using Blocks = std::vector<void*>;

  void* allocateSmall(int64_t size);
  void* allocateLarge(int64_t size);
  void* fromSystem(int64_t size);
  char* slab();
  void trimLocked();

  const Pages pages_;
  mutable std::mutex mutex_;
  std::vector<Blocks> small_;  // by size in units of the alignment
  std::map<int64_t, Blocks> large_;
  Blocks slabs_;
  char* slabNext_ = nullptr;
  char* slabEnd_ = nullptr;
  int64_t used_ = 0;
  int64_t held_ = 0;
  int64_t limit_;
};

}  // namespace gradus
