#include "gradus/backend.h"

namespace gradus {
namespace {

class CpuBackend final : public Backend {
 public:
  const char* name() override { return GRADUS_BACKEND_NAME; }

  void axpy(float a, int64_t x, int64_t y, int64_t n) override {
    const auto* from = reinterpret_cast<const float*>(x);
    auto* to = reinterpret_cast<float*>(y);
    for (int64_t i = 0; i < n; ++i) to[i] += a * from[i];
  }
};

}  // namespace
}  // namespace gradus

extern "C" GRADUS_EXPORT gradus::Backend* gradus_backend() {
  static gradus::CpuBackend backend;
  return &backend;
}
