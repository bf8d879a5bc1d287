#include "cpu/loops.h"

namespace gradus {

namespace {

template <class T>
void widenAs(const T* x, int64_t stride, float* y, int64_t n) {
  if (stride == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = math::toFloat(x[i]);
  } else if (stride == 0) {
    const float value = math::toFloat(x[0]);
    for (int64_t i = 0; i < n; ++i) y[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = math::toFloat(x[i * stride]);
  }
}

template <class T>
void widenIntsAs(const T* x, int64_t stride, int64_t* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i * stride];
}

template <class T>
void narrowAs(const float* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) math::store(x[i], y + i);
}

}  // namespace

void widen(DType t, In x, int64_t at, int64_t stride, float* y, int64_t n) {
  if (t == DType::F32) return widenAs(x.as<float>() + at, stride, y, n);
  if (t == DType::BF16) return widenAs(x.as<BF16>() + at, stride, y, n);
  return widenAs(x.as<F16>() + at, stride, y, n);
}

void narrow(DType t, const float* x, Out y, int64_t at, int64_t n) {
  if (t == DType::F32) return narrowAs(x, y.as<float>() + at, n);
  if (t == DType::BF16) return narrowAs(x, y.as<BF16>() + at, n);
  return narrowAs(x, y.as<F16>() + at, n);
}

void widenInts(DType t, In x, int64_t at, int64_t stride, int64_t* y, int64_t n) {
  if (t == DType::I32) return widenIntsAs(x.as<int32_t>() + at, stride, y, n);
  if (t == DType::I64) return widenIntsAs(x.as<int64_t>() + at, stride, y, n);
  return widenIntsAs(x.as<uint8_t>() + at, stride, y, n);
}

}  // namespace gradus
