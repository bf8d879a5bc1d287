// Memory of one thread for packed operands of matrix products.
#pragma once

#include <new>

#include "cpu/system.h"

namespace gradus {

/** Floats that live on between calls, so that a step allocates nothing. */
class Buffer {
 public:
  Buffer() = default;
  ~Buffer() { release(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  float* atLeast(int64_t n) {
    if (n > size_) {
      release();
      data_ = static_cast<float*>(system::map(bytes(n)));
      if (data_ == nullptr) throw std::bad_alloc();
      size_ = n;
    }
    return data_;
  }

 private:
  /** Whole huge pages: a page of 4 KiB holds less than a tile's operands. */
  static int64_t bytes(int64_t n) {
    constexpr int64_t kHugePage = int64_t{2} << 20;
    return (n * static_cast<int64_t>(sizeof(float)) + kHugePage - 1) / kHugePage * kHugePage;
  }

  void release() {
    if (data_ != nullptr) system::unmap(data_, bytes(size_));
    data_ = nullptr;
    size_ = 0;
  }

  float* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace gradus
