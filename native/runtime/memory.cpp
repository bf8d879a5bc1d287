#include "runtime/memory.h"

#include <utility>

namespace gradus {

namespace {
constexpr int64_t kAlignment = 64;
constexpr int64_t kLarge = Memory::kSlab / 4;  // from here on a block is its own mapping
constexpr int64_t kPage = 4096;

int64_t roundUp(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }
}  // namespace

Memory::Memory(Pages pages, int64_t limit)
    : pages_(std::move(pages)), small_(kLarge / kAlignment), limit_(limit) {}

Memory::~Memory() {
  trimLocked();
  for (void* slab : slabs_) pages_.unmap(slab, kSlab);
}

int64_t Memory::classSize(int64_t bytes) {
  if (bytes <= kAlignment) return kAlignment;
  int64_t quarter = kAlignment / 4;
  while (quarter * 8 < bytes) quarter *= 2;
  int64_t size = roundUp(bytes, quarter);
  return roundUp(size, size >= kLarge ? kPage : kAlignment);
}

void* Memory::allocate(int64_t bytes) {
  if (bytes < 0) return nullptr;
  std::lock_guard<std::mutex> lock(mutex_);
  if (bytes > limit_) {
    trimLocked();  // as where any other is refused: who asks what is free hears what could be had
    return nullptr;
  }
  int64_t size = classSize(bytes);
  void* block = size < kLarge ? allocateSmall(size) : allocateLarge(size);
  if (block != nullptr) used_ += size;
  return block;
}

void* Memory::allocateSmall(int64_t size) {
  Blocks& free = small_[size / kAlignment];
  if (!free.empty()) {
    void* block = free.back();
    free.pop_back();
    return block;
  }
  if (slabEnd_ - slabNext_ < size) {
    char* next = slab();
    if (next == nullptr) return nullptr;
    slabNext_ = next;
    slabEnd_ = next + kSlab;
  }
  void* block = slabNext_;
  slabNext_ += size;
  return block;
}

char* Memory::slab() {
  auto* slab = static_cast<char*>(fromSystem(kSlab));
  if (slab != nullptr) slabs_.push_back(slab);
  return slab;
}

void* Memory::reserve() {
  std::lock_guard<std::mutex> lock(mutex_);
  return slab();
}

void* Memory::allocateLarge(int64_t size) {
  auto found = large_.find(size);
  if (found != large_.end() && !found->second.empty()) {
    void* block = found->second.back();
    found->second.pop_back();
    return block;
  }
  return fromSystem(size);
}

void* Memory::fromSystem(int64_t size) {
  if (held_ + size > limit_) trimLocked();
  if (held_ + size > limit_) return nullptr;
  void* block = pages_.map(size);
  if (block == nullptr) {
    trimLocked();
    block = pages_.map(size);
  }
  if (block != nullptr) held_ += size;
  return block;
}

void Memory::release(void* block, int64_t bytes) {
  int64_t size = classSize(bytes);
  std::lock_guard<std::mutex> lock(mutex_);
  used_ -= size;
  (size < kLarge ? small_[size / kAlignment] : large_[size]).push_back(block);
}

void Memory::trim() {
  std::lock_guard<std::mutex> lock(mutex_);
  trimLocked();
  if (pages_.giveBack) pages_.giveBack();
}

void Memory::trimLocked() {
  for (auto& [size, blocks] : large_) {
    for (void* block : blocks) {
      pages_.unmap(block, size);
      held_ -= size;
    }
  }
  large_.clear();
}

int64_t Memory::used() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return used_;
}

int64_t Memory::held() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return held_;
}

}  // namespace gradus
