// A step that was recorded: its calls, planned and fused, to be made again at once.
#pragma once

#include <atomic>
#include <string>
#include <variant>
#include <vector>

#include "cpu/graph_chain.h"
#include "cpu/graph_recording.h"
#include "cpu/graph_updates.h"
#include "runtime/memory.h"
#include "gradus/backend.h"

namespace gradus {

/** What is known of a step for tables. */
struct StepFacts {
  std::string name, shape;
  double flops = 0, bytes = 0;
};

/** FLOPs and bytes read and written of one call; at least, where it only knows its own tensors. */
StepFacts factsOf(const Recording& recording, const Call& call);

class Graph {
 public:
  /** inputs: address and bytes of each; seeds: numbers among the arguments. */
  Graph(Recording recording, const Backend& backend, Memory& memory, Numbers inputs,
        int64_t inputCount, Numbers seeds, int64_t seedCount);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void replay(Numbers inputs, Numbers seeds, Out times);

  /** The numbers among the arguments take the place of those of a call. */
  void amend(int64_t call, const AnyKernel& kernel, const Argument* arguments, int count);

  /** Tells that memory was released. */
  void released(int64_t address, int64_t bytes);
  bool isStale() const { return stale_; }

  const std::vector<StepFacts>& facts() const { return facts_; }
  int64_t arenaBytes() const { return arenaBytes_; }
  int64_t unplannedBytes() const { return unplanned_; }

 private:
  struct Single {
    const AnyKernel* kernel;
    std::vector<Argument> arguments;
    std::optional<std::vector<Range>> left;
    void run() const;
  };
  using Step = std::variant<Single, FusedCalls>;

  /** An argument that replays change, and to what: an input or seed. */
  struct Change {
    int call, argument;
    int64_t source, offset;
  };

  /** A step that makes a part of an optimizer's call. */
  struct StepPiece {
    int call, step;
    bool fused;
  };

  void findChanges(Numbers inputs, int64_t inputCount, Numbers seeds, int64_t seedCount);
  void touch();
  void relocate(const std::vector<int64_t>& offsets);
  void makeSteps(const std::vector<Chain>& chains, const std::vector<Piece>& pieces);
  Argument& argument(int call, int index);

  Memory& memory_;
  Recording recording_;
  std::vector<Step> steps_;
  std::vector<std::pair<int, int>> whereIs_;  // of each call: its step, and which of that it is
  std::vector<StepFacts> facts_;
  std::vector<Change> inputs_, seeds_;
  std::vector<StepPiece> pieces_;
  std::vector<int64_t> outside_;  // addresses in use that are not the graph's, ascending
  int64_t arena_ = 0, arenaBytes_ = 0, unplanned_ = 0;
  std::atomic<bool> stale_{false};
};

}  // namespace gradus
