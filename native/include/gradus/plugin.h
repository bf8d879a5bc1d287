#pragma once

#include <dlfcn.h>

#include "gradus/backend.h"

namespace gradus {

inline Backend* Backend::open(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw std::runtime_error(std::string("backend: cannot be opened: ") + dlerror());
  }
  using Entry = Backend* (*)();
  auto entry = reinterpret_cast<Entry>(dlsym(library, "gradus_backend"));
  if (entry == nullptr) {
    throw std::runtime_error(std::string("backend: not a backend of gradus: ") + path);
  }
  return entry();
}

inline int Backend::cpuLevel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return 4;
  if (__builtin_cpu_supports("x86-64-v3")) return 3;
  if (__builtin_cpu_supports("x86-64-v2")) return 2;
  return 1;
#else
  return 0;
#endif
}

}  // namespace gradus
