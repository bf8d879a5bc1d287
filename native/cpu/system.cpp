#include "cpu/system.h"

#include <cstdint>

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace gradus::system {

#if defined(_WIN32)

void* map(int64_t bytes) {
  return VirtualAlloc(nullptr, static_cast<SIZE_T>(bytes), MEM_RESERVE | MEM_COMMIT,
                      PAGE_READWRITE);
}

void unmap(void* block, int64_t) { VirtualFree(block, 0, MEM_RELEASE); }

void nameThread(const char*) {}

int64_t physicalMemory() {
  MEMORYSTATUSEX status;
  status.dwLength = sizeof(status);
  GlobalMemoryStatusEx(&status);
  return static_cast<int64_t>(status.ullTotalPhys);
}

#else

namespace {
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kPage = 4096;
}  // namespace

void* map(int64_t bytes) {
  // Only whole aligned huge pages are backed by one, so the block begins with the first of them.
  const int64_t spare = bytes >= kHugePage ? kHugePage : 0;
  void* mapped = mmap(nullptr, static_cast<size_t>(bytes + spare), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (spare == 0) return mapped;
  auto* start = static_cast<char*>(mapped);
  const auto past = static_cast<int64_t>(reinterpret_cast<uintptr_t>(mapped) % kHugePage);
  const int64_t before = past == 0 ? 0 : kHugePage - past;
  if (before > 0) munmap(start, static_cast<size_t>(before));
  char* block = start + before;
  const int64_t after = (spare - before) / kPage * kPage;
  const int64_t end = (bytes + kPage - 1) / kPage * kPage;
  if (after > 0) munmap(block + end, static_cast<size_t>(after));
#if defined(MADV_HUGEPAGE)
  // A fault costs microseconds whatever the page's size: one for 2 MiB instead of 512.
  madvise(block, static_cast<size_t>(bytes), MADV_HUGEPAGE);
#endif
  return block;
}

void unmap(void* block, int64_t bytes) { munmap(block, static_cast<size_t>(bytes)); }

void nameThread(const char* name) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), name);
#else
  static_cast<void>(name);
#endif
}

int64_t physicalMemory() {
  return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
}

#endif

}  // namespace gradus::system
