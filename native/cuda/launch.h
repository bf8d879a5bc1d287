// How a kernel is started.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <tuple>
#include <utility>

#include "cuda/gpu.h"

namespace gradus {

constexpr int kWarp = 32;
constexpr int kThreads = 256;  // of a block, where nothing asks for another number

/** How many blocks, of how many threads, with so many bytes of dynamic shared memory. */
struct Grid {
  dim3 blocks, threads = dim3(kThreads);
  int64_t shared = 0;
};

inline int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }

/** Enough blocks of kThreads for n threads, up to so many that each multiprocessor is full: kernels
 * walk on from there in steps of the grid. */
inline Grid gridFor(const Gpu& gpu, int64_t n) {
  constexpr int64_t kEach = 8;
  const int64_t most = gpu.multiprocessors() * kEach, blocks = ceilDivide(n, kThreads);
  return {dim3(static_cast<unsigned>(blocks < most ? blocks : most))};
}

/** A block for each of n, in as many rows of the grid as it takes: see blockOf. */
inline Grid blocksFor(int64_t n, int threads = kThreads, int64_t shared = 0) {
  constexpr int64_t kMost = int64_t{1} << 30;
  const int64_t down = ceilDivide(n, kMost), across = down <= 1 ? n : kMost;
  return {dim3(static_cast<unsigned>(across), static_cast<unsigned>(down)),
          dim3(static_cast<unsigned>(threads)), shared};
}

namespace detail {

template <class... Parameters, size_t... I>
cudaError_t start(void (*kernel)(Parameters...), const Grid& grid, cudaStream_t stream,
                  std::tuple<Parameters...>& arguments, std::index_sequence<I...>) {
  void* addresses[] = {static_cast<void*>(&std::get<I>(arguments))..., nullptr};
  return cudaLaunchKernel(kernel, grid.blocks, grid.threads, addresses,
                          static_cast<size_t>(grid.shared), stream);
}

}  // namespace detail

/** Starts a kernel; `name` is the op's, for messages. A grid without blocks starts none. */
template <class... Parameters, class... Arguments>
void launch(Gpu& gpu, const char* name, const Grid& grid, void (*kernel)(Parameters...),
            Arguments... arguments) {
  if (grid.blocks.x == 0 || grid.blocks.y == 0 || grid.blocks.z == 0) return;
  if (!gpu.launches(reinterpret_cast<const void*>(kernel), grid.blocks)) return;
  gpu.use();
  constexpr int64_t kWithoutAsking = 48 * 1024;
  if (grid.shared > kWithoutAsking) {
    gpu.check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                   cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(grid.shared)),
              name);
  }
  std::tuple<Parameters...> values(arguments...);
  gpu.check(
      detail::start(kernel, grid, gpu.stream(), values, std::index_sequence_for<Parameters...>{}),
      name);
  gpu.launched(name);
}

}  // namespace gradus
