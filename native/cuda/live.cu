#include <algorithm>
#include <cstring>

#include "cuda/launch.h"
#include "cuda/live.h"

namespace gradus {

namespace {

constexpr int64_t kSlot = 16;   // what places are multiples of
constexpr int kTogether = 192;  // slots that fit among a launch's parameters

struct Slots {
  uint4 at[kTogether];
};

__global__ void store(uint4* to, int count, Slots slots) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < count) to[i] = slots.at[i];
}

}  // namespace

const void* LiveNumbers::take(const void* value, int64_t bytes) {
  const int64_t end = next_ + ceilDivide(bytes, kSlot) * kSlot;
  if (end > kBytes) {
    full_ = true;
    return nullptr;
  }
  std::memcpy(host_.data() + next_, value, static_cast<size_t>(bytes));
  begin_ = std::min(begin_, next_);
  end_ = std::max(end_, end);
  return device_.data() + std::exchange(next_, end);
}

void LiveNumbers::clear() {
  next_ = 0;
  full_ = false;
}

/** As parameters of launches: those are copied at once, so nothing waits for an earlier replay. */
void LiveNumbers::write(Gpu& gpu) {
  for (; begin_ < end_; begin_ += kTogether * kSlot) {
    Slots slots;
    const int64_t bytes = std::min(end_ - begin_, int64_t{sizeof(slots)});
    std::memcpy(&slots, host_.data() + begin_, static_cast<size_t>(bytes));
    launch(gpu, "replay", Grid{dim3(1)}, store, reinterpret_cast<uint4*>(device_.data() + begin_),
           static_cast<int>(bytes / kSlot), slots);
  }
  begin_ = kBytes;
  end_ = 0;
}

}  // namespace gradus
