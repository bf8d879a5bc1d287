// Memory that a kernel needs while it runs.
#pragma once

#include <cstdint>
#include <new>

#include "runtime/memory.h"

namespace gradus {

/** `n` elements, not cleared, from the backend's cache: the same call finds the same pages again.
 */
template <class T>
class Scratch {
 public:
  Scratch(Memory& memory, int64_t n)
      : memory_(memory), bytes_(n * static_cast<int64_t>(sizeof(T))), data_(nullptr) {
    if (n == 0) return;
    data_ = memory.allocate(bytes_);
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~Scratch() {
    if (data_ != nullptr) memory_.release(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return static_cast<T*>(data_); }

 private:
  Memory& memory_;
  int64_t bytes_;
  void* data_;
};

}  // namespace gradus
