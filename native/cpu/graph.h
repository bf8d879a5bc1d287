// A captured step on the CPU: fused, and replayed with the threads awake from one kernel to the
// next.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "cpu/graph_chain.h"
#include "cpu/graph_updates.h"
#include "runtime/graph.h"

namespace gradus {

class CpuGraph final : public Graph {
 public:
  CpuGraph(Recording recording, const Backend& backend, Memory& memory, const Changing& changing);

 private:
  struct Single {
    const AnyKernel* kernel;
    std::vector<Argument> arguments;
    std::optional<std::vector<Range>> left;
    void run() const;
  };
  using Step = std::variant<Single, FusedCalls>;

  /** A step that makes a part of an optimizer's call. */
  struct StepPiece {
    int call, step;
    bool fused;
  };

  Argument& argument(int call, int index) override;
  void changed(int call, bool addresses) override;
  void run(Out times) override;

  void touch();
  void makeSteps(const std::vector<Chain>& chains, const std::vector<Piece>& pieces);

  std::vector<Step> steps_;
  std::vector<std::pair<int, int>> whereIs_;  // of each call: its step, and which of that it is
  std::vector<StepPiece> pieces_;
};

}  // namespace gradus
