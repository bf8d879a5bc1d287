#include "cpu/graph.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "cpu/graph_fusion.h"
#include "cpu/graph_plan.h"
#include "cpu/pool.h"

namespace gradus {

Graph::Graph(Recording recording, const Backend& backend, Memory& memory, Numbers inputs,
             int64_t inputCount, Numbers seeds, int64_t seedCount)
    : memory_(memory), recording_(std::move(recording)) {
  const std::vector<Piece> pieces = cutUpdates(recording_, backend);
  fuseProducts(recording_, backend.matmulActivation, backend.matmulAdd);
  fuseSums(recording_, backend.matmulSums);
  std::vector<Chain> chains = findChains(recording_);
  std::vector<bool> inner(recording_.buffers.size());
  for (const Chain& chain : chains) {
    for (int b : chain.inner) inner[b] = true;
  }
  const Plan layout = plan(recording_, inner);
  findChanges(inputs, inputCount, seeds, seedCount);
  arenaBytes_ = layout.bytes;
  unplanned_ = layout.unplanned;
  memory_.trim();  // what the step used while it was recorded has other sizes
  arena_ = Out(memory_.allocate(arenaBytes_)).address;
  if (arena_ == 0) {
    throw std::runtime_error("capture: out of memory: no " + std::to_string(arenaBytes_) +
                             " bytes for the graph; raise the limit or close tensors");
  }
  touch();
  relocate(layout.offsets);
  makeSteps(chains, pieces);
}

Graph::~Graph() {
  if (arena_ != 0) memory_.release(Out(arena_).as<void>(), arenaBytes_);
}

void Graph::findChanges(Numbers inputs, int64_t inputCount, Numbers seeds, int64_t seedCount) {
  for (int c = 0; c < static_cast<int>(recording_.calls.size()); ++c) {
    const Call& call = recording_.calls[c];
    for (int j = 0; j < static_cast<int>(call.arguments.size()); ++j) {
      const Argument& argument = call.arguments[j];
      if (argument.isAddress() && argument.integer != 0 && call.places[j].buffer < 0) {
        bool given = false;
        for (int64_t i = 0; i < inputCount && !given; ++i) {
          const int64_t offset = argument.integer - inputs.row[2 * i];
          given = offset >= 0 && offset < inputs.row[2 * i + 1];
          if (given) inputs_.push_back({c, j, i, offset});
        }
        if (!given) outside_.push_back(argument.integer);
      }
      for (int64_t i = 0; i < seedCount; ++i) {
        if (argument.kind == Argument::Kind::Integer && argument.integer == seeds.row[i]) {
          seeds_.push_back({c, j, i, 0});
        }
      }
    }
  }
  std::sort(outside_.begin(), outside_.end());
}

/** All threads meet the faults of fresh pages now, and none later. */
void Graph::touch() {
  constexpr int64_t kPage = 4096, kPiece = int64_t{2} << 20;
  pool().split(arenaBytes_, kPiece, [this](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += kPage) *Out(arena_ + at).as<volatile char>() = 0;
  });
}

/** What was allocated in the step moves to the arena; what outlived it stays. */
void Graph::relocate(const std::vector<int64_t>& offsets) {
  for (Call& call : recording_.calls) {
    for (size_t j = 0; j < call.arguments.size(); ++j) {
      const Place& place = call.places[j];
      if (place.buffer < 0) continue;
      if (offsets[place.buffer] >= 0) {
        call.arguments[j].integer = arena_ + offsets[place.buffer] + place.offset;
      } else if (!recording_.buffers[place.buffer].released) {
        outside_.push_back(call.arguments[j].integer);
      }
    }
  }
  std::sort(outside_.begin(), outside_.end());
}

void Graph::makeSteps(const std::vector<Chain>& chains, const std::vector<Piece>& pieces) {
  auto chain = chains.begin();
  const int count = static_cast<int>(recording_.calls.size());
  for (int c = 0; c < count;) {
    const int step = static_cast<int>(steps_.size());
    if (chain != chains.end() && chain->begin == c) {
      StepFacts all = factsOf(recording_, recording_.calls[c]);
      for (int i = c; i < chain->end; ++i) {
        whereIs_.emplace_back(step, i - c);
        if (i == c) continue;
        const StepFacts more = factsOf(recording_, recording_.calls[i]);
        all.name += "+" + more.name;
        all.flops += more.flops;
        all.bytes += more.bytes;
      }
      facts_.push_back(all);
      steps_.emplace_back(FusedCalls(recording_, *chain));
      c = chain++->end;
    } else {
      Call& call = recording_.calls[c++];
      if (call.kernel == nullptr) {
        whereIs_.emplace_back(-1, 0);
        continue;
      }
      whereIs_.emplace_back(step, 0);
      facts_.push_back(factsOf(recording_, call));
      steps_.emplace_back(Single{call.kernel, call.arguments, call.left});
      for (const Piece& piece : pieces) {
        if (piece.after != c - 1) continue;
        if (piece.fused) {
          pieces_.push_back({piece.call, step, true});
          continue;
        }
        Call part = recording_.calls[piece.call];
        part.left = {piece.range};
        pieces_.push_back({piece.call, static_cast<int>(steps_.size()), false});
        facts_.push_back(factsOf(recording_, part));
        steps_.emplace_back(Single{part.kernel, part.arguments, part.left});
      }
    }
  }
}

Argument& Graph::argument(int call, int index) {
  auto [step, part] = whereIs_[call];
  if (auto* single = std::get_if<Single>(&steps_[step])) return single->arguments[index];
  return std::get<FusedCalls>(steps_[step]).argument(part, index);
}

void Graph::Single::run() const {
  if (!left) return kernel->run(arguments.data());
  // Buffers come first, then how long they are.
  for (const Range& range : *left) {
    std::vector<Argument> some = arguments;
    auto argument = some.begin();
    for (; argument->isAddress(); ++argument) {
      if (argument->integer != 0) argument->integer += range.begin * 4;
    }
    argument->integer = range.end - range.begin;
    kernel->run(some.data());
  }
}

void Graph::replay(Numbers inputs, Numbers seeds, Out times) {
  if (stale_) {
    throw std::runtime_error(
        "replay: memory that the graph uses was freed, as when a parameter is frozen: capture "
        "again");
  }
  for (const Change& c : inputs_) {
    argument(c.call, c.argument).integer = inputs.row[c.source] + c.offset;
  }
  for (const Change& c : seeds_) argument(c.call, c.argument).integer = seeds.row[c.source];
  const Pool::Awake awake(pool());
  const auto start = std::chrono::steady_clock::now();
  auto* time = times.as<int64_t>();
  auto note = [&] {
    if (time != nullptr) {
      *time++ = std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::steady_clock::now() - start)
                    .count();
    }
  };
  for (const Step& step : steps_) {
    note();
    if (const auto* single = std::get_if<Single>(&step)) {
      single->run();
    } else {
      std::get<FusedCalls>(step).run();
    }
    note();
  }
}

void Graph::amend(int64_t index, const AnyKernel& kernel, const Argument* arguments, int count) {
  const int call = static_cast<int>(index);
  if (call >= static_cast<int>(recording_.calls.size()) ||
      recording_.calls[call].kernel != &kernel) {
    throw std::runtime_error(std::string("replay: ") + kernel.name() +
                             " is called where the captured step called another kernel");
  }
  for (int j = 0; j < count; ++j) {
    const auto kind = arguments[j].kind;
    if (kind == Argument::Kind::Integer || kind == Argument::Kind::Real ||
        kind == Argument::Kind::Flag) {
      argument(call, j) = arguments[j];
    }
  }
  for (const StepPiece& piece : pieces_) {
    if (piece.call != call) continue;
    auto& numbers = std::get<Single>(steps_[piece.step]).arguments;
    if (piece.fused) {
      for (const Moved& number : kDescent) numbers[number.to] = argument(call, number.from);
    } else {
      for (size_t j = 0; j < numbers.size(); ++j) numbers[j] = argument(call, static_cast<int>(j));
    }
  }
}

void Graph::released(int64_t address, int64_t bytes) {
  auto used = std::lower_bound(outside_.begin(), outside_.end(), address);
  if (used != outside_.end() && *used < address + bytes) stale_ = true;
}

}  // namespace gradus
