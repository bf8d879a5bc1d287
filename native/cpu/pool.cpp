#include "cpu/pool.h"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "cpu/system.h"

namespace gradus {

namespace {

// About 50 microseconds of pauses: longer than the gap between two kernels of a step, shorter than
// anything a person or another process would notice.
constexpr int kSpins = 2000;
constexpr int64_t kMaxTasks = int64_t{1} << 31;

inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Pool::Pool(int threads) : threads_(threads < 1 ? 1 : threads), parts_(new Part[threads_]) {
  for (int i = 1; i < threads_; ++i) {
    std::thread([this, i] {
      system::nameThread(("gradus-" + std::to_string(i)).c_str());
      work(i);
    }).detach();  // workers live as long as the process
  }
}

void Pool::start(int64_t count, Call call, void* body) {
  if (count >= kMaxTasks) throw std::invalid_argument("pool: too many tasks");
  if (busy_.exchange(true, std::memory_order_acquire)) return runSerial(count, call, body);
  call_ = call;
  body_ = body;
  finished_.store(0, std::memory_order_relaxed);
  for (int t = 0; t < threads_; ++t) {
    const auto begin = static_cast<uint64_t>(count * t / threads_);
    const auto end = static_cast<uint64_t>(count * (t + 1) / threads_);
    parts_[t].tickets.store(end << 32 | begin);
  }
  if (sleepers_.load() > 0) {
    std::lock_guard<std::mutex> lock(sleep_);
    wake_.notify_all();
  }
  int64_t task;
  while (claim(0, &task)) execute(task);
  for (int spins = 0; finished_.load(std::memory_order_acquire) != count; ++spins) {
    if (spins < kSpins) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
  std::exception_ptr failure;
  if (failed_.load(std::memory_order_relaxed)) {
    failure = failure_;
    failure_ = nullptr;
    failed_.store(false, std::memory_order_relaxed);
  }
  busy_.store(false, std::memory_order_release);
  if (failure) std::rethrow_exception(failure);
}

void Pool::runSerial(int64_t count, Call call, void* body) {
  for (int64_t i = 0; i < count; ++i) call(body, i);
}

bool Pool::claim(int thread, int64_t* task) {
  for (int i = 0; i < threads_; ++i) {
    std::atomic<uint64_t>& tickets = parts_[(thread + i) % threads_].tickets;
    uint64_t seen = tickets.load();
    while ((seen & 0xffffffffu) < (seen >> 32)) {
      if (tickets.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) {
        *task = static_cast<int64_t>(seen & 0xffffffffu);
        return true;
      }
    }
  }
  return false;
}

bool Pool::hasTasks() const {
  for (int t = 0; t < threads_; ++t) {
    const uint64_t seen = parts_[t].tickets.load();
    if ((seen & 0xffffffffu) < (seen >> 32)) return true;
  }
  return false;
}

void Pool::execute(int64_t task) {
  try {
    call_(body_, task);
  } catch (...) {
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
  finished_.fetch_add(1, std::memory_order_acq_rel);
}

void Pool::stayAwake() {
  ++awake_;
  if (sleepers_.load() > 0) {
    std::lock_guard<std::mutex> lock(sleep_);
    wake_.notify_all();
  }
}

void Pool::work(int thread) {
  int64_t task;
  for (;;) {
    for (int spins = 0; spins < kSpins || awake_.load(std::memory_order_relaxed) > 0; ++spins) {
      if (claim(thread, &task)) {
        execute(task);
        spins = 0;
      }
      pause();
      if (spins >= kSpins) {
        std::this_thread::yield();
        spins = 0;
      }
    }
    std::unique_lock<std::mutex> lock(sleep_);
    ++sleepers_;
    // A job published after the last claim and before the count above is seen here; a later one
    // sees the count and notifies. A wait with a limit, because the one without asks for the
    // libstdc++ of GCC 12, and RHEL 9 has that of GCC 11.
    while (!wake_.wait_for(lock, std::chrono::hours(1),
                           [this] { return hasTasks() || awake_.load() > 0; })) {
    }
    --sleepers_;
  }
}

namespace {
Pool* shared = nullptr;  // never deleted: workers outlive static destructors
}

Pool& pool() { return *shared; }

void startPool(int threads) {
  if (shared == nullptr) shared = new Pool(threads);
}

}  // namespace gradus
