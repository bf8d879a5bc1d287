// The few calls whose form differs between operating systems.
#pragma once

#include <cstdint>

namespace gradus::system {

/** Fresh zeroed pages, 64-byte aligned at least, in huge pages where the system has them; or null.
 */
void* map(int64_t bytes);
void unmap(void* block, int64_t bytes);

/** What lists of threads call this one: at most 15 letters. */
void nameThread(const char* name);

/** Bytes of memory in this machine. */
int64_t physicalMemory();

}  // namespace gradus::system
