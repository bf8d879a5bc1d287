#include <stdexcept>

#include "cuda/backend.h"

namespace gradus {
namespace {
[[noreturn]] void none() { throw std::runtime_error("capture: not supported by cuda"); }
}  // namespace
void CudaBackend::startCapture() { none(); }
void CudaBackend::abandonCapture() { none(); }
int64_t CudaBackend::capturedCalls() const { none(); }
int64_t CudaBackend::finishCapture(Numbers, int64_t, Numbers, int64_t) { none(); }
void CudaBackend::replay(int64_t, Numbers, Numbers, Out) { none(); }
void CudaBackend::startAmend(int64_t, int64_t) { none(); }
void CudaBackend::endAmend() { none(); }
bool CudaBackend::isStale(int64_t) const { none(); }
void CudaBackend::closeGraph(int64_t) { none(); }
int64_t CudaBackend::stepCount(int64_t) const { none(); }
const char* CudaBackend::stepName(int64_t, int64_t) const { none(); }
const char* CudaBackend::stepShape(int64_t, int64_t) const { none(); }
double CudaBackend::stepFlops(int64_t, int64_t) const { none(); }
double CudaBackend::stepBytes(int64_t, int64_t) const { none(); }
int64_t CudaBackend::arenaBytes(int64_t) const { none(); }
int64_t CudaBackend::unplannedBytes(int64_t) const { none(); }
}  // namespace gradus
