// The words in which Java and a backend speak: element types, addresses and layouts.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace gradus {

/** Element types, with the codes of io.gradus.tensor.DType. */
enum class DType : int { F32 = 0, BF16 = 1, F16 = 2, I32 = 3, I64 = 4, U8 = 5 };

inline int64_t byteSize(DType type) {
  switch (type) {
    case DType::F32:
    case DType::I32:
      return 4;
    case DType::BF16:
    case DType::F16:
      return 2;
    case DType::I64:
      return 8;
    case DType::U8:
      return 1;
  }
  return 0;
}

inline const char* nameOf(DType type) {
  static const char* const names[] = {"f32", "bf16", "f16", "i32", "i64", "u8"};
  return names[static_cast<int>(type)];
}

/** DType as Java sends it: an int that converts by itself, so that the binding needs no casts. */
struct Type {
  Type(int code) : value(static_cast<DType>(code)) {}  // NOLINT: implicit on purpose
  Type(DType type) : value(type) {}                    // NOLINT: implicit on purpose
  operator DType() const { return value; }
  DType value;
};

/** The address of elements that a kernel reads; 0 where an optional operand is absent. */
struct In {
  In(int64_t address) : address(address) {}                                  // NOLINT
  In(const void* pointer) : address(reinterpret_cast<intptr_t>(pointer)) {}  // NOLINT
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(static_cast<intptr_t>(address));
  }
  explicit operator bool() const { return address != 0; }
  int64_t address;
};

/** The address of elements that a kernel writes. */
struct Out {
  Out(int64_t address) : address(address) {}                            // NOLINT
  Out(void* pointer) : address(reinterpret_cast<intptr_t>(pointer)) {}  // NOLINT
  operator In() const { return In(address); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(static_cast<intptr_t>(address));
  }
  explicit operator bool() const { return address != 0; }
  int64_t address;
};

/** Numbers that Java keeps in an array, for the length of a call; or null. */
struct Numbers {
  Numbers(std::nullptr_t) : row(nullptr) {}                                      // NOLINT
  Numbers(const long* row) : row(reinterpret_cast<const int64_t*>(row)) {}       // NOLINT
  Numbers(const long long* row) : row(reinterpret_cast<const int64_t*>(row)) {}  // NOLINT
  const int64_t* row;
};

/**
 * How operands of different shapes line up: rank, then the sizes of the index space, then one row
 * of strides (in elements) for each operand in the order of the call's arguments. Null means that
 * all operands are contiguous and of one shape.
 */
struct Dims : Numbers {
  using Numbers::Numbers;
  bool same() const { return row == nullptr; }
  int rank() const { return static_cast<int>(row[0]); }
  const int64_t* sizes() const { return row + 1; }
  const int64_t* strides(int operand) const { return row + 1 + (1 + operand) * row[0]; }
};

/** Dims with the strides of so many operands. */
template <int Operands>
struct DimsOf : Dims {
  using Dims::Dims;
  DimsOf(Dims dims) : Dims(dims) {}  // NOLINT
  /** How many numbers the row has. */
  int length() const { return same() ? 0 : 1 + (1 + Operands) * rank(); }
};

/**
 * What slides over the rows and columns of images: batch, channels, height and width of the input,
 * then of the output all but the batch; height and width of the kernel, its strides, the padding on
 * each side, the dilations; and the groups that channels fall into.
 */
struct Window : Dims {
  using Dims::Dims;
  Window(Dims dims) : Dims(dims) {}  // NOLINT
  static constexpr int kLength = 16;
  static constexpr int length() { return kLength; }

  int64_t batch() const { return row[0]; }
  int64_t channels() const { return row[1]; }
  int64_t height() const { return row[2]; }
  int64_t width() const { return row[3]; }
  int64_t outChannels() const { return row[4]; }
  int64_t outHeight() const { return row[5]; }
  int64_t outWidth() const { return row[6]; }
  int64_t kernelHeight() const { return row[7]; }
  int64_t kernelWidth() const { return row[8]; }
  int64_t strideHeight() const { return row[9]; }
  int64_t strideWidth() const { return row[10]; }
  int64_t paddingHeight() const { return row[11]; }
  int64_t paddingWidth() const { return row[12]; }
  int64_t dilationHeight() const { return row[13]; }
  int64_t dilationWidth() const { return row[14]; }
  int64_t groups() const { return row[15]; }
};

/** The numbers that attention takes as its dims. */
constexpr int kAttentionDims = 24;
template <>
inline int DimsOf<0>::length() const {
  return kAttentionDims;
}

}  // namespace gradus
