#include "cpu/backend.h"

#include <cstring>

#include "cpu/blas.h"
#include "cpu/graph.h"
#include "cpu/pool.h"
#include "cpu/system.h"
#include "gradus/plugin.h"

#if !defined(GRADUS_LEVEL)
#error "GRADUS_LEVEL names the instruction level that these sources are compiled for"
#endif

namespace gradus {

CpuBackend::CpuBackend(const char* blasPath, int engine, int threads, int64_t memoryLimit)
    : memory_({system::map, system::unmap},
              memoryLimit > 0 ? memoryLimit : system::physicalMemory()) {
  startPool(threads);
  openBlas(blasPath);
  const auto chosen = static_cast<Engine>(engine);
  setEngine(chosen);
  description_ = std::string("cpu ") + GRADUS_LEVEL + ", matrix products by " +
                 (chosen == Engine::OpenBlas ? blasDescription()
                  : chosen == Engine::Auto
                      ? "own kernels or " + blasDescription() + ", the faster for each shape"
                      : "own kernels, " + blasDescription() + " standing by");
  addActivations();
  addAttentionForward();
  addAttentionBackward();
  addComparisons();
  addCtc();
  addIndexing();
  addLinearAlgebra();
  addLosses();
  addNormalization();
  addOptimizers();
  addAdafactor();
  addPointwise();
  addPositions();
  addRandom();
  addReductions();
  addShapes();
  addSoftmax();
}

const char* CpuBackend::description() const { return description_.c_str(); }

int CpuBackend::threads() const { return pool().threads(); }

int64_t CpuBackend::allocate(int64_t bytes) {
  const int64_t address = Out(memory_.allocate(bytes)).address;
  graphs_.allocated(address, bytes);
  return address;
}

void CpuBackend::release(int64_t address, int64_t bytes) {
  graphs_.released(address, bytes);
  memory_.release(Out(address).as<void>(), bytes);
}

void CpuBackend::trim() { memory_.trim(); }

int64_t CpuBackend::usedBytes() const { return memory_.used(); }

int64_t CpuBackend::heldBytes() const { return memory_.held(); }

int64_t CpuBackend::limitBytes() const { return memory_.limit(); }

int64_t CpuBackend::freeBytes() { return memory_.limit() - memory_.held(); }

std::unique_ptr<Graph> CpuBackend::graphOf(Recording recording, const Changing& changing) {
  return std::make_unique<CpuGraph>(std::move(recording), *this, memory_, changing);
}

void CpuBackend::upload(Out to, const void* from, int64_t bytes) {
  graphs_.checkNotCaptured(kUploadInCapture);
  std::memcpy(to.as<void>(), from, static_cast<size_t>(bytes));
}

void CpuBackend::download(void* to, In from, int64_t bytes) {
  graphs_.checkNotCaptured(kDownloadInCapture);
  std::memcpy(to, from.as<void>(), static_cast<size_t>(bytes));
}

}  // namespace gradus

GRADUS_EXPORT gradus::Backend* gradus_backend(const char* blasPath, int engine, int threads,
                                              int64_t memoryLimit) {
  return new gradus::CpuBackend(blasPath, engine, threads, memoryLimit);
}
