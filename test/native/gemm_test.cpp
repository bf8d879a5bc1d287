// Matrix products of a backend library against sums in double.
//
//   gemm_test BACKEND OPENBLAS
//
// Every operand ends where an unreadable page begins, so a kernel that reads or writes past the end
// crashes here. All of it runs in a process each for 1, 2 and 4 threads, and the three must agree
// to the bit; of a GPU's backend, twice in one process.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "math/types.h"
#include "open.h"
#include "shared_memory.h"

namespace {

using gradus::Backend;
using gradus::BF16;
using gradus::DType;
using gradus::F16;

/** Memory whose last byte is followed by a page that nobody may touch. */
class Guarded {
 public:
  explicit Guarded(size_t bytes) {
#if defined(GRADUS_TEST_GPU)
    bytes_ = bytes;  // shared memory cannot be guarded
    end_ = static_cast<char*>(allocateShared(bytes)) + bytes;
#else
    size_t page = static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
    bytes_ = (bytes + page - 1) / page * page;
    void* block =
        mmap(nullptr, bytes_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::runtime_error("mmap failed");
    end_ = static_cast<char*>(block) + bytes_;
    if (mprotect(end_, page, PROT_NONE) != 0) throw std::runtime_error("mprotect failed");
#endif
  }

  /** The last n elements before the guard. */
  template <class T>
  T* last(int64_t n) const {
    size_t bytes = static_cast<size_t>(n) * sizeof(T);
    if (bytes > bytes_) throw std::runtime_error("operand larger than its memory");
    return reinterpret_cast<T*>(end_ - bytes);
  }

 private:
  size_t bytes_;
  char* end_;
};

template <class T>
constexpr DType typeOf() {
  if (std::is_same<T, float>::value) return DType::F32;
  return std::is_same<T, BF16>::value ? DType::BF16 : DType::F16;
}

/** The largest error of a number of this type relative to what it stands for. */
template <class T>
constexpr double rounding() {
  if (std::is_same<T, float>::value) return 0;
  return std::is_same<T, BF16>::value ? 0x1p-8 : 0x1p-10;
}

struct Case {
  int64_t batch, m, n, k;
  int64_t aStride, bStride;  // 0 repeats one operand
  bool transposeA, transposeB;
};

class Checker {
 public:
  Checker(Backend* backend, bool gpu) : backend_(backend), gpu_(gpu) {}

  /** The bias is of b's type. */
  template <class A, class B = A, class Y = A>
  void check(const Case& c) {
    int64_t aSize = c.batch == 0 ? 0 : (c.batch - 1) * c.aStride + c.m * c.k;
    int64_t bSize = c.batch == 0 ? 0 : (c.batch - 1) * c.bStride + c.k * c.n;
    A* a = a_.last<A>(aSize);
    B* b = b_.last<B>(bSize);
    B* bias = bias_.last<B>(c.n);
    Y* y = y_.last<Y>(c.batch * c.m * c.n);
    fill(a, aSize);
    fill(b, bSize);
    fill(bias, c.n);
    multiply<A, B, Y>(c, a, b);
    for (int flags = 0; flags < 4; ++flags) {
      bool accumulate = flags & 1, withBias = flags & 2;
      before_.resize(sums_.size());
      for (size_t i = 0; i < sums_.size(); ++i) {
        // What y held must not matter where it is not added to.
        if (accumulate) fill(y + i, 1);
        if (!accumulate) gradus::math::store(std::numeric_limits<float>::quiet_NaN(), y + i);
        before_[i] = accumulate ? gradus::math::toFloat(y[i]) : 0;
      }
      backend_->matmul(typeOf<A>(), a, typeOf<B>(), b, typeOf<B>(),
                       withBias ? gradus::In(bias) : gradus::In(int64_t{0}), typeOf<Y>(), y,
                       c.batch, c.m, c.n, c.k, c.aStride, c.bStride, c.transposeA, c.transposeB,
                       accumulate);
      for (size_t i = 0; i < sums_.size(); ++i) {
        double add = withBias ? taken<A, B, Y>(bias[i % static_cast<size_t>(c.n)]) : 0;
        double expected = sums_[i] + before_[i] + add;
        double error = std::fabs(gradus::math::toFloat(y[i]) - expected);
        double size = magnitudes_[i] + std::fabs(before_[i]) + std::fabs(add);
        double bound = 1e-6 * size + rounding<Y>() * std::fabs(expected);
        if (!(error <= bound))
          fail(c, typeOf<A>(), typeOf<B>(), typeOf<Y>(), flags, i, gradus::math::toFloat(y[i]),
               expected);
      }
      digest(y, sums_.size() * sizeof(Y));
    }
  }

  int failures() const { return failures_; }
  uint64_t digest() const { return digest_; }

 private:
  template <class T>
  void fill(T* x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      gradus::math::store(static_cast<float>(static_cast<int32_t>(state_ >> 32)) * 0x1p-31f, x + i);
    }
  }

  /** An element of a, b or the bias, as the product takes it: beside a 16-bit operand and a result
   * of its type, a GPU rounds F32 to that type. */
  template <class A, class B, class Y, class T>
  float taken(T x) const {
    constexpr bool kOne = std::is_same<A, Y>::value || std::is_same<B, Y>::value;
    if (!gpu_ || !kOne || !std::is_same<T, float>::value) return gradus::math::toFloat(x);
    Y rounded;
    gradus::math::store(gradus::math::toFloat(x), &rounded);
    return gradus::math::toFloat(rounded);
  }

  /** The sums, and the sums of absolute values that bound their rounding. One thread makes them: a
   * sanitizer would find nothing and take most of its time here. */
  template <class A, class B, class Y>
  __attribute__((no_sanitize("thread"))) void multiply(const Case& c, const A* a, const B* b) {
    sums_.assign(static_cast<size_t>(c.batch * c.m * c.n), 0);
    magnitudes_.assign(sums_.size(), 0);
    right_.resize(static_cast<size_t>(c.k * c.n));
    for (int64_t p = 0; p < c.batch; ++p, a += c.aStride, b += c.bStride) {
      double* right = right_.data();
      for (int64_t l = 0; l < c.k; ++l) {
        for (int64_t j = 0; j < c.n; ++j) {
          right[l * c.n + j] = taken<A, B, Y>(b[c.transposeB ? j * c.k + l : l * c.n + j]);
        }
      }
      for (int64_t i = 0; i < c.m; ++i) {
        double* sum = sums_.data() + (p * c.m + i) * c.n;
        double* magnitude = magnitudes_.data() + (p * c.m + i) * c.n;
        for (int64_t l = 0; l < c.k; ++l) {
          double x = taken<A, B, Y>(a[c.transposeA ? l * c.m + i : i * c.k + l]);
          for (int64_t j = 0; j < c.n; ++j) {
            double product = x * right[l * c.n + j];
            sum[j] += product;
            magnitude[j] += std::fabs(product);
          }
        }
      }
    }
  }

  void fail(const Case& c, DType a, DType b, DType y, int flags, size_t at, double got,
            double expected) {
    if (++failures_ > 20) return;
    std::printf(
        "matmul %s x %s = %s, %lld x (%lld, %lld, %lld)%s%s%s%s: element %zu is %.9g, not %.9g\n",
        gradus::nameOf(a), gradus::nameOf(b), gradus::nameOf(y), static_cast<long long>(c.batch),
        static_cast<long long>(c.m), static_cast<long long>(c.n), static_cast<long long>(c.k),
        c.transposeA ? " transposeA" : "", c.transposeB ? " transposeB" : "",
        flags & 1 ? " accumulate" : "", flags & 2 ? " bias" : "", at, got, expected);
  }

  void digest(const void* data, size_t bytes) {  // FNV-1a
    auto* byte = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < bytes; ++i) digest_ = (digest_ ^ byte[i]) * 1099511628211u;
  }

  Backend* backend_;
  bool gpu_;
  Guarded a_{32 << 20}, b_{32 << 20}, bias_{1 << 16}, y_{8 << 20};
  std::vector<double> right_, sums_, magnitudes_;
  std::vector<float> before_;
  uint64_t state_ = 1;
  uint64_t digest_ = 14695981039346656037u;
  int failures_ = 0;
};

Case plain(int64_t m, int64_t n, int64_t k, int transposes) {
  return {1, m, n, k, m * k, k * n, (transposes & 1) != 0, (transposes & 2) != 0};
}

// Under it every access costs ten: all edges are checked by the other builds, on one thread as
// here.
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

/** All edges of all tiles; of OpenBLAS and cuBLASLt, whose tiles are not ours to test, those of
 * their blocks. */
void checkSmall(Checker& checker, bool ours) {
  std::vector<int64_t> sizes = {0,  1,  2,  3,  5,  7,  8,  9,  15, 16,
                                17, 23, 24, 25, 31, 33, 49, 63, 65, 97};
  if (!ours || kThreadSanitizer) sizes = {0, 1, 2, 17, 33, 65};
  for (int transposes = 0; transposes < 4; ++transposes) {
    for (int64_t m : sizes) {
      for (int64_t n : sizes) {
        for (int64_t k : sizes) {
          checker.check<float>(plain(m, n, k, transposes));
        }
      }
    }
  }
}

/** A multilayer perceptron's products, and one past every block; fewer of them where the blocks are
 * not ours. */
void checkLarge(Checker& checker, bool ours) {
  const int64_t sizes[][3] = {{32, 256, 784},  {64, 10, 256},   {256, 784, 33}, {10, 256, 300},
                              {257, 257, 257}, {1000, 3, 1000}, {3, 1000, 600}, {600, 520, 7},
                              {1, 5000, 100},  {5000, 1, 100},  {1, 1, 100000}, {130, 390, 770},
                              {520, 200, 300}, {300, 400, 700}};
  for (int transposes = 0; transposes < 4; transposes += ours ? 1 : 3) {
    for (auto& [m, n, k] : sizes) checker.check<float>(plain(m, n, k, transposes));
    checker.check<BF16, float, BF16>(plain(300, 520, 700, transposes));
    checker.check<BF16, BF16, float>(plain(520, 300, 270, transposes));
    checker.check<float>({3, 130, 97, 120, 130 * 120, 97 * 120, false, true});
  }
  if (ours) checker.check<float>(plain(257, 129, 17000, 1));  // k is cut in two
}

/** What is packed piece by piece: rows, columns, and k where sums are rounded. */
void checkPieces(Checker& checker) {
  checker.check<float>(plain(4100, 257, 1030, 0));
  checker.check<float>(plain(257, 4100, 1030, 2));
  checker.check<BF16, float, BF16>(plain(300, 130, 15000, 2));
}

void checkBatchesAndTypes(Checker& checker) {
  const int64_t sizes[][3] = {{3, 5, 7}, {17, 16, 33}, {97, 40, 65}, {3, 100, 40}};
  for (int transposes = 0; transposes < 4; ++transposes) {
    bool ta = (transposes & 1) != 0, tb = (transposes & 2) != 0;
    for (auto& [m, n, k] : sizes) {
      checker.check<BF16>(plain(m, n, k, transposes));
      checker.check<F16>(plain(m, n, k, transposes));
      checker.check<BF16, float, BF16>(plain(m, n, k, transposes));
      checker.check<F16, float, F16>(plain(m, n, k, transposes));
      checker.check<BF16, BF16, float>(plain(m, n, k, transposes));
      checker.check<float, F16, float>(plain(m, n, k, transposes));
      checker.check<float, BF16>(plain(m, n, k, transposes));
      checker.check<float, float, BF16>(plain(m, n, k, transposes));
      checker.check<BF16, BF16, F16>(plain(m, n, k, transposes));
      checker.check<BF16, F16, F16>(plain(m, n, k, transposes));
      for (int64_t batch : {0, 1, 2, 13}) {
        checker.check<float>({batch, m, n, k, m * k, k * n, ta, tb});
        checker.check<float>({batch, m, n, k, m * k, 0, ta, tb});
        checker.check<float>({batch, m, n, k, 0, k * n + 3, ta, tb});
        checker.check<BF16>({batch, m, n, k, m * k + 1, 0, ta, tb});
      }
    }
  }
}

/** Column sums, of one task and of several. */
template <class T, class Y>
int checkColumnSums(Backend* backend, int64_t rows, int64_t cols) {
  Guarded input(4 << 20), output(1 << 16);
  T* x = input.last<T>(rows * cols);
  Y* y = output.last<Y>(cols);
  for (int64_t i = 0; i < rows * cols; ++i) {
    gradus::math::store(static_cast<float>(i * 31 % 101) / 64, x + i);
  }
  int failures = 0;
  for (bool accumulate : {false, true}) {
    for (int64_t j = 0; j < cols; ++j) gradus::math::store(accumulate ? 3.0f : NAN, y + j);
    backend->columnSums(typeOf<T>(), x, typeOf<Y>(), y, rows, cols, accumulate);
    for (int64_t j = 0; j < cols; ++j) {
      double sum = accumulate ? 3 : 0;
      for (int64_t i = 0; i < rows; ++i) sum += gradus::math::toFloat(x[i * cols + j]);
      double error = std::fabs(gradus::math::toFloat(y[j]) - sum);
      if (error <= (1e-6 + rounding<Y>()) * sum) continue;
      if (++failures < 5) {
        std::printf("columnSums %s to %s (%lld, %lld): element %lld is %.9g, not %.9g\n",
                    gradus::nameOf(typeOf<T>()), gradus::nameOf(typeOf<Y>()),
                    static_cast<long long>(rows), static_cast<long long>(cols),
                    static_cast<long long>(j), gradus::math::toFloat(y[j]), sum);
      }
    }
  }
  return failures;
}

int checkColumnSums(Backend* backend) {
  int failures = 0;
  const int64_t sizes[][2] = {{0, 3},     {1, 1},     {3, 0},   {7, 65},
                              {300, 130}, {129, 513}, {41, 64}, {5000, 96}};
  for (auto& [rows, cols] : sizes) {
    failures += checkColumnSums<float, float>(backend, rows, cols);
    failures += checkColumnSums<BF16, float>(backend, rows, cols);
    failures += checkColumnSums<F16, F16>(backend, rows, cols);
  }
  return failures;
}

struct Result {
  int failures;
  uint64_t digest;
};

/** Checks in a process of their own; a crash counts as a failure. */
Result runWith(int threads, bool useBlas, const char* backend, const char* openBlas) {
  int channel[2];
  if (pipe(channel) != 0) throw std::runtime_error("pipe failed");
  pid_t child = fork();
  if (child == 0) {
    Backend* opened = openBackend(backend, openBlas, threads, useBlas);
    Checker shared(opened, false), rest(opened, false);
    checkLarge(shared, true);
    checkBatchesAndTypes(shared);
    if (threads == 1) checkSmall(rest, !useBlas);
    if (threads == 1 && !useBlas && !kThreadSanitizer) checkPieces(rest);
    int failures = shared.failures() + rest.failures() + checkColumnSums(opened);
    Result result{failures, shared.digest()};
    std::fflush(stdout);
    _exit(write(channel[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
  }
  close(channel[1]);
  Result result{1, 0};
  bool complete = read(channel[0], &result, sizeof(result)) == sizeof(result);
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!complete) std::printf("%d threads: ended by signal %d\n", threads, WTERMSIG(status));
  return result;
}

int checkGpu(const char* backend, const char* libraries) {
  Backend* opened = openBackend(backend, libraries);
  Checker first(opened, true), again(opened, true), rest(opened, true);
  checkBatchesAndTypes(first);
  checkBatchesAndTypes(again);
  int failures = first.digest() != again.digest();
  if (failures > 0) std::printf("the second time gives other bits than the first\n");
  checkLarge(rest, false);
  checkSmall(rest, false);
  return failures + first.failures() + rest.failures() + checkColumnSums(opened);
}

int checkCpu(const char* backend, const char* openBlas) {
  int failures = 0;
  for (bool useBlas : {false, true}) {
    if (useBlas && kThreadSanitizer) continue;  // it cannot look into OpenBLAS
    Result one = runWith(1, useBlas, backend, openBlas);
    failures += one.failures;
    for (int threads : {2, 4}) {
      if (kThreadSanitizer && threads > 2) continue;
      Result more = runWith(threads, useBlas, backend, openBlas);
      failures += more.failures;
      if (more.digest != one.digest) {
        std::printf("%s: %d threads give other bits than 1\n", useBlas ? "OpenBLAS" : "own",
                    threads);
        ++failures;
      }
    }
  }
  return failures;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::printf("usage: gemm_test BACKEND OPENBLAS\n");
    return 2;
  }
  const bool gpu = std::string(arguments[1]).find("_cuda") != std::string::npos;
  const int failures =
      gpu ? checkGpu(arguments[1], arguments[2]) : checkCpu(arguments[1], arguments[2]);
  std::printf("gemm_test: %d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
