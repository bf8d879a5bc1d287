// The caching allocator: size classes, reuse, the limit and what trim gives back.
#include "runtime/memory.h"

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "cpu/system.h"

using gradus::Memory;

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kLimit = 4096 * kMiB;

const gradus::Pages kPages{gradus::system::map, gradus::system::unmap};

void classesAreCloseAndAligned() {
  int64_t before = 0;
  for (int64_t bytes = 0; bytes < 64 * kMiB; bytes += 1 + bytes / 97) {
    const int64_t size = Memory::classSize(bytes);
    CHECK(size >= bytes && size >= before && size % 64 == 0, "%ld for %ld", static_cast<long>(size),
          static_cast<long>(bytes));
    CHECK(bytes < 512 || size <= bytes + bytes / 4 + 64, "%ld for %ld", static_cast<long>(size),
          static_cast<long>(bytes));
    CHECK(Memory::classSize(size) == size, "%ld", static_cast<long>(size));
    before = size;
  }
}

void blocksAreAlignedAndApart() {
  Memory memory(kPages, kLimit);
  std::vector<std::pair<char*, int64_t>> blocks;
  for (int64_t bytes : {int64_t{0}, int64_t{1}, int64_t{63}, int64_t{64}, int64_t{65},
                        int64_t{1000}, int64_t{100000}, kMiB / 2, kMiB, 3 * kMiB + 1, 9 * kMiB}) {
    for (int i = 0; i < 5; ++i) {
      auto* block = static_cast<char*>(memory.allocate(bytes));
      CHECK(block != nullptr && reinterpret_cast<intptr_t>(block) % 64 == 0, "%ld bytes at %p",
            static_cast<long>(bytes), static_cast<void*>(block));
      std::memset(block, static_cast<int>(blocks.size()), static_cast<size_t>(bytes));
      blocks.emplace_back(block, bytes);
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    bool own = true;
    for (int64_t j = 0; j < blocks[i].second; ++j) {
      own = own && blocks[i].first[j] == static_cast<char>(i);
    }
    CHECK(own, "block %zu was overwritten", i);
    memory.release(blocks[i].first, blocks[i].second);
  }
  CHECK(memory.used() == 0, "used %ld", static_cast<long>(memory.used()));
}

void aReleasedBlockIsHandedOutAgain() {
  Memory memory(kPages, kLimit);
  for (int64_t bytes : {int64_t{100}, int64_t{5000}, 2 * kMiB, 20 * kMiB}) {
    void* first = memory.allocate(bytes);
    const int64_t used = memory.used(), held = memory.held();
    CHECK(used == Memory::classSize(bytes), "used %ld", static_cast<long>(used));
    memory.release(first, bytes);
    CHECK(memory.used() == 0, "used %ld", static_cast<long>(memory.used()));
    void* again = memory.allocate(bytes - 1);
    CHECK(again == first, "%ld bytes", static_cast<long>(bytes));
    CHECK(memory.held() == held, "held %ld, then %ld", static_cast<long>(held),
          static_cast<long>(memory.held()));
    memory.release(again, bytes - 1);
  }
}

void theLimitRefusesAndTrimmingMakesRoom() {
  Memory memory(kPages, 16 * kMiB);
  CHECK(memory.limit() == 16 * kMiB, "limit %ld", static_cast<long>(memory.limit()));
  memory.release(memory.allocate(3 * kMiB), 3 * kMiB);
  CHECK(memory.allocate(17 * kMiB) == nullptr, "over the limit");
  CHECK(memory.held() == 0, "who was refused is told of %ld", static_cast<long>(memory.held()));
  CHECK(memory.allocate(-1) == nullptr, "negative");
  void* a = memory.allocate(8 * kMiB);
  void* b = memory.allocate(8 * kMiB);
  CHECK(a != nullptr && b != nullptr, "up to the limit");
  CHECK(memory.allocate(kMiB) == nullptr, "beyond the limit");
  memory.release(a, 8 * kMiB);
  void* c = memory.allocate(4 * kMiB);  // a cached block of another size gives way
  CHECK(c != nullptr, "after a release");
  CHECK(memory.held() <= memory.limit(), "held %ld", static_cast<long>(memory.held()));
  memory.release(b, 8 * kMiB);
  memory.release(c, 4 * kMiB);
  CHECK(memory.held() > 0 && memory.used() == 0, "held %ld", static_cast<long>(memory.held()));
  memory.trim();
  CHECK(memory.held() == 0, "held %ld", static_cast<long>(memory.held()));
}

void whatIsReservedIsHeldAndUsedByNobody() {
  Memory memory(kPages, 16 * kMiB);
  auto* block = static_cast<char*>(memory.reserve());
  CHECK(block != nullptr && memory.used() == 0 && memory.held() == Memory::kSlab, "held %ld",
        static_cast<long>(memory.held()));
  std::memset(block, 7, static_cast<size_t>(Memory::kSlab));
  memory.trim();
  CHECK(memory.held() == Memory::kSlab && block[Memory::kSlab - 1] == 7, "it was given back");
  void* rest = memory.allocate(14 * kMiB);
  CHECK(rest != nullptr && memory.reserve() == nullptr, "beyond the limit");
  memory.release(rest, 14 * kMiB);
  CHECK(memory.reserve() != nullptr, "the cache did not give way");
}

/** A source that keeps what was unmapped until it is told to give it back. */
void trimmingReachesTheSource() {
  std::vector<std::pair<void*, int64_t>> kept;
  int times = 0;
  const gradus::Pages keeping{gradus::system::map,
                              [&](void* block, int64_t bytes) { kept.emplace_back(block, bytes); },
                              [&] {
                                ++times;
                                for (auto& [block, bytes] : kept) {
                                  gradus::system::unmap(block, bytes);
                                }
                                kept.clear();
                              }};
  Memory memory(keeping, 16 * kMiB);
  memory.release(memory.allocate(8 * kMiB), 8 * kMiB);
  void* other = memory.allocate(12 * kMiB);
  CHECK(other != nullptr && kept.size() == 1 && times == 0, "%d times within the limit", times);
  memory.release(other, 12 * kMiB);
  memory.trim();
  CHECK(kept.empty() && times == 1 && memory.held() == 0, "%d times", times);
}

void threadsShareIt() {
  Memory memory(kPages, kLimit);
  std::atomic<int> clashes{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 3000; ++round) {
        const int64_t bytes = 64 + round * 37 % 5000;
        auto* block = static_cast<unsigned char*>(memory.allocate(bytes));
        std::memset(block, thread, static_cast<size_t>(bytes));
        std::this_thread::yield();
        for (int64_t i = 0; i < bytes; ++i) clashes += block[i] != thread;
        memory.release(block, bytes);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(clashes == 0 && memory.used() == 0, "clashes %d", clashes.load());
}

}  // namespace

int main() {
  classesAreCloseAndAligned();
  blocksAreAlignedAndApart();
  aReleasedBlockIsHandedOutAgain();
  theLimitRefusesAndTrimmingMakesRoom();
  whatIsReservedIsHeldAndUsedByNobody();
  trimmingReachesTheSource();
  threadsShareIt();
  return report("memory_test");
}
