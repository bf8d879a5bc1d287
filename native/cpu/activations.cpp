// Pointwise nonlinearities and their gradients.
#include "cpu/backend.h"
#include "cpu/loops.h"
#include "math/pointwise.h"

namespace gradus {

void CpuBackend::relu(Type t, In x, Out y, int64_t n) {
  map(t, x, y, n, [](float v) { return math::relu(v); });
}

void CpuBackend::reluGrad(Type t, In y, In dy, Out dx, int64_t n) {
  map(t, y, dy, dx, n, [](float v, float d) { return math::reluGrad(v, d); });
}

void CpuBackend::sigmoid(Type t, In x, Out y, int64_t n) {
  map(t, x, y, n, [](float v) { return math::sigmoid(v); });
}

void CpuBackend::sigmoidGrad(Type t, In y, In dy, Out dx, int64_t n) {
  map(t, y, dy, dx, n, [](float v, float d) { return math::sigmoidGrad(v, d); });
}

void CpuBackend::tanh(Type t, In x, Out y, int64_t n) {
  map(t, x, y, n, [](float v) { return math::tanh(v); });
}

void CpuBackend::tanhGrad(Type t, In y, In dy, Out dx, int64_t n) {
  map(t, y, dy, dx, n, [](float v, float d) { return math::tanhGrad(v, d); });
}

void CpuBackend::gelu(Type t, In x, Out y, int64_t n) {
  map(t, x, y, n, [](float v) { return math::gelu(v); });
}

void CpuBackend::geluGrad(Type t, In x, In dy, Out dx, int64_t n) {
  map(t, x, dy, dx, n, [](float v, float d) { return math::geluGrad(v, d); });
}

void CpuBackend::silu(Type t, In x, Out y, int64_t n) {
  map(t, x, y, n, [](float v) { return math::silu(v); });
}

void CpuBackend::siluGrad(Type t, In x, In dy, Out dx, int64_t n) {
  map(t, x, dy, dx, n, [](float v, float d) { return math::siluGrad(v, d); });
}

}  // namespace gradus
