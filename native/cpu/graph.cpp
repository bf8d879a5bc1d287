#include "cpu/graph.h"

#include <chrono>

#include "cpu/pool.h"
#include "runtime/graph_fusion.h"

namespace gradus {

CpuGraph::CpuGraph(Recording recording, const Backend& backend, Memory& memory,
                   const Changing& changing)
    : Graph(std::move(recording), memory) {
  const std::vector<Piece> pieces = cutUpdates(recording_, backend);
  fuseProducts(recording_, backend, [](const ProductTypes& types) { return types.areF32(); });
  const std::vector<Chain> chains = findChains(recording_);
  std::vector<bool> inner(recording_.buffers.size());
  for (const Chain& chain : chains) {
    for (int b : chain.inner) inner[b] = true;
  }
  place(changing, inner);
  touch();
  makeSteps(chains, pieces);
}

/** All threads meet the faults of fresh pages now, and none later. */
void CpuGraph::touch() {
  constexpr int64_t kPage = 4096, kPiece = int64_t{2} << 20;
  pool().split(arenaBytes_, kPiece, [this](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += kPage) *Out(arena_ + at).as<volatile char>() = 0;
  });
}

void CpuGraph::makeSteps(const std::vector<Chain>& chains, const std::vector<Piece>& pieces) {
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

Argument& CpuGraph::argument(int call, int index) {
  auto [step, part] = whereIs_[call];
  if (auto* single = std::get_if<Single>(&steps_[step])) return single->arguments[index];
  return std::get<FusedCalls>(steps_[step]).argument(part, index);
}

void CpuGraph::Single::run() const {
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

void CpuGraph::run(Out times) {
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

void CpuGraph::changed(int call, bool) {
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

}  // namespace gradus
