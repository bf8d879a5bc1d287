// What this machine can do at most, for the roofline: `peaks THREADS` prints a line of JSON. Each
// figure is the best of many short tries, because anything else that runs only takes away from it;
// those called typical are the median, which is what was left to measure with.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr double kSeconds = 0.4;               // for each figure
constexpr int64_t kMemory = int64_t{1} << 28;  // bytes of an array far larger than any cache
constexpr int64_t kCache = int64_t{800}
                           << 10;  // bytes of an array as large as the MLP's parameters

typedef float Vector256 __attribute__((vector_size(32)));
typedef float Vector512 __attribute__((vector_size(64)));

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// Threads that start each try together. The calling thread is the first of them.
class Team {
 public:
  explicit Team(int size) : size_(size) {
    for (int i = 1; i < size; i++) {
      threads_.emplace_back([this, i] { serve(i); });
    }
  }

  ~Team() {
    work_ = nullptr;
    arrive();
    for (auto& thread : threads_) thread.join();
  }

  int size() const { return size_; }

  // Seconds that all threads together take for work(i).
  double time(const std::function<void(int)>& work) {
    work_ = &work;
    arrive();
    double start = now();
    work(0);
    arrive();
    return now() - start;
  }

 private:
  void serve(int i) {
    while (true) {
      arrive();
      if (work_ == nullptr) return;
      (*work_)(i);
      arrive();
    }
  }

  // A barrier that spins: waking a sleeping thread takes longer than a try in cache.
  void arrive() {
    int64_t generation = generation_.load();
    if (waiting_.fetch_add(1) + 1 == size_) {
      waiting_ = 0;
      generation_ = generation + 1;
      return;
    }
    for (int spins = 0; generation_.load() == generation; spins++) {
      if (spins > 10000) std::this_thread::yield();
    }
  }

  int size_;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<int> waiting_{0};
  std::atomic<int64_t> generation_{0};
  std::vector<std::thread> threads_;
};

struct Rate {
  double best, typical;  // typical: as other programs on the machine leave it
};

// The highest and the median rate, where a try does this much.
Rate rate(Team& team, double amount, const std::function<void(int)>& work) {
  team.time(work);
  std::vector<double> times;
  for (double end = now() + kSeconds; now() < end;) times.push_back(team.time(work));
  std::sort(times.begin(), times.end());
  return {amount / times.front() / 1e9, amount / times[times.size() / 2] / 1e9};
}

double best(Team& team, double amount, const std::function<void(int)>& work) {
  return rate(team, amount, work).best;
}

// Enough independent sums to hide the latency of a multiply-add on two ports.
template <class Vector>
void multiplyAdd(float* sink, int64_t rounds) {
  constexpr int kSums = 12;
  Vector sums[kSums];  // that differ, lest the compiler make one of them
  for (int i = 0; i < kSums; i++) sums[i] = Vector{} + static_cast<float>(i);
  Vector a = Vector{} + sink[0], b = Vector{} + sink[1];
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; i++) sums[i] = sums[i] * a + b;
  }
  for (int i = 1; i < kSums; i++) sums[0] += sums[i];
  for (size_t i = 0; i < sizeof(Vector) / 4; i++) sink[2] += sums[0][i];
}

template <class Vector>
Rate flops(Team& team) {
  constexpr int64_t kRounds = 20000;
  std::vector<float> sinks(team.size() * 64, 0.5f);  // a cache line each, and more
  double amount = 2.0 * kRounds * 12 * (sizeof(Vector) / 4) * team.size();
  return rate(team, amount, [&](int i) { multiplyAdd<Vector>(&sinks[i * 64], kRounds); });
}

// The innermost loop of a matrix product, all of whose operands lie in L1: a tile of 8 x 48 sums
// with AVX-512, 4 x 24 with AVX2. For 24 (12) multiply-adds it reads 3 vectors and 8 (4) floats.
template <class Vector>
struct Tile {
  static constexpr int kRows = sizeof(Vector) == 64 ? 8 : 4, kVectors = 3, kSteps = 128;
  alignas(64) float a[kRows * kSteps];
  alignas(64) Vector b[kVectors * kSteps];

  Tile() {
    std::fill(a, a + kRows * kSteps, 0.5f);
    for (Vector& v : b) v = Vector{} + 0.25f;
  }

  void run(int64_t rounds) {
    for (int64_t r = 0; r < rounds; r++) {
      Vector sums[kRows][kVectors] = {};
#pragma GCC unroll 2
      for (int l = 0; l < kSteps; l++) {
#pragma GCC unroll 8
        for (int i = 0; i < kRows; i++) {
#pragma GCC unroll 3
          for (int v = 0; v < kVectors; v++) {
            sums[i][v] += a[l * kRows + i] * b[l * kVectors + v];
          }
        }
      }
      for (int i = 0; i < kRows; i++) {
        for (int v = 0; v < kVectors; v++) asm volatile("" ::"x"(sums[i][v]));
      }
    }
  }
};

template <class Vector>
Rate tileFlops(Team& team) {
  constexpr int64_t kRounds = 100;
  using T = Tile<Vector>;
  std::vector<std::unique_ptr<T>> tiles;
  for (int i = 0; i < team.size(); i++) tiles.push_back(std::make_unique<T>());
  double each = 2.0 * kRounds * T::kSteps * T::kRows * T::kVectors * (sizeof(Vector) / 4);
  return rate(team, each * team.size(), [&](int i) { tiles[i]->run(kRounds); });
}

struct Rates {
  double read, triad, update;
};

// GB/s that pass between the cores and three arrays of so many bytes, split among the threads.
Rates bandwidth(Team& team, int64_t bytes) {
  typedef Vector512 Vector;
  int64_t n = bytes / sizeof(Vector) / team.size() * team.size(), part = n / team.size();
  int64_t room = (3 * bytes + kHugePage - 1) / kHugePage * kHugePage;
  std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(kHugePage, room),
                                                     std::free);
  auto* x = static_cast<Vector*>(memory.get());
  Vector* y = x + n;
  Vector* z = y + n;
  // Each thread touches its own part first; where it is small, once more for each try to be long
  // enough.
  int64_t repeats = std::max<int64_t>(1, (int64_t{1} << 26) / bytes);
  team.time([&](int t) {
    for (int64_t i = t * part; i < (t + 1) * part; i++) x[i] = y[i] = z[i] = Vector{} + 1.0f;
  });
  auto over = [&](double arrays, auto&& loop) {
    double amount = arrays * n * sizeof(Vector) * repeats;
    return best(team, amount, [&](int t) {
      for (int64_t r = 0; r < repeats; r++) {
        loop(t * part, (t + 1) * part);
        asm volatile("" ::: "memory");  // every repeat counts
      }
    });
  };
  Rates rates;
  std::vector<float> sinks(team.size() * 64);
  rates.read = over(1, [&](int64_t from, int64_t to) {
    Vector s0{}, s1{}, s2{}, s3{};
    int64_t i = from;
    for (; i + 4 <= to; i += 4) s0 += x[i], s1 += x[i + 1], s2 += x[i + 2], s3 += x[i + 3];
    s0 += s1 + s2 + s3;
    for (int k = 0; k < 16; k++) sinks[from / part * 64] += s0[k];
  });
  rates.triad = over(3, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) z[i] = x[i] + y[i] * 0.5f;
  });
  // What an optimizer does: it writes back what it has read.
  rates.update = over(3, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) x[i] = x[i] * 0.5f + y[i];
  });
  return rates;
}

}  // namespace

int main(int argc, char** argv) {
  int threads = argc == 2 ? std::atoi(argv[1]) : 0;
  if (threads < 1 || threads > 1024) {
    std::fprintf(stderr, "peaks: threads must lie in 1 to 1024: peaks THREADS\n");
    return 1;
  }
  Team team(threads);
  Rate narrow = flops<Vector256>(team), wide = flops<Vector512>(team);
  bool isWide = wide.best > narrow.best;
  Rate fma = isWide ? wide : narrow;
  Rate tile = isWide ? tileFlops<Vector512>(team) : tileFlops<Vector256>(team);
  Rates memory = bandwidth(team, kMemory), cache = bandwidth(team, kCache);
  std::printf(
      "{\"threads\":%d,\"vector_bits\":%d,\"fma_gflops\":%.1f,\"typical_fma_gflops\":%.1f,"
      "\"tile_gflops\":%.1f,\"typical_tile_gflops\":%.1f,\"read_gbs\":%.1f,\"triad_gbs\":%.1f,"
      "\"update_gbs\":%.1f,\"cache_read_gbs\":%.1f,\"cache_triad_gbs\":%.1f,\"cache_update_gbs\":%."
      "1f}\n",
      threads, isWide ? 512 : 256, fma.best, fma.typical, tile.best, tile.typical, memory.read,
      memory.triad, memory.update, cache.read, cache.triad, cache.update);
  return 0;
}
