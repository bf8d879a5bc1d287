// The one thread pool: the calling thread and `threads - 1` workers share the tasks of a job.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <type_traits>

namespace gradus {

/**
 * Work is split into tasks by its size and never by the number of threads, so that which thread
 * runs a task cannot change a result. Each thread begins with a part of the tasks that is its own
 * in every job, because what it wrote there in the last one may still be in its cache, and goes on
 * with what others have left. One job runs at a time; a job that starts while another runs, or
 * inside a task, runs in its caller alone.
 */
class Pool {
 public:
  explicit Pool(int threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  /** Wakes the workers, and keeps them awake while it lives: for many jobs in a row. */
  class Awake {
   public:
    explicit Awake(Pool& pool) : pool_(pool) { pool_.stayAwake(); }
    ~Awake() { --pool_.awake_; }
    Awake(const Awake&) = delete;
    Awake& operator=(const Awake&) = delete;

   private:
    Pool& pool_;
  };

  /** Calls task(i) for each i in [0, count) and returns when all are done; rethrows the first
   * failure. */
  template <class Task>
  void run(int64_t count, Task&& task) {
    if (count <= 1 || threads_ == 1) {
      for (int64_t i = 0; i < count; ++i) task(i);
    } else {
      using Body = std::remove_reference_t<Task>;
      start(
          count, [](void* body, int64_t i) { (*static_cast<Body*>(body))(i); },
          const_cast<void*>(static_cast<const void*>(&task)));
    }
  }

  /** Splits [0, n) into ranges of `grain` (the last may be shorter) and calls range(begin, end). */
  template <class Range>
  void split(int64_t n, int64_t grain, Range&& range) {
    run((n + grain - 1) / grain, [&](int64_t i) {
      int64_t begin = i * grain;
      range(begin, begin + grain < n ? begin + grain : n);
    });
  }

 private:
  using Call = void (*)(void*, int64_t);

  void start(int64_t count, Call call, void* body);
  void runSerial(int64_t count, Call call, void* body);
  bool claim(int thread, int64_t* task);
  bool hasTasks() const;
  void execute(int64_t task);
  void work(int thread);
  void stayAwake();

  int threads_;
  // A thread's part of the tasks: the end in the upper half, the next one in the lower. One word,
  // so that a claim made late, by a worker that slept through a job, is a claim on the job that
  // runs now or none at all.
  struct alignas(64) Part {
    std::atomic<uint64_t> tickets{0};
  };
  std::unique_ptr<Part[]> parts_;
  alignas(64) std::atomic<int64_t> finished_{0};
  alignas(64) std::atomic<bool> busy_{false};
  Call call_ = nullptr;
  void* body_ = nullptr;
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;

  std::atomic<int> awake_{0};  // how many want the workers to stay awake
  std::atomic<int> sleepers_{0};
  std::mutex sleep_;
  std::condition_variable wake_;
};

/** The pool of this process; made when the backend opens. */
Pool& pool();
void startPool(int threads);

}  // namespace gradus
