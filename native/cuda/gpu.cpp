#include "cuda/gpu.h"

#include <algorithm>
#include <stdexcept>

namespace gradus {

namespace {

/** Errors after which a context answers nothing but themselves. */
bool losesTheDevice(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorLaunchFailure:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
    case cudaErrorDevicesUnavailable:
      return true;
    default:
      return false;
  }
}

int64_t memoryOf(int index) {
  size_t free = 0, total = 0;
  cudaSetDevice(index);
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return 0;
  return static_cast<int64_t>(total);
}

}  // namespace

std::string describe(cudaError_t error) {
  return std::string(cudaGetErrorString(error)) + " (" + cudaGetErrorName(error) + ")";
}

Stream::Stream(Gpu& gpu) {
  gpu.use();
  gpu.check(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "a stream");
}

Stream::~Stream() { cudaStreamDestroy(handle_); }

Gpu::Gpu(int index, int64_t memoryLimit, bool blocking)
    : index_(index),
      blocking_(blocking),
      properties_(propertiesOf(index)),
      stream_(*this),
      pool_(*this, stream_),
      memory_(pages(), memoryLimit > 0 ? memoryLimit : memoryOf(index)) {
  check(
      cudaHostAlloc(reinterpret_cast<void**>(&complaint_), sizeof(Complaint), cudaHostAllocMapped),
      "memory that both sides see");
  *complaint_ = {};
}

Gpu::~Gpu() {
  use();
  cudaStreamSynchronize(stream_);
  cudaFreeHost(complaint_);
}

cudaDeviceProp Gpu::propertiesOf(int index) {
  int count = 0;
  const cudaError_t result = cudaGetDeviceCount(&count);
  if (result != cudaSuccess) {
    throw std::runtime_error("cuda: no device can be used: " + describe(result));
  }
  if (index < 0 || index >= count) {
    throw std::runtime_error("cuda: there is no device " + std::to_string(index) + ": there " +
                             (count == 1 ? "is 1" : "are " + std::to_string(count)));
  }
  cudaDeviceProp properties;
  const cudaError_t asked = cudaGetDeviceProperties(&properties, index);
  if (asked != cudaSuccess) throw std::runtime_error("cuda: " + describe(asked));
  return properties;
}

void Gpu::use() {
  thread_local int current = -1;
  if (current == index_) return;
  check(cudaSetDevice(index_), "to use the device");
  current = index_;
}

void Gpu::check(cudaError_t result, const char* what) {
  if (lost_.load(std::memory_order_acquire)) throw std::runtime_error(why_);
  if (result == cudaSuccess) return;
  cudaGetLastError();  // else the next call would find it again
  const std::string device = "cuda:" + std::to_string(index_);
  if (losesTheDevice(result)) {
    why_ = device + ": cannot be used any more in this process, since " + what +
           " failed: " + describe(result);
    lost_.store(true, std::memory_order_release);
    throw std::runtime_error(why_);
  }
  throw std::runtime_error(device + ": " + what + ": " + describe(result));
}

void Gpu::launched(const char* kernel) {
  check(cudaPeekAtLastError(), kernel);
  if (blocking_ && !isOnDetour()) wait(kernel);
  throwComplaint();
}

void Gpu::wait(const char* what) {
  use();
  check(cudaStreamSynchronize(stream_), what);
  throwComplaint();
}

void Gpu::wait(cudaEvent_t event, const char* what) {
  use();
  check(cudaEventSynchronize(event), what);
  throwComplaint();
}

int64_t Gpu::freeBytes() {
  // Other processes take memory of the device too.
  size_t free = 0, total = 0;
  use();
  check(cudaMemGetInfo(&free, &total), "to ask for free memory");
  return std::min(memory_.limit() - memory_.held(),
                  static_cast<int64_t>(free) + pool_.spareBytes());
}

void Gpu::throwComplaint() {
  // Volatile: the device writes it. `what` comes last, after a fence.
  const auto* seen = static_cast<volatile Complaint*>(complaint_);
  const char* what = seen->what;
  if (what == nullptr) return;
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::string message = std::string(what) + " " + std::to_string(seen->value) + " at " +
                              std::string(static_cast<const char*>(seen->place)) + " " +
                              std::to_string(seen->position) + " is outside [0, " +
                              std::to_string(seen->bound) + ")";
  const_cast<volatile Complaint*>(seen)->what = nullptr;
  throw std::out_of_range(message);
}

namespace {
thread_local Gpu::Detour* taken = nullptr;
}  // namespace

Gpu::Detour* Gpu::detour() const {
  return taken != nullptr && &taken->gpu == this ? taken : nullptr;
}

bool Gpu::launches(const void* kernel, const dim3& blocks) {
  Detour* const way = detour();
  if (way == nullptr) return true;
  for (const uint64_t part : {static_cast<uint64_t>(reinterpret_cast<uintptr_t>(kernel)),
                              static_cast<uint64_t>(blocks.x), static_cast<uint64_t>(blocks.y)}) {
    constexpr uint64_t kPrime = 0x100000001b3;
    way->launches_ = (way->launches_ ^ part) * kPrime + 1;
  }
  return !way->rehearses;
}

Gpu::Detour::Detour(Gpu& gpu, Memory& memory, LiveNumbers& numbers)
    : gpu(gpu), memory(&memory), numbers(&numbers) {
  taken = this;
}

Gpu::Detour::~Detour() { taken = nullptr; }

Gpu::Rehearsal::Rehearsal(Gpu& gpu, Memory& memory, LiveNumbers& numbers)
    : Detour(gpu, memory, numbers) {
  stream = gpu.stream_;
  rehearses = true;
}

Gpu::Capture::Capture(Gpu& gpu, Memory& memory, LiveNumbers& numbers)
    : Detour(gpu, memory, numbers) {
  gpu.use();
  gpu.check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
  const cudaError_t begun = cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);
  if (begun != cudaSuccess) {
    cudaStreamDestroy(stream);
    gpu.check(begun, "to capture");
  }
}

Gpu::Capture::~Capture() {
  if (open_) {
    cudaGraph_t graph = nullptr;
    if (cudaStreamEndCapture(stream, &graph) == cudaSuccess) cudaGraphDestroy(graph);
    cudaGetLastError();
  }
  cudaStreamDestroy(stream);
}

cudaGraphExec_t Gpu::Capture::finish() {
  open_ = false;
  cudaGraph_t graph = nullptr;
  gpu.check(cudaStreamEndCapture(stream, &graph), "to capture");
  cudaGraphExec_t exec = nullptr;
  const cudaError_t made = cudaGraphInstantiate(&exec, graph, 0);
  cudaGraphDestroy(graph);
  gpu.check(made, "to make a graph");
  return exec;
}

}  // namespace gradus
