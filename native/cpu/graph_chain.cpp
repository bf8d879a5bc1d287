#include "cpu/graph_chain.h"

#include <algorithm>

#include "cpu/loops.h"

namespace gradus {

namespace {

constexpr int64_t kChainBlock = 2048;  // elements: the operands of a chain share 32 to 48 KiB
constexpr int64_t kWidest = 8;         // bytes of an element
constexpr int kMaxArguments = 8;

/** The bytes of an element of the operand at an argument: the type stands before it. */
int64_t elementBytes(const Call& call, size_t argument) {
  for (size_t j = argument; j-- > 0;) {
    if (call.arguments[j].kind == Argument::Kind::Type) {
      return byteSize(call.arguments[j].as<Type>());
    }
  }
  return 0;
}

int sizeArgument(const Call& call) {
  for (size_t j = 0; j < call.arguments.size(); ++j) {
    if (call.arguments[j].kind == Argument::Kind::Integer) return static_cast<int>(j);
  }
  return -1;
}

/** Whether a call can be part of a chain: its operands are all of one shape. */
bool isLink(const Call& call) {
  if (call.kernel == nullptr || call.kernel->access() != Access::Elementwise ||
      call.arguments.size() > kMaxArguments || call.arguments[sizeArgument(call)].integer == 0) {
    return false;
  }
  return std::none_of(call.arguments.begin(), call.arguments.end(), [](const Argument& a) {
    return a.kind == Argument::Kind::Dims && a.dims != nullptr;
  });
}

/** Whether two operands are the same elements, or have nothing in common, or neither is written. */
bool agree(const Call& a, size_t i, const Call& b, size_t j, int64_t n) {
  using Kind = Argument::Kind;
  const Argument &x = a.arguments[i], &y = b.arguments[j];
  if (x.kind == Kind::In && y.kind == Kind::In) return true;
  const int64_t xBytes = elementBytes(a, i), yBytes = elementBytes(b, j);
  const Place &p = a.places[i], &q = b.places[j];
  if (p.buffer != q.buffer) return true;
  const int64_t from = p.buffer < 0 ? x.integer : p.offset;
  const int64_t to = q.buffer < 0 ? y.integer : q.offset;
  if (from == to) return xBytes == yBytes;
  return from + n * xBytes <= to || to + n * yBytes <= from;
}

bool agree(const Call& a, const Call& b) {
  const int64_t n = a.arguments[sizeArgument(a)].integer;
  if (b.arguments[sizeArgument(b)].integer != n) return false;
  for (size_t i = 0; i < a.arguments.size(); ++i) {
    for (size_t j = 0; j < b.arguments.size(); ++j) {
      if (a.arguments[i].isAddress() && b.arguments[j].isAddress() && !agree(a, i, b, j, n)) {
        return false;
      }
    }
  }
  return true;
}

/** The buffers that no call outside [begin, end) uses and that the first one there writes. */
std::vector<int> innerBuffers(const Recording& recording, int begin, int end) {
  std::vector<int> touches(recording.buffers.size()), inside(recording.buffers.size());
  std::vector<bool> written(recording.buffers.size()), whole(recording.buffers.size(), true);
  for (int i = 0; i < static_cast<int>(recording.calls.size()); ++i) {
    const Call& call = recording.calls[i];
    for (size_t j = 0; j < call.arguments.size(); ++j) {
      const int b = call.places[j].buffer;
      if (b < 0) continue;
      if (touches[b]++ == 0) written[b] = call.arguments[j].kind == Argument::Kind::Out;
      inside[b] += i >= begin && i < end;
      whole[b] = whole[b] && call.places[j].offset == 0;
    }
  }
  std::vector<int> inner;
  for (size_t b = 0; b < touches.size(); ++b) {
    if (touches[b] > 0 && inside[b] == touches[b] && written[b] && whole[b] &&
        recording.buffers[b].released) {
      inner.push_back(static_cast<int>(b));
    }
  }
  return inner;
}

}  // namespace

std::vector<Chain> findChains(const Recording& recording) {
  std::vector<Chain> chains;
  const auto& calls = recording.calls;
  const int count = static_cast<int>(calls.size());
  for (int begin = 0; begin < count;) {
    int end = begin;
    while (end < count && isLink(calls[end]) &&
           std::all_of(calls.begin() + begin, calls.begin() + end,
                       [&](const Call& before) { return agree(before, calls[end]); })) {
      ++end;
    }
    if (end - begin >= 2) chains.push_back({begin, end, innerBuffers(recording, begin, end)});
    begin = std::max(end, begin + 1);
  }
  return chains;
}

FusedCalls::FusedCalls(const Recording& recording, const Chain& chain)
    : innerBytes_(static_cast<int64_t>(chain.inner.size()) * kChainBlock * kWidest) {
  for (int i = chain.begin; i < chain.end; ++i) {
    const Call& call = recording.calls[i];
    Part part{call.kernel, call.arguments, {}, sizeArgument(call)};
    n_ = call.arguments[part.size].integer;
    for (size_t j = 0; j < call.arguments.size(); ++j) {
      const bool address = call.arguments[j].isAddress() && call.arguments[j].integer != 0;
      auto inner = std::find(chain.inner.begin(), chain.inner.end(), call.places[j].buffer);
      part.operands.push_back({address ? elementBytes(call, j) : 0, inner != chain.inner.end()});
      if (part.operands[j].inner) {
        part.arguments[j].integer = (inner - chain.inner.begin()) * kChainBlock * kWidest;
      }
    }
    calls_.push_back(std::move(part));
  }
}

void FusedCalls::run() const {
  ranges(n_, [this](int64_t begin, int64_t end) {
    thread_local std::vector<char> own;
    if (static_cast<int64_t>(own.size()) < innerBytes_) own.resize(innerBytes_);
    const int64_t base = In(own.data()).address;
    for (int64_t at = begin; at < end; at += kChainBlock) {
      for (const Part& part : calls_) {
        Argument arguments[kMaxArguments];
        std::copy(part.arguments.begin(), part.arguments.end(), arguments);
        for (size_t j = 0; j < part.operands.size(); ++j) {
          const Operand& operand = part.operands[j];
          arguments[j].integer += operand.inner ? base : at * operand.elementBytes;
        }
        arguments[part.size].integer = std::min(kChainBlock, end - at);
        part.kernel->run(arguments);
      }
    }
  });
}

}  // namespace gradus
