// How a backend library is opened: one exported symbol, `gradus_backend` or `gradus_cuda_backend`.
#pragma once

#include "gradus/backend.h"

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#define GRADUS_EXPORT extern "C" __declspec(dllexport)
#else
#include <dlfcn.h>
#define GRADUS_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace gradus {

/** blasPath names the OpenBLAS library, engine says whether matrix products go through our kernels
 * (0), it (1), or for each shape the faster of both (2); memoryLimit is in bytes, 0 for the
 * machine's memory. */
using OpenBackend = Backend* (*)(const char* blasPath, int engine, int threads,
                                 int64_t memoryLimit);

/** memoryLimit is in bytes, 0 for the device's memory. settings: lines `name=value`, which
 * cuda/settings.h lists. */
using OpenCudaBackend = Backend* (*)(int device, int64_t memoryLimit, const char* settings);

/** Opens the library at `path`; throws std::runtime_error with the system's reason. */
inline void* openLibrary(const char* path) {
#if defined(_WIN32)
  void* library = reinterpret_cast<void*>(LoadLibraryA(path));
  if (library == nullptr) {
    throw std::runtime_error(std::string("open: cannot load ") + path + ": error " +
                             std::to_string(GetLastError()));
  }
#else
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw std::runtime_error(std::string("open: cannot load ") + path + ": " + dlerror());
  }
#endif
  return library;
}

/** The address of an exported symbol; throws where the library lacks it. */
template <class Function>
Function findSymbol(void* library, const char* name) {
#if defined(_WIN32)
  void* symbol = reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
#else
  void* symbol = dlsym(library, name);
#endif
  if (symbol == nullptr) {
    throw std::runtime_error(std::string("open: library lacks the symbol ") + name);
  }
  return reinterpret_cast<Function>(symbol);
}

inline Backend* Backend::open(const char* path, const char* blasPath, int engine, int threads,
                              int64_t memoryLimit) {
  auto open = findSymbol<OpenBackend>(openLibrary(path), "gradus_backend");
  return open(blasPath, engine, threads, memoryLimit);
}

inline Backend* Backend::openCuda(const char* path, int device, int64_t memoryLimit,
                                  const char* settings) {
  auto open = findSymbol<OpenCudaBackend>(openLibrary(path), "gradus_cuda_backend");
  return open(device, memoryLimit, settings);
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
