#include "cuda/backend.h"

#include <stdexcept>

#include "gradus/plugin.h"

namespace gradus {

CudaBackend::CudaBackend(int device, int64_t memoryLimit, const Settings& settings)
    : gpu_(device, memoryLimit, settings.blocking), staging_(gpu_), gemm_(gpu_, settings) {
  const cudaDeviceProp& gpu = gpu_.properties();
  description_ = "cuda:" + std::to_string(device) + " " + gpu.name + " (sm_" +
                 std::to_string(gpu.major) + std::to_string(gpu.minor) + ")";
  addActivations();
  addAttentionBackward();
  addAttentionForward();
  addComparisons();
  addIndexing();
  addLinearAlgebra();
  addLosses();
  addNormalization();
  addOptimizers();
  addPointwise();
  addPositions();
  addRandom();
  addReductions();
  addShapes();
  addSoftmax();
}

const char* CudaBackend::description() const { return description_.c_str(); }

int CudaBackend::threads() const { return gpu_.multiprocessors(); }

int64_t CudaBackend::allocate(int64_t bytes) { return Out(gpu_.memory().allocate(bytes)).address; }

void CudaBackend::release(int64_t address, int64_t bytes) {
  gpu_.memory().release(Out(address).as<void>(), bytes);
}

void CudaBackend::trim() { gpu_.memory().trim(); }

int64_t CudaBackend::usedBytes() const { return gpu_.memory().used(); }

int64_t CudaBackend::heldBytes() const { return gpu_.memory().held(); }

int64_t CudaBackend::limitBytes() const { return gpu_.memory().limit(); }

void CudaBackend::upload(Out to, const void* from, int64_t bytes) {
  staging_.upload(to, from, bytes);
}

void CudaBackend::download(void* to, In from, int64_t bytes) {
  gpu_.use();
  gpu_.check(cudaMemcpyAsync(to, from.as<void>(), static_cast<size_t>(bytes),
                             cudaMemcpyDeviceToHost, gpu_.stream()),
             "download");
  gpu_.wait("download");
}

}  // namespace gradus

GRADUS_EXPORT gradus::Backend* gradus_cuda_backend(int device, int64_t memoryLimit,
                                                   const char* settings) {
  return new gradus::CudaBackend(device, memoryLimit, gradus::Settings(settings));
}
