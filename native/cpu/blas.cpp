#include "cpu/blas.h"

#include <cstdlib>
#include <limits>

#include "gradus/plugin.h"

namespace gradus {

namespace {

// From cblas.h, as OpenBLAS is built with 32-bit sizes.
using Sgemm = void (*)(int order, int transposeA, int transposeB, int m, int n, int k, float alpha,
                       const float* a, int lda, const float* b, int ldb, float beta, float* c,
                       int ldc);
constexpr int kRowMajor = 101;
constexpr int kPlain = 111;
constexpr int kTransposed = 112;

Sgemm cblasSgemm = nullptr;
std::string description = "no OpenBLAS";

/** An environment variable that OpenBLAS reads while it loads; others in this process keep theirs.
 */
class LoadTimeVariable {
 public:
  LoadTimeVariable(const char* name, const char* value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    had_ = before != nullptr;
    set(value);
  }
  ~LoadTimeVariable() { set(had_ ? before_.c_str() : nullptr); }
  LoadTimeVariable(const LoadTimeVariable&) = delete;
  LoadTimeVariable& operator=(const LoadTimeVariable&) = delete;

 private:
  void set(const char* value) {
#if defined(_WIN32)
    _putenv_s(name_, value == nullptr ? "" : value);
#else
    value == nullptr ? unsetenv(name_) : setenv(name_, value, 1);
#endif
  }

  const char* name_;
  std::string before_;
  bool had_;
};

/**
 * libopenblas finds libgfortran beside itself, but libgfortran looks for libquadmath only where the
 * system keeps its libraries. Opened here first, it is found by name wherever it came from.
 */
void openQuadmathBeside(const std::string& path) {
#if defined(__linux__)
  std::string folder = path.substr(0, path.rfind('/') + 1);
  dlopen((folder + "libquadmath.so.0").c_str(), RTLD_NOW | RTLD_LOCAL);
#else
  (void)path;
#endif
}

int blasSize(int64_t size) {
  if (size > std::numeric_limits<int>::max()) {
    throw std::invalid_argument("matmul: size " + std::to_string(size) +
                                " is not supported: sizes end at 2147483647; split the operands");
  }
  return static_cast<int>(size);
}

}  // namespace

void openBlas(const char* path) {
  void* library;
  {
    LoadTimeVariable threads("OPENBLAS_NUM_THREADS", "1");
    LoadTimeVariable timeout("OPENBLAS_THREAD_TIMEOUT", "4");
    openQuadmathBeside(path);
    library = openLibrary(path);
  }
  cblasSgemm = findSymbol<Sgemm>(library, "cblas_sgemm");
  findSymbol<void (*)(int)>(library, "openblas_set_num_threads")(1);
  // "OpenBLAS 0.3.31 DYNAMIC_ARCH ..." and the name of the processor it chose its kernels for.
  std::string config = findSymbol<const char* (*)()>(library, "openblas_get_config")();
  std::string core = findSymbol<const char* (*)()>(library, "openblas_get_corename")();
  size_t space = config.find(' ');
  size_t version = space == std::string::npos ? space : config.find(' ', space + 1);
  description = config.substr(0, version) + " " + core;
}

std::string blasDescription() { return description; }

void sgemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha,
           const float* a, int64_t aRow, const float* b, int64_t bRow, float beta, float* y,
           int64_t yRow) {
  cblasSgemm(kRowMajor, transposeA ? kTransposed : kPlain, transposeB ? kTransposed : kPlain,
             blasSize(m), blasSize(n), blasSize(k), alpha, a, blasSize(aRow), b, blasSize(bRow),
             beta, y, blasSize(yRow));
}

}  // namespace gradus
