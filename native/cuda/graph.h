// A captured step on the GPU: launched as a few of CUDA's graphs instead of kernel by kernel.
#pragma once

#include <vector>

#include "cuda/gpu.h"
#include "runtime/graph.h"

namespace gradus {

/**
 * The first replay makes the calls one by one, by which kernels find out what they need. From the
 * second one on, runs of calls are CUDA graphs. A call whose arguments change from replay to
 * replay, as the optimizer's step does, stands between them and is made by itself.
 */
class CudaGraph final : public Graph {
 public:
  CudaGraph(Recording recording, const Backend& backend, Gpu& gpu, const Changing& changing);
  ~CudaGraph() override;

 private:
  /** Calls [begin, end): as a graph, or, without one, each by itself. */
  struct Segment {
    int begin, end;
    cudaGraphExec_t graph;
  };

  Argument& argument(int call, int index) override;
  void changed(int call) override;
  void run(Out times) override;

  void runCalls(int begin, int end) const;
  void runTimed(int64_t* times) const;
  void makeSegments();
  void clearSegments();

  Gpu& gpu_;
  Memory scratch_;  // of the kernels in the graphs
  std::vector<Segment> segments_;
  std::vector<int> changes_;  // of each call, in replays that have passed
  int64_t replays_ = 0;
  bool stands_ = false;  // segments_ are as the calls are
};

}  // namespace gradus
