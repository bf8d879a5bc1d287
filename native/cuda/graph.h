// A captured step on the GPU: launched as one of CUDA's graphs instead of kernel by kernel.
#pragma once

#include <vector>

#include "cuda/gpu.h"
#include "runtime/graph.h"

namespace gradus {

/**
 * The first replay makes the calls one by one, by which kernels find out what they need. From the
 * second one on, all of them are one CUDA graph: inputs are copied to places of the graph's own
 * before it, and numbers that change lie in a block of the device's memory. A call that changes in
 * another way from replay to replay parts the graph in two and is made by itself.
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

  /** What is known of a call from one replay to the next. */
  struct State {
    int changes = 0;             // that its graph could not follow
    int64_t begin = 0, end = 0;  // of its live numbers
    uint64_t launches = 0;       // as its graph has them
    bool renumbered = false;     // since its live numbers were taken
    bool isLive() const { return begin < end; }
  };

  Argument& argument(int call, int index) override;
  void changed(int call, bool addresses) override;
  void run(Out times) override;

  void runCalls(int begin, int end) const;
  void runTimed(int64_t* times) const;
  void takeNumbers();
  void makeSegments();
  void capture(Segment& segment);
  void clearSegments();

  Gpu& gpu_;
  Memory scratch_;  // of the kernels in the graphs
  LiveNumbers numbers_;
  std::vector<Segment> segments_;
  std::vector<State> states_;  // of each call
  int64_t replays_ = 0;
  bool stands_ = false;  // segments_ are as the calls are
};

}  // namespace gradus
