// What tests of graphs share: memory of a step, and how a capture ends.
#pragma once

#include <vector>

#include "tensors.h"

using Longs = std::vector<long>;

/** Memory of the backend for the length of a step. */
class Block {
 public:
  Block(Backend& backend, int64_t n) : backend_(backend), n_(n), at_(backend.allocate(4 * n)) {}
  ~Block() { backend_.release(at_, 4 * n_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  operator Out() const { return Out(at_); }
  operator In() const { return In(at_); }

 private:
  Backend& backend_;
  int64_t n_, at_;
};

inline int64_t finish(Backend& backend, const Longs& inputs, const Longs& seeds = {0}) {
  return backend.finishCapture(inputs.data(), static_cast<int64_t>(inputs.size() / 2), seeds.data(),
                               static_cast<int64_t>(seeds.size()));
}
