// The GPU's side of the boundary. Each family of kernels stands in the file of its name.
#pragma once

#include <string>

#include "cuda/gemm.h"
#include "cuda/gpu.h"
#include "cuda/settings.h"
#include "cuda/staging.h"
#include "runtime/graph_backend.h"

namespace gradus {

class CudaBackend final : public GraphBackend {
 public:
  CudaBackend(int device, int64_t memoryLimit, const Settings& settings);
  ~CudaBackend() override { graphs_.clear(); }

  // About this backend
  const char* description() const override;
  int threads() const override;

  // Memory
  int64_t allocate(int64_t bytes) override;
  void release(int64_t address, int64_t bytes) override;
  void trim() override;
  int64_t usedBytes() const override;
  int64_t heldBytes() const override;
  int64_t limitBytes() const override;
  int64_t freeBytes() override;
  void upload(Out to, const void* from, int64_t bytes) override;
  void download(void* to, In from, int64_t bytes) override;

 private:
  std::unique_ptr<Graph> graphOf(Recording recording, const Changing& changing) override;

  // Each gives the kernels of a family their code, in the file of its name.
  void addActivations();
  void addAttentionForward();
  void addAttentionBackward();
  void addChannelNormalization();
  void addComparisons();
  void addConvolution();
  void addCtc();
  void addIndexing();
  void addLinearAlgebra();
  void addLosses();
  void addNormalization();
  void addOptimizers();
  void addAdafactor();
  void addPointwise();
  void addPooling();
  void addPositions();
  void addRandom();
  void addRecurrent();
  void addReductions();
  void addShapes();
  void addSoftmax();

  Gpu gpu_;
  Staging staging_;
  Gemm gemm_;
  const bool hopper_;  // see Settings
  std::string description_;
};

}  // namespace gradus
