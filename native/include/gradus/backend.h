#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#ifdef _WIN32
#define GRADUS_EXPORT __declspec(dllexport)
#else
#define GRADUS_EXPORT __attribute__((visibility("default")))
#endif

namespace gradus {

/** A set of kernels for one kind of device: the whole boundary between Java and native code. */
class Backend {
 public:
  virtual ~Backend() = default;

  /** Opens the backend in the shared library at path; it stays open as long as the process. */
  static Backend* open(const char* path);

  /** The highest x86-64 level (1 to 4) that this machine runs, 0 on other processors. */
  static int cpuLevel();

  /** The name of the library, such as "cpu_v3". */
  virtual const char* name() = 0;

  /** y = a x + y over n floats, x and y given by their addresses. */
  virtual void axpy(float, int64_t, int64_t, int64_t) { unsupported("axpy"); }

 protected:
  [[noreturn]] void unsupported(const char* op) {
    throw std::runtime_error(std::string(op) + ": not supported on " + name());
  }
};

}  // namespace gradus
