// Numbers that are others each time a captured step is replayed: learning rates, steps, seeds.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>
#include <vector>

#include "runtime/scratch.h"

namespace gradus {

/** A number, or a struct of some, that travels with a launch. In a captured step it lies in the
 * device's memory instead, where a replay finds what it is by then: see Gpu::live. */
template <class T>
class Live {
  static_assert(std::is_trivially_copyable_v<T>, "its bytes are copied");

 public:
  Live(const T& value, const void* at) : value_(value), at_(static_cast<const T*>(at)) {}

  __device__ T get() const { return at_ == nullptr ? value_ : *at_; }

 private:
  T value_;
  const T* at_;
};

class Gpu;

/** The block of a captured step that they lie in, and what is to be written to it. */
class LiveNumbers {
 public:
  /** Its memory on the device is from here. */
  explicit LiveNumbers(Memory& memory) : device_(memory, kBytes), host_(kBytes) {}

  /** Keeps the next value. Returns where it will lie on the device; null where no place is left. */
  const void* take(const void* value, int64_t bytes);

  /** Where the next value goes. */
  int64_t next() const { return next_; }
  void seek(int64_t next) { next_ = next; }
  /** Whether a value found no place since the last `clear`. */
  bool isFull() const { return full_; }
  void clear();

  /** Brings what was taken since the last time to the device, in the order of the stream. */
  void write(Gpu& gpu);

 private:
  static constexpr int64_t kBytes = int64_t{1} << 16;  // for some thousand calls

  Scratch<char> device_;
  std::vector<char> host_;
  int64_t next_ = 0;
  int64_t begin_ = kBytes, end_ = 0;  // what is not on the device yet
  bool full_ = false;
};

}  // namespace gradus
