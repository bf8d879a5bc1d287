// One GPU: its stream, its memory, and what went wrong on it.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "cuda/live.h"
#include "runtime/memory.h"

namespace gradus {

/** What a kernel found wrong with numbers that nobody but it reads. It lies in the host's memory,
 * where both sides see it; `what` is null until then, and the first one stays. */
struct Complaint {
  const char* what;   // "gather: index"
  const char* place;  // "position"
  int64_t value, position, bound;
};

/** All work goes through one stream in the order of the calls, so a block of memory that was
 * released may be handed out at once: its next user comes after its last one. */
class Gpu {
 public:
  /** limit in bytes, 0 for the device's memory. Blocking: each kernel is waited for, so that it is
   * the call at fault that throws. */
  Gpu(int index, int64_t memoryLimit, bool blocking);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  const cudaDeviceProp& properties() const { return properties_; }
  int multiprocessors() const { return properties_.multiProcessorCount; }
  /** Where this thread's work goes, and where kernels take the memory from that they need while
   * they run: others than usual on a detour. */
  cudaStream_t stream() const { return detour() != nullptr ? detour()->stream : stream_; }
  Memory& memory() { return detour() != nullptr ? *detour()->memory : memory_; }
  /** For a launch, numbers that a captured step changes from one replay to the next. */
  template <class T>
  Live<T> live(const T& value) const {
    return {value, detour() == nullptr ? nullptr : detour()->numbers->take(&value, sizeof(T))};
  }
  /** Where tensors lie. */
  Memory& tensors() { return memory_; }
  const Memory& tensors() const { return memory_; }
  /** The device's memory, as it hands it out itself. */
  Pages pages();
  Complaint* complaint() const { return complaint_; }

  /** CUDA's current device is each thread's own: to be called before CUDA is. */
  void use();
  /** Throws where a call failed. Where it says that the device's state is lost, so does every later
   * call. */
  void check(cudaError_t result, const char* what);
  /** After each launch. */
  void launched(const char* kernel);
  /** Until all work is done. Throws what it met with. */
  void wait(const char* what);
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
  void* map(int64_t bytes);
  void unmap(void* block);

  const int index_;
  const bool blocking_;
  const cudaDeviceProp properties_;
  cudaStream_t stream_ = nullptr;
  Complaint* complaint_ = nullptr;
  std::atomic<bool> lost_{false};
  std::string why_;  // written before lost_ is
  Memory memory_;
};

/** As cudaGetErrorString says it, with its name. */
std::string describe(cudaError_t error);

}  // namespace gradus
