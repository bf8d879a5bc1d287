// Operands for tests of a backend library: elements of any type, seen as doubles.
//
// A test is run as `name_test BACKEND OPENBLAS [THREADS]`, with the paths of two libraries; for a
// GPU's backend, the second is where NVIDIA's libraries are.
#pragma once

#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "math/types.h"
#include "open.h"
#include "shared_memory.h"

using gradus::Backend;
using gradus::BF16;
using gradus::DType;
using gradus::F16;
using gradus::In;
using gradus::Out;
using gradus::Type;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

inline const std::vector<DType> kFloating = {DType::F32, DType::BF16, DType::F16};
inline const std::vector<DType> kAll = {DType::F32, DType::BF16, DType::F16,
                                        DType::I32, DType::I64,  DType::U8};

inline Backend& openBackend(int argc, char** argv) {
  if (argc < 3) {
    std::printf("usage: %s BACKEND OPENBLAS [THREADS]\n", argv[0]);
    std::exit(2);
  }
  return *openBackend(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 2);
}

using Doubles = std::vector<double>;

/** Elements followed by bytes that a kernel must leave alone. */
class Tensor {
 public:
  Tensor(DType type, int64_t n)
      : type_(type),
        n_(n),
        bytes_(static_cast<size_t>(n * gradus::byteSize(type)) + kGuard, 0x5a) {}

  Tensor(DType type, const Doubles& values) : Tensor(type, static_cast<int64_t>(values.size())) {
    for (int64_t i = 0; i < n_; ++i) set(i, values[static_cast<size_t>(i)]);
  }

  DType type() const { return type_; }
  int64_t size() const { return n_; }
  operator In() const { return In(bytes_.data()); }
  operator Out() { return Out(bytes_.data()); }

  double operator[](int64_t i) const {
    switch (type_) {
      case DType::F32:
        return at<float>(i);
      case DType::BF16:
        return gradus::math::toFloat(at<BF16>(i));
      case DType::F16:
        return gradus::math::toFloat(at<F16>(i));
      case DType::I32:
        return at<int32_t>(i);
      case DType::I64:
        return static_cast<double>(at<int64_t>(i));
      case DType::U8:
        return at<uint8_t>(i);
    }
    return 0;
  }

  void set(int64_t i, double value) {
    const auto f = static_cast<float>(value);
    if (type_ == DType::F32) put(i, f);
    if (type_ == DType::BF16) put(i, gradus::math::toBF16(f));
    if (type_ == DType::F16) put(i, gradus::math::toF16(f));
    if (type_ == DType::I32) put(i, static_cast<int32_t>(value));
    if (type_ == DType::I64) put(i, static_cast<int64_t>(value));
    if (type_ == DType::U8) put(i, static_cast<uint8_t>(value));
  }

  bool guardIntact() const {
    for (size_t i = bytes_.size() - kGuard; i < bytes_.size(); ++i) {
      if (bytes_[i] != 0x5a) return false;
    }
    return true;
  }

  bool sameBits(const Tensor& other) const { return bytes_ == other.bytes_; }

 private:
  static constexpr size_t kGuard = 128;

  template <class T>
  T at(int64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    return value;
  }

  template <class T>
  void put(int64_t i, T value) {
    std::memcpy(bytes_.data() + static_cast<size_t>(i) * sizeof(T), &value, sizeof(T));
  }

  DType type_;
  int64_t n_;
  std::vector<unsigned char, SharedMemory<unsigned char>> bytes_;
};

/** A copy of x that begins one element past where a vector would be aligned. */
class Shifted {
 public:
  explicit Shifted(const Tensor& x) : elements_(x.type(), x.size() + 1) {
    for (int64_t i = 0; i < x.size(); ++i) elements_.set(i + 1, x[i]);
  }

  operator In() const { return In(static_cast<In>(elements_).address + step()); }
  operator Out() { return Out(static_cast<Out>(elements_).address + step()); }
  double operator[](int64_t i) const { return elements_[i + 1]; }
  bool guardIntact() const { return elements_.guardIntact(); }

 private:
  int64_t step() const { return gradus::byteSize(elements_.type()); }

  Tensor elements_;
};

/** Reproducible numbers in [low, high). */
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 2 + 1) {}

  double next(double low, double high) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * static_cast<double>(state_ >> 11) * 0x1p-53;
  }

  int64_t below(int64_t end) { return static_cast<int64_t>(next(0, static_cast<double>(end))); }

  /** Values that every type can hold to its precision: within [low, high), >= 0 and whole for U8.
   */
  Tensor tensor(DType type, int64_t n, double low, double high) {
    Tensor x(type, n);
    for (int64_t i = 0; i < n; ++i) {
      const double value = next(low, high);
      x.set(i, type == DType::U8 ? std::fabs(value) : value);
    }
    return x;
  }

 private:
  uint64_t state_;
};

/** Half a unit in the last place of `type`, relative; and what is lost at the smallest numbers. */
inline double roundingOf(DType type) {
  return type == DType::BF16 ? 0x1p-8 : type == DType::F16 ? 0x1p-11 : 0x1p-24;
}

/** Equal up to `ulps` roundings of float, then one to the type; NaN and infinity must agree. */
inline bool close(DType type, double got, double want, double ulps, double absolute = 0) {
  if (std::isnan(want)) return std::isnan(got);
  const double largest = type == DType::F16 ? 65504 : static_cast<double>(3.4e38f);
  if (std::isinf(got) || std::isinf(want)) {
    return got == want || (std::isinf(got) && std::fabs(want) > largest && got * want > 0);
  }
  const double smallest = type == DType::F16 ? 0x1p-25 : 0x1p-134;
  return std::fabs(got - want) <=
         std::fabs(want) * (roundingOf(type) * 1.01 + ulps * 0x1p-23) + smallest + absolute;
}
