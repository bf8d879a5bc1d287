// The part of CUDA that native/cuda uses, for the host: its kernels, compiled by a C++ compiler,
// run here thread by thread. Each thread of a block is a fiber that gives way where it waits for
// others, so shared memory, barriers and shuffles work as on a device, and a sanitizer sees every
// access. What it cannot show is a race between threads that no barrier separates;
// GRADUS_EMULATOR_ORDER runs the threads in another order (`reverse`, or a number to shuffle by),
// which finds most. A stream runs what it is given at once; with GRADUS_EMULATOR_STREAMS `late`
// only when someone waits for it, with a number now and then, by chance: so streams that must wait
// for each other and do not are found out.
#pragma once

#define GRADUS_EMULATED 1

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __shared__ static
#define __constant__ static
#define __align__(n) alignas(n)
#define __launch_bounds__(...)

// Vectors

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
  unsigned x, y, z;
};
struct int2 {
  int x, y;
};
struct uint2 {
  unsigned x, y;
};
struct float2 {
  float x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// The runtime

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorDevicesUnavailable = 46,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorECCUncorrectable = 214,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchTimeout = 702,
  cudaErrorAssert = 710,
  cudaErrorHardwareStackError = 714,
  cudaErrorIllegalInstruction = 715,
  cudaErrorMisalignedAddress = 716,
  cudaErrorInvalidAddressSpace = 717,
  cudaErrorInvalidPc = 718,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4,
};
enum cudaDeviceAttr { cudaDevAttrMemoryPoolsSupported = 115 };
enum cudaMemPoolAttr {
  cudaMemPoolAttrReleaseThreshold = 4,
  cudaMemPoolAttrReservedMemCurrent = 5,
  cudaMemPoolAttrUsedMemCurrent = 7,
};
enum cudaMemAllocationType { cudaMemAllocationTypePinned = 1 };
enum cudaMemAllocationHandleType { cudaMemHandleTypeNone = 0 };
enum cudaMemLocationType { cudaMemLocationTypeDevice = 1 };
struct cudaMemLocation {
  cudaMemLocationType type;
  int id;
};
struct cudaMemPoolProps {
  cudaMemAllocationType allocType;
  cudaMemAllocationHandleType handleTypes;
  cudaMemLocation location;
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed
};
enum cudaStreamCaptureStatus {
  cudaStreamCaptureStatusNone = 0,
  cudaStreamCaptureStatusActive = 1,
  cudaStreamCaptureStatusInvalidated = 2
};
constexpr unsigned cudaStreamNonBlocking = 1, cudaHostAllocDefault = 0, cudaHostAllocMapped = 2,
                   cudaEventDefault = 0, cudaEventDisableTiming = 2;

struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount;
  size_t totalGlobalMem, sharedMemPerBlockOptin;
  int l2CacheSize;
};

namespace emulator {
struct Event;
struct Graph;
struct GraphExec;
struct Pool;

/** Other libraries hand their work to `submit`, which runs it now, or, while the stream is
 * captured, later. */
struct Stream {
  cudaError_t (*submit)(Stream* stream, std::function<void()> work);
  Graph* captured = nullptr;
  std::deque<std::function<void()>> queue;  // what it was given and has not run
  uint64_t done = 0;                        // of all that it was given
};

/** Runs all threads of all blocks, now, or, while the stream is captured, later. */
cudaError_t run(const dim3& blocks, const dim3& threads, size_t shared, Stream* stream,
                std::function<void()> thread);
unsigned char* dynamicShared();
size_t dynamicSharedBytes();
/** Counts the blocks that were run: of each there is dynamic shared memory anew. */
uint64_t blockNumber();
/** Ends the program: this block breaks a rule. */
[[noreturn]] void fail(const char* why);

/** Waits for the threads of `mask` in this one's warp. */
void meetWarp(unsigned mask);
/** Waits for the 128 threads of this one's warpgroup. */
void meetWarpgroup();
void meetBlock();
/** 8 bytes that lane `lane` of this warp shows the others. */
uint64_t* slot(int lane);
int lane();
int lanes();
}  // namespace emulator

using cudaStream_t = emulator::Stream*;
using cudaEvent_t = emulator::Event*;
using cudaGraph_t = emulator::Graph*;
using cudaGraphExec_t = emulator::GraphExec*;
using cudaMemPool_t = emulator::Pool*;

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMalloc(void** block, size_t bytes);
cudaError_t cudaFree(void* block);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties);
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t keep);
cudaError_t cudaMallocFromPoolAsync(void** block, size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream);
cudaError_t cudaFreeAsync(void* block, cudaStream_t stream);
cudaError_t cudaHostAlloc(void** block, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* block);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* block, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph,
                                 unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end);
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
const char* cudaGetErrorString(cudaError_t error);
const char* cudaGetErrorName(cudaError_t error);

namespace emulator {
template <class... P, size_t... I>
std::function<void()> bind(void (*kernel)(P...), void** arguments, std::index_sequence<I...>) {
  std::tuple<P...> values(*static_cast<P*>(arguments[I])...);
  return [kernel, values] { std::apply(kernel, values); };
}
}  // namespace emulator

template <class... P>
cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 blocks, dim3 threads, void** arguments,
                             size_t shared, cudaStream_t stream) {
  return emulator::run(blocks, threads, shared, stream,
                       emulator::bind(kernel, arguments, std::index_sequence_for<P...>{}));
}

// Inside kernels

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

inline void __syncthreads() { emulator::meetBlock(); }
inline void __syncwarp(unsigned mask = ~0u) { emulator::meetWarp(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

namespace emulator {
/** What `value` is in each lane that `source` names; a lane without that thread keeps its own. */
template <class T, class Source>
T exchange(unsigned mask, T value, Source source) {
  static_assert(sizeof(T) <= sizeof(uint64_t), "shuffles move at most 8 bytes");
  std::memcpy(slot(lane()), &value, sizeof(T));
  meetWarp(mask);
  const int from = source(lane());
  T result = value;
  if (from >= 0 && from < lanes()) std::memcpy(&result, slot(from), sizeof(T));
  meetWarp(mask);
  return result;
}
}  // namespace emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  return emulator::exchange(
      mask, value, [=](int lane) { return (lane & ~(width - 1)) + (source & (width - 1)); });
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  return emulator::exchange(mask, value, [=](int lane) {
    const int from = lane ^ bits;
    return from / width == lane / width ? from : lane;
  });
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return emulator::exchange(mask, value, [=](int lane) {
    const int from = lane + static_cast<int>(delta);
    return from / width == lane / width ? from : lane;
  });
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return emulator::exchange(mask, value, [=](int lane) {
    const int from = lane - static_cast<int>(delta);
    return from >= lane / width * width ? from : lane;
  });
}
namespace emulator {
/** The lanes of `mask` whose value is chosen. */
template <class T, class Choose>
unsigned lanesWhere(unsigned mask, T value, Choose choose) {
  std::memcpy(slot(lane()), &value, sizeof(T));
  meetWarp(mask);
  unsigned chosen = 0;
  for (int l = 0; l < lanes(); ++l) {
    T other;
    std::memcpy(&other, slot(l), sizeof(T));
    if ((mask >> l & 1) != 0 && choose(other)) chosen |= 1u << l;
  }
  meetWarp(mask);
  return chosen;
}
}  // namespace emulator

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return emulator::lanesWhere(mask, predicate, [](int other) { return other != 0; });
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value) {
  return emulator::lanesWhere(mask, value, [=](T other) { return other == value; });
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate == 0) == 0;
}
int __syncthreads_or(int predicate);
int __syncthreads_count(int predicate);

template <class T, class V>
T atomicAdd(T* x, V value) {
  const T old = *x;
  *x = static_cast<T>(old + value);
  return old;
}
template <class T, class V>
T atomicMin(T* x, V value) {
  const T old = *x;
  if (static_cast<T>(value) < old) *x = static_cast<T>(value);
  return old;
}
template <class T, class V>
T atomicMax(T* x, V value) {
  const T old = *x;
  if (static_cast<T>(value) > old) *x = static_cast<T>(value);
  return old;
}
template <class T, class V>
T atomicExch(T* x, V value) {
  const T old = *x;
  *x = static_cast<T>(value);
  return old;
}
template <class T, class V, class W>
T atomicCAS(T* x, V expected, W value) {
  const T old = *x;
  if (old == static_cast<T>(expected)) *x = static_cast<T>(value);
  return old;
}

template <class T>
T __ldg(const T* x) {
  return *x;
}
template <class T>
T __ldcs(const T* x) {
  return *x;
}
template <class T>
void __stcs(T* x, T value) {
  *x = value;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<uint64_t>(a) * b) >> 32);
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}
