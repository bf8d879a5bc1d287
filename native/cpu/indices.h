// Indices and labels: the only operands that a kernel checks itself, as only it reads them.
#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "cpu/pool.h"
#include "gradus/types.h"

namespace gradus {

/** Calls body(const int32_t*) or body(const int64_t*), as the type says. */
template <class Body>
void withIndices(Type type, In index, Body&& body) {
  if (type == DType::I32) {
    body(index.as<int32_t>());
  } else {
    body(index.as<int64_t>());
  }
}

/** Whether 0 <= index < bound. */
inline bool inside(int64_t index, int64_t bound) {
  return static_cast<uint64_t>(index) < static_cast<uint64_t>(bound);
}

/**
 * Throws std::out_of_range for the first of n indices that is not good(index):
 * "gather: index 7 at position 3 is outside [0, 5)". Before the kernel, so that nothing is written
 * where one index is wrong, and so that the index named does not depend on threads.
 */
template <class Index, class Good>
void checkIndices(const std::string& opAndNoun, const char* place, const Index* index, int64_t n,
                  int64_t bound, Good&& good) {
  std::atomic<bool> bad{false};
  pool().split(n, 65536, [&](int64_t begin, int64_t end) {
    bool all = true;  // without an exit from the loop it vectorizes
    for (int64_t i = begin; i < end; ++i) all &= good(static_cast<int64_t>(index[i]));
    if (!all) bad = true;
  });
  if (!bad) return;
  int64_t first = 0;
  while (good(static_cast<int64_t>(index[first]))) ++first;
  throw std::out_of_range(opAndNoun + " " + std::to_string(index[first]) + " at " + place + " " +
                          std::to_string(first) + " is outside [0, " + std::to_string(bound) + ")");
}

template <class Index>
void checkIndices(const char* op, const Index* index, int64_t n, int64_t bound) {
  checkIndices(std::string(op) + ": index", "position", index, n, bound,
               [bound](int64_t i) { return inside(i, bound); });
}

}  // namespace gradus
