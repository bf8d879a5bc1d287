#include "cuda/backend.h"

#include <stdexcept>

#include "cuda/graph.h"
#include "gradus/plugin.h"

namespace gradus {

CudaBackend::CudaBackend(int device, int64_t memoryLimit, const Settings& settings)
    : gpu_(device, memoryLimit, settings.blocking),
      staging_(gpu_),
      gemm_(gpu_, settings),
      hopper_(settings.hopper) {
  const cudaDeviceProp& gpu = gpu_.properties();
  if (hopper_ && gpu.major != 9) {
    throw std::runtime_error(
        "cuda: attention=hopper needs compute capability 9.0: " + std::string(gpu.name) + " has " +
        std::to_string(gpu.major) + "." + std::to_string(gpu.minor) + "; take auto or mma");
  }
  description_ = "cuda:" + std::to_string(device) + " " + gpu.name + " (sm_" +
                 std::to_string(gpu.major) + std::to_string(gpu.minor) + ")";
  addActivations();
  addAttentionBackward();
  addAttentionForward();
  addChannelNormalization();
  addComparisons();
  addConvolution();
  addCtc();
  addIndexing();
  addLinearAlgebra();
  addLosses();
  addNormalization();
  addOptimizers();
  addAdafactor();
  addPointwise();
  addPooling();
  addPositions();
  addRandom();
  addRecurrent();
  addReductions();
  addShapes();
  addSoftmax();
}

const char* CudaBackend::description() const { return description_.c_str(); }

int CudaBackend::threads() const { return gpu_.multiprocessors(); }

int64_t CudaBackend::allocate(int64_t bytes) {
  const int64_t address = Out(gpu_.tensors().allocate(bytes)).address;
  graphs_.allocated(address, bytes);
  return address;
}

void CudaBackend::release(int64_t address, int64_t bytes) {
  graphs_.released(address, bytes);
  gpu_.tensors().release(Out(address).as<void>(), bytes);
}

void CudaBackend::trim() { gpu_.tensors().trim(); }

int64_t CudaBackend::usedBytes() const { return gpu_.tensors().used(); }

int64_t CudaBackend::heldBytes() const { return gpu_.tensors().held(); }

int64_t CudaBackend::limitBytes() const { return gpu_.tensors().limit(); }

std::unique_ptr<Graph> CudaBackend::graphOf(Recording recording, const Changing& changing) {
  return std::make_unique<CudaGraph>(std::move(recording), *this, gpu_, changing);
}

int64_t CudaBackend::freeBytes() { return gpu_.freeBytes(); }

void CudaBackend::upload(Out to, const void* from, int64_t bytes) {
  graphs_.checkNotCaptured(kUploadInCapture);
  staging_.upload(to, from, bytes);
}

void CudaBackend::download(void* to, In from, int64_t bytes) {
  graphs_.checkNotCaptured(kDownloadInCapture);
  staging_.download(to, from, bytes);
}

}  // namespace gradus

GRADUS_EXPORT gradus::Backend* gradus_cuda_backend(int device, int64_t memoryLimit,
                                                   const char* settings) {
  return new gradus::CudaBackend(device, memoryLimit, gradus::Settings(settings));
}
