// The thread pool: every task runs once, whoever calls, from wherever, and whatever it throws.
#include "cpu/pool.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

using gradus::Pool;

namespace {

void everyTaskRunsOnce(Pool& pool) {
  for (int64_t count : {0, 1, 2, 3, 7, 100, 10007}) {
    std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
    pool.run(count, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
    bool once = true;
    for (auto& n : runs) once = once && n == 1;
    CHECK(once, "count %ld on %d threads", static_cast<long>(count), pool.threads());
  }
}

void manySmallJobsInARow(Pool& pool) {
  std::atomic<int64_t> sum{0};
  for (int job = 0; job < 20000; ++job) {
    pool.run(1 + job % 5, [&](int64_t i) { sum += i + 1; });
  }
  CHECK(sum == 20000 / 5 * (1 + 3 + 6 + 10 + 15), "sum %ld", static_cast<long>(sum));
}

void splitCoversTheRange(Pool& pool) {
  for (int64_t n : {0, 1, 9, 10, 11, 99, 1000}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
    std::atomic<bool> short_{true};
    pool.split(n, 10, [&](int64_t begin, int64_t end) {
      if (end - begin > 10 || begin % 10 != 0) short_ = false;
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    bool once = true;
    for (auto& s : seen) once = once && s == 1;
    CHECK(once && short_, "n %ld", static_cast<long>(n));
  }
}

void aFailureReachesTheCallerAndThePoolGoesOn(Pool& pool) {
  for (int round = 0; round < 200; ++round) {
    std::string message;
    try {
      pool.run(64, [&](int64_t i) {
        if (i % 7 == 3) throw std::runtime_error("task failed");
      });
    } catch (const std::runtime_error& e) {
      message = e.what();
    }
    CHECK(message == "task failed", "got '%s'", message.c_str());
    std::atomic<int> runs{0};
    pool.run(8, [&](int64_t) { ++runs; });
    CHECK(runs == 8, "runs %d", runs.load());
  }
}

void aJobInsideATaskRuns(Pool& pool) {
  std::atomic<int> runs{0};
  pool.run(16,
           [&](int64_t) { pool.run(16, [&](int64_t) { pool.run(4, [&](int64_t) { ++runs; }); }); });
  CHECK(runs == 16 * 16 * 4, "runs %d", runs.load());
}

void callersAtTheSameTimeAllFinish(Pool& pool) {
  std::atomic<int64_t> runs{0}, caught{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&, caller] {
      for (int job = 0; job < 2000; ++job) {
        try {
          pool.run(9, [&](int64_t i) {
            ++runs;
            if (caller == 0 && i == 8) throw std::runtime_error("mine");
          });
        } catch (const std::runtime_error&) {
          if (caller == 0) ++caught;
        }
      }
    });
  }
  for (auto& caller : callers) caller.join();
  // Alone in its caller a job ends at its first failure, which here is in its last task.
  CHECK(runs == 6 * 2000 * 9, "runs %ld", static_cast<long>(runs));
  CHECK(caught == 2000, "caught %ld", static_cast<long>(caught));
}

void aPoolThatSleptWakes(Pool& pool) {
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> runs{0};
    pool.run(32, [&](int64_t) { ++runs; });
    CHECK(runs == 32, "runs %d", runs.load());
  }
}

}  // namespace

int main() {
  static Pool* pools[9];  // never deleted, as in a process: their workers do not end
  for (int threads : {1, 2, 3, 8}) {
    Pool& pool = *(pools[threads] = new Pool(threads));
    CHECK(pool.threads() == threads, "threads %d", pool.threads());
    everyTaskRunsOnce(pool);
    manySmallJobsInARow(pool);
    splitCoversTheRange(pool);
    aFailureReachesTheCallerAndThePoolGoesOn(pool);
    aJobInsideATaskRuns(pool);
    callersAtTheSameTimeAllFinish(pool);
    aPoolThatSleptWakes(pool);
  }
  return report("pool_test");
}
