// Stores that go past the caches.
#pragma once

#include <cstdint>

namespace gradus {

/**
 * An ordinary store first reads the line that it overwrites; past the caches it does not, which
 * saves a third of the traffic of y = f(x). It pays where the output would leave the cache before
 * anyone reads it: from about the size of a last-level cache on.
 */
constexpr int64_t kStreamed = int64_t{16} << 20;

/** Copies past the caches whole lines, and the rest as memcpy does. */
void stream(const void* from, void* to, int64_t bytes);

/** Makes the calling thread's streamed stores visible: to be called before its task ends. */
void fence();

}  // namespace gradus
