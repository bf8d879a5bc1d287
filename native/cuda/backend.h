// The GPU's side of the boundary. Each family of kernels stands in the file of its name.
#pragma once

#include <string>

#include "cuda/gemm.h"
#include "cuda/gpu.h"
#include "cuda/settings.h"
#include "cuda/staging.h"
#include "gradus/backend.h"

namespace gradus {

class CudaBackend final : public Backend {
 public:
  CudaBackend(int device, int64_t memoryLimit, const Settings& settings);

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
  void upload(Out to, const void* from, int64_t bytes) override;
  void download(void* to, In from, int64_t bytes) override;

  // Graphs
  void startCapture() override;
  void abandonCapture() override;
  int64_t capturedCalls() const override;
  int64_t finishCapture(Numbers inputs, int64_t inputCount, Numbers seeds,
                        int64_t seedCount) override;
  void replay(int64_t graph, Numbers inputs, Numbers seeds, Out times) override;
  void startAmend(int64_t graph, int64_t call) override;
  void endAmend() override;
  bool isStale(int64_t graph) const override;
  void closeGraph(int64_t graph) override;
  int64_t stepCount(int64_t graph) const override;
  const char* stepName(int64_t graph, int64_t step) const override;
  const char* stepShape(int64_t graph, int64_t step) const override;
  double stepFlops(int64_t graph, int64_t step) const override;
  double stepBytes(int64_t graph, int64_t step) const override;
  int64_t arenaBytes(int64_t graph) const override;
  int64_t unplannedBytes(int64_t graph) const override;

 private:
  // Each gives the kernels of a family their code, in the file of its name.
  void addActivations();
  void addAttentionForward();
  void addAttentionBackward();
  void addComparisons();
  void addIndexing();
  void addLinearAlgebra();
  void addLosses();
  void addNormalization();
  void addOptimizers();
  void addPointwise();
  void addPositions();
  void addRandom();
  void addReductions();
  void addShapes();
  void addSoftmax();

  Gpu gpu_;
  Staging staging_;
  Gemm gemm_;
  std::string description_;
};

}  // namespace gradus
