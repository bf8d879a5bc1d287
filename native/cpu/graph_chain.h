// Elementwise calls that follow each other, made as one pass over blocks that stay in the L1 cache.
#pragma once

#include <vector>

#include "runtime/graph_recording.h"

namespace gradus {

/** Calls [begin, end) of a recording, and the buffers that live in them alone. */
struct Chain {
  int begin, end;
  std::vector<int> inner;
};

/** Chains of two calls or more, in order. */
std::vector<Chain> findChains(const Recording& recording);

/** A chain with its addresses. Those of inner buffers count from 0, in bytes of a thread's own. */
class FusedCalls {
 public:
  FusedCalls(const Recording& recording, const Chain& chain);

  /** Numbers that Java changes, addresses of inputs. */
  Argument& argument(int call, int index) { return calls_[call].arguments[index]; }
  void run() const;

 private:
  struct Operand {
    int64_t elementBytes;  // 0: no address
    bool inner;
  };
  struct Part {
    const AnyKernel* kernel;
    std::vector<Argument> arguments;
    std::vector<Operand> operands;
    int size;  // which argument counts the elements
  };

  std::vector<Part> calls_;
  int64_t n_, innerBytes_;
};

}  // namespace gradus
