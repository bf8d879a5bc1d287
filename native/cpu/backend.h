// The CPU's side of the boundary. Each family of kernels stands in the file of its name.
#pragma once

#include <string>

#include "runtime/graph_backend.h"
#include "runtime/memory.h"

namespace gradus {

class CpuBackend final : public GraphBackend {
 public:
  CpuBackend(const char* blasPath, int engine, int threads, int64_t memoryLimit);
  ~CpuBackend() override { graphs_.clear(); }

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
  void addComparisons();
  void addCtc();
  void addIndexing();
  void addLinearAlgebra();
  void addLosses();
  void addNormalization();
  void addOptimizers();
  void addAdafactor();
  void addPointwise();
  void addPositions();
  void addRandom();
  void addReductions();
  void addShapes();
  void addSoftmax();

  Memory memory_;
  std::string description_;
};

}  // namespace gradus
