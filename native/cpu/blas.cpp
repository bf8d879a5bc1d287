#include "cpu/blas.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>

#include "cpu/gemm_buffer.h"
#include "cpu/gemm_epilogue.h"
#include "cpu/pool.h"
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

// Smaller products may be computed inside a task, where a time says little.
constexpr int64_t kLeastTimed = int64_t{1} << 20;

Sgemm cblasSgemm = nullptr;
std::string description = "no OpenBLAS";
std::atomic<Engine> engine{Engine::Own};

thread_local Buffer blockSums;

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

/** One block, on the calling thread. */
void multiply(const Product& p) {
  bool onTop = p.accumulate || p.bias != nullptr;
  if (onTop) storeBias(p);
  bool transposeA = p.a.column != 1, transposeB = p.b.column != 1;
  // A single row or column leaves its stride free, but BLAS insists on one that spans the other
  // side.
  int64_t aRow = std::max(transposeA ? p.a.column : p.a.row, transposeA ? p.m : p.k);
  int64_t bRow = std::max(transposeB ? p.b.column : p.b.row, transposeB ? p.k : p.n);
  cblasSgemm(kRowMajor, transposeA ? kTransposed : kPlain, transposeB ? kTransposed : kPlain,
             blasSize(p.m), blasSize(p.n), blasSize(p.k), 1, p.a.floats(), blasSize(aRow),
             p.b.floats(), blasSize(bRow), onTop ? 1 : 0, p.y.floats(),
             blasSize(std::max(p.y.row, p.n)));
}

/** The same with an epilogue: OpenBLAS has none, so the sums pass through a block of their own. */
void multiplyAndFinish(const Product& p) {
  float* sums = blockSums.atLeast(p.m * p.n);
  // The bias first, as without an epilogue, so that the result has the same bits.
  multiply({p.m, p.n, p.k, p.a, p.b, p.bias, {DType::F32, sums, p.n}, false});
  Product rest = p;
  rest.bias = nullptr;
  finish(sums, p.n, rest);
}

/** Which engine is the faster for each shape that has come by. */
class Contest {
 public:
  bool blasWins(const Product& p, void (*own)(const Product&)) {
    const Shape shape{p.m, p.n, p.k, p.a.column != 1, p.b.column != 1};
    {
      std::lock_guard<std::mutex> lock(mutex_);
      auto known = blasWins_.find(shape);
      if (known != blasWins_.end()) return known->second;
      if (blasWins_.size() == kMostShapes) return false;
    }
    // Unlocked: whoever else times the same shape meanwhile takes the verdict that came first.
    const bool wins = isFaster(p, own);
    std::lock_guard<std::mutex> lock(mutex_);
    return blasWins_.emplace(shape, wins).first->second;
  }

 private:
  using Shape = std::tuple<int64_t, int64_t, int64_t, bool, bool>;
  static constexpr size_t kMostShapes = 1024;

  /** On the operands themselves, in turn, into memory of its own. */
  static bool isFaster(Product p, void (*own)(const Product&)) {
    constexpr int kRounds = 4;  // the first warms the caches
    Buffer result;
    p.y = {DType::F32, result.atLeast(p.m * p.n), p.n};
    p.accumulate = false;
    double ownBest = std::numeric_limits<double>::infinity(), blasBest = ownBest;
    for (int round = 0; round < kRounds; ++round) {
      const double ownTime = seconds([&] { own(p); }), blasTime = seconds([&] { blasGemm(p); });
      if (round == 0) continue;
      ownBest = std::min(ownBest, ownTime);
      blasBest = std::min(blasBest, blasTime);
    }
    return blasBest < ownBest;
  }

  template <class Work>
  static double seconds(Work&& work) {
    auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  std::mutex mutex_;
  std::map<Shape, bool> blasWins_;
};

/** Never deleted: pool threads outlive static destructors. */
Contest& contest() {
  static Contest* shared = new Contest;
  return *shared;
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

void setEngine(Engine chosen) {
  if (chosen != Engine::Own && cblasSgemm == nullptr) {
    throw std::runtime_error(
        "gemm: there is no OpenBLAS to multiply with: none was opened; choose the engine own");
  }
  engine = chosen;
}

bool usesBlas() { return engine == Engine::OpenBlas; }

bool onlyOwn() { return engine == Engine::Own; }

bool usesBlas(const Product& p, void (*own)(const Product&)) {
  if (engine != Engine::Auto) return usesBlas();
  const bool plain = p.a.type == DType::F32 && p.b.type == DType::F32 && p.y.type == DType::F32 &&
                     p.bias == nullptr && p.epilogue.empty() && p.rowSums == nullptr;
  return plain && p.m * p.n * p.k > kLeastTimed && contest().blasWins(p, own);
}

std::string blasDescription() { return description; }

void blasGemm(const Product& p) {
  // Blocks of up to a million multiplications meet OpenBLAS's kernels that pack nothing; where k is
  // too long for that, blocks have to be large enough for packing to pay.
  constexpr int64_t kUnpacked = 1000000;
  constexpr int64_t kLong = 1024;
  int64_t rows = p.k < kLong ? 32 : 256;
  int64_t columns =
      p.k < kLong ? std::clamp<int64_t>(kUnpacked / (rows * p.k) / 16 * 16, 16, 64) : 256;
  int64_t down = (p.m + rows - 1) / rows, across = (p.n + columns - 1) / columns;
  pool().run(down * across, [&](int64_t task) {
    int64_t i = task / across * rows, j = task % across * columns;
    Product part = p.part(i, std::min(rows, p.m - i), j, std::min(columns, p.n - j));
    p.epilogue.empty() ? multiply(part) : multiplyAndFinish(part);
  });
}

}  // namespace gradus
