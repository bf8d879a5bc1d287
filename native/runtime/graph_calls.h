// How recorded calls of matmul are read: where its arguments stand, and what is asked of any call.
#pragma once

#include <cstring>

#include "runtime/graph_recording.h"

namespace gradus::calls {

enum Matmul {
  kAType,
  kA,
  kBType,
  kB,
  kBiasType,
  kBias,
  kYType,
  kY,
  kBatch,
  kM,
  kN,
  kK,
  kTransposeA = 14,
  kTransposeB,
  kAccumulate
};

inline bool is(const Call& call, const char* name) {
  return call.kernel != nullptr && std::strcmp(call.kernel->name(), name) == 0;
}

inline bool isF32(const Call& call) {
  for (const Argument& a : call.arguments) {
    if (a.kind == Argument::Kind::Type && a.as<Type>() != DType::F32) return false;
  }
  return true;
}

/** y = a b + bias, of one matrix each. */
inline bool isPlainProduct(const Call& call) {
  return is(call, "matmul") && call.arguments[kBatch].integer == 1 &&
         call.arguments[kAccumulate].integer == 0;
}

}  // namespace gradus::calls
