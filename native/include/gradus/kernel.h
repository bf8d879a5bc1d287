// A kernel: called like a function, and the one place that every call passes on its way to its
// code.
#pragma once

#include <atomic>
#include <functional>
#include <type_traits>
#include <utility>

#include "gradus/types.h"

namespace gradus {

/** One argument of a call, so that a call can be kept, looked at, changed and made again. */
struct Argument {
  enum class Kind { Type, In, Out, Dims, Integer, Real, Flag };

  Argument() : kind(Kind::Integer), integer(0) {}
  Argument(Type x) : kind(Kind::Type), integer(static_cast<int>(x.value)) {}  // NOLINT
  Argument(In x) : kind(Kind::In), integer(x.address) {}                      // NOLINT
  Argument(Out x) : kind(Kind::Out), integer(x.address) {}                    // NOLINT
  Argument(Dims x) : kind(Kind::Dims), count(0), dims(x.row) {}               // NOLINT
  Argument(int64_t x) : kind(Kind::Integer), integer(x) {}                    // NOLINT
  Argument(double x) : kind(Kind::Real), real(x) {}                           // NOLINT
  Argument(bool x) : kind(Kind::Flag), integer(x) {}                          // NOLINT
  Argument(Window x) : kind(Kind::Dims), count(x.length()), dims(x.row) {}    // NOLINT
  template <int Operands>
  Argument(DimsOf<Operands> x) : kind(Kind::Dims), count(x.length()), dims(x.row) {}  // NOLINT

  /** As a parameter of this type takes it. */
  template <class Parameter>
  Parameter as() const {
    if constexpr (std::is_same_v<Parameter, double>) {
      return real;
    } else if constexpr (std::is_same_v<Parameter, Type>) {
      return Type(static_cast<int>(integer));
    } else if constexpr (std::is_base_of_v<Dims, Parameter>) {
      return Parameter(Dims(dims));
    } else {
      return Parameter(integer);
    }
  }

  bool isAddress() const { return kind == Kind::In || kind == Kind::Out; }

  Kind kind;
  int count = 0;  // of the numbers in dims
  union {
    int64_t integer;
    double real;
    const int64_t* dims;
  };
};

/**
 * What may be assumed of a kernel. Elementwise: element i of its output depends on the elements i
 * of its inputs alone, each operand is of the type named before it, and the first number is how
 * many there are.
 */
enum class Access { Any, Elementwise };

/** A kernel without its signature. */
class AnyKernel {
 public:
  AnyKernel(const char* name, Access access) : name_(name), access_(access) {}
  AnyKernel(const AnyKernel&) = delete;
  AnyKernel& operator=(const AnyKernel&) = delete;

  const char* name() const { return name_; }
  Access access() const { return access_; }
  virtual void run(const Argument* arguments) const = 0;

 protected:
  ~AnyKernel() = default;

 private:
  const char* name_;
  Access access_;
};

/** Stands between the callers of a backend's kernels and their code. */
class Watcher {
 public:
  virtual void call(const AnyKernel& kernel, const Argument* arguments, int count) = 0;

 protected:
  ~Watcher() = default;
};

/** Who watches the calls of a backend, if anybody does, and what the backend calls itself. */
class Watched {
 public:
  virtual ~Watched() = default;
  /** One line for people. */
  virtual const char* description() const = 0;

  Watcher* watcher() const { return watcher_.load(std::memory_order_acquire); }
  void watch(Watcher* watcher) { watcher_.store(watcher, std::memory_order_release); }

 private:
  std::atomic<Watcher*> watcher_{nullptr};
};

template <class Signature>
class Kernel;

template <class... Parameters>
class Kernel<void(Parameters...)> final : public AnyKernel {
 public:
  Kernel(const Watched* backend, const char* name, Access access = Access::Any)
      : AnyKernel(name, access), backend_(backend) {}

  /** A backend that has this kernel gives it its code. */
  template <class Code>
  Kernel& operator=(Code code) {
    code_ = std::move(code);
    return *this;
  }

  void operator()(Parameters... parameters) const {
    if (Watcher* watcher = backend_->watcher()) {
      const Argument arguments[] = {Argument(parameters)...};
      watcher->call(*this, arguments, static_cast<int>(sizeof...(Parameters)));
    } else {
      code()(parameters...);
    }
  }

  void run(const Argument* arguments) const override {
    run(arguments, std::index_sequence_for<Parameters...>{});
  }

 private:
  using Code = std::function<void(Parameters...)>;

  const Code& code() const {
    if (!code_) {
      throw std::runtime_error(std::string(name()) + ": not supported by " +
                               backend_->description());
    }
    return code_;
  }

  template <size_t... I>
  void run(const Argument* arguments, std::index_sequence<I...>) const {
    code()(arguments[I].template as<Parameters>()...);
  }

  const Watched* backend_;
  Code code_;
};

}  // namespace gradus
