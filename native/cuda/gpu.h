// One GPU: its stream, its memory, and what went wrong on it.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "cuda/live.h"
#include "cuda/stream_pool.h"
#include "runtime/memory.h"

namespace gradus {

class Gpu;

/** A stream that waits for no other by itself. */
class Stream {
 public:
  explicit Stream(Gpu& gpu);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return handle_; }

 private:
  cudaStream_t handle_ = nullptr;
};

/** What a kernel found wrong with numbers that nobody but it reads. It lies in the host's memory,
 * where both sides see it; `what` is null until then, and the first one stays. */
struct Complaint {
  const char* what;   // "gather: index"
  const char* place;  // "position"
  int64_t value, position, bound;
};

/**
 * All work on tensors goes through one stream in the order of the calls, so a block of memory that
 * was released may be handed out at once: its next user comes after its last one.
 *
 * That holds whichever thread releases it, Java's garbage collector's included. A block is released
 * when no call that was given it is left to come, so all of its users stand in the stream by then;
 * who is given it next can call only afterwards, and comes behind them. The cache's mutex carries
 * this order from thread to thread. Three things would break it, and are kept from doing so: a
 * second stream, so the one that copies what comes up touches blocks of its own alone (Staging);
 * work that is recorded and comes later, so a graph is stale once a block is released that it uses,
 * and its own memory is released behind its last launch; and blocks that leave the cache, so they
 * leave it in the order of this stream (StreamPool).
 */
class Gpu {
 public:
  /** limit in bytes, 0 for the device's memory. Blocking: each kernel is waited for, so that it is
   * the call at fault that throws. */
  Gpu(int index, int64_t memoryLimit, bool blocking);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  int index() const { return index_; }
  const cudaDeviceProp& properties() const { return properties_; }
  int multiprocessors() const { return properties_.multiProcessorCount; }
  /** Where this thread's work goes, and where kernels take the memory from that they need while
   * they run: others than usual on a detour. */
  cudaStream_t stream() const { return isOnDetour() ? detour()->stream : stream_; }
  Memory& memory() { return isOnDetour() ? *detour()->memory : memory_; }
  /** For a launch, numbers that a captured step changes from one replay to the next. */
  template <class T>
  Live<T> live(const T& value) const {
    return {value, isOnDetour() ? detour()->numbers->take(&value, sizeof(T)) : nullptr};
  }
  /** Where tensors lie. */
  Memory& tensors() { return memory_; }
  const Memory& tensors() const { return memory_; }
  /** Whether this thread's work is captured or rehearsed. */
  bool isOnDetour() const { return detour() != nullptr; }
  /** The device's memory, as it hands it out itself. */
  Pages pages() { return pool_.pages(); }
  /** Bytes that can still be had from the device. */
  int64_t freeBytes();
  Complaint* complaint() const { return complaint_; }

  /** CUDA's current device is each thread's own: to be called before CUDA is. */
  void use();
  /** Throws where a call failed. Where it says that the device's state is lost, so does every later
   * call. */
  void check(cudaError_t result, const char* what);
  /** After each launch. */
  void launched(const char* kernel);
  /** Until all work is done, or that before an event. Throws what it met with. */
  void wait(const char* what);
  void wait(cudaEvent_t event, const char* what);
  /** Throws what a kernel complained of, once. */
  void throwComplaint();

  /** While one of these is open, its thread's work takes another way. Memory that its kernels need
   * must last as long as the graph that they belong to, so it is the graph's, as are the numbers.
   */
  class Detour {
   public:
    Detour(const Detour&) = delete;
    Detour& operator=(const Detour&) = delete;

    /** What was launched, or would have been, since the last call of this: the same number, the
     * same kernels on the same grids. */
    uint64_t launches() { return std::exchange(launches_, 0); }

   protected:
    Detour(Gpu& gpu, Memory& memory, LiveNumbers& numbers);
    ~Detour();

    Gpu& gpu;
    cudaStream_t stream = nullptr;

   private:
    friend class Gpu;
    Memory* memory;
    LiveNumbers* numbers;
    bool rehearses = false;
    uint64_t launches_ = 0;
  };

  /** What the thread launches becomes a graph instead of being run. */
  class Capture : public Detour {
   public:
    Capture(Gpu& gpu, Memory& memory, LiveNumbers& numbers);
    ~Capture();
    cudaGraphExec_t finish();

   private:
    bool open_ = true;
  };

  /** What the thread launches is not run: only its live numbers are taken. */
  class Rehearsal : public Detour {
   public:
    Rehearsal(Gpu& gpu, Memory& memory, LiveNumbers& numbers);
  };

  /** Before each launch: whether it is to be made. */
  bool launches(const void* kernel, const dim3& blocks);

 private:
  Detour* detour() const;
  static cudaDeviceProp propertiesOf(int index);

  const int index_;
  const bool blocking_;
  const cudaDeviceProp properties_;
  Complaint* complaint_ = nullptr;
  std::atomic<bool> lost_{false};
  std::string why_;  // written before lost_ is
  // What comes from another one of these ends before it.
  Stream stream_;
  StreamPool pool_;
  Memory memory_;
};

/** As cudaGetErrorString says it, with its name. */
std::string describe(cudaError_t error);

}  // namespace gradus
