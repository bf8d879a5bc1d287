#include "runtime/graph.h"

#include <algorithm>
#include <stdexcept>

#include "runtime/graph_plan.h"

namespace gradus {

Graph::Graph(Recording recording, Memory& memory)
    : memory_(memory), recording_(std::move(recording)) {}

Graph::~Graph() {
  if (arena_ != 0) memory_.release(Out(arena_).as<void>(), arenaBytes_);
}

void Graph::place(const Changing& changing, const std::vector<bool>& inner) {
  const Plan layout = plan(recording_, inner);
  findChanges(changing);
  arenaBytes_ = layout.bytes;
  unplanned_ = layout.unplanned;
  memory_.trim();  // what the step used while it was recorded has other sizes
  arena_ = Out(memory_.allocate(arenaBytes_)).address;
  if (arena_ == 0) {
    throw std::runtime_error("capture: out of memory: no " + std::to_string(arenaBytes_) +
                             " bytes for the graph; raise the limit or close tensors");
  }
  relocate(layout.offsets);
}

void Graph::findChanges(const Changing& changing) {
  for (int c = 0; c < static_cast<int>(recording_.calls.size()); ++c) {
    const Call& call = recording_.calls[c];
    for (int j = 0; j < static_cast<int>(call.arguments.size()); ++j) {
      const Argument& argument = call.arguments[j];
      if (argument.isAddress() && argument.integer != 0 && call.places[j].buffer < 0) {
        bool given = false;
        for (int64_t i = 0; i < changing.inputCount && !given; ++i) {
          const int64_t offset = argument.integer - changing.inputs.row[2 * i];
          given = offset >= 0 && offset < changing.inputs.row[2 * i + 1];
          if (given) inputs_.push_back({c, j, i, offset});
        }
        if (!given) outside_.push_back(argument.integer);
      }
      for (int64_t i = 0; i < changing.seedCount; ++i) {
        if (argument.kind == Argument::Kind::Integer && argument.integer == changing.seeds.row[i]) {
          seeds_.push_back({c, j, i, 0});
        }
      }
    }
  }
}

/** What outlived the step stays. */
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

void Graph::change(int call, int index, int64_t value) {
  Argument& old = argument(call, index);
  if (old.integer == value) return;
  old.integer = value;
  changed(call, old.isAddress());
}

void Graph::replay(Numbers inputs, Numbers seeds, Out times) {
  if (stale_) {
    throw std::runtime_error(
        "replay: memory that the graph uses was freed, as when a parameter is frozen: capture "
        "again");
  }
  for (const Change& c : inputs_) change(c.call, c.argument, inputs.row[c.source] + c.offset);
  for (const Change& c : seeds_) change(c.call, c.argument, seeds.row[c.source]);
  run(times);
}

void Graph::amend(int64_t index, const AnyKernel& kernel, const Argument* arguments, int count) {
  const int call = added_ + static_cast<int>(index);
  if (call >= static_cast<int>(recording_.calls.size()) ||
      recording_.calls[call].kernel != &kernel) {
    throw std::runtime_error(std::string("replay: ") + kernel.name() +
                             " is called where the captured step called another kernel");
  }
  bool other = false;
  for (int j = 0; j < count; ++j) {
    const auto kind = arguments[j].kind;
    if (kind != Argument::Kind::Integer && kind != Argument::Kind::Real &&
        kind != Argument::Kind::Flag) {
      continue;
    }
    // Bits: a real number shares its place with an integer.
    Argument& old = argument(call, j);
    other |= old.integer != arguments[j].integer;
    old = arguments[j];
  }
  if (other) changed(call, false);
}

void Graph::released(int64_t address, int64_t bytes) {
  auto used = std::lower_bound(outside_.begin(), outside_.end(), address);
  if (used != outside_.end() && *used < address + bytes) stale_ = true;
}

}  // namespace gradus
