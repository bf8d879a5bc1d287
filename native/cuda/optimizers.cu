#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addOptimizers() {}

}  // namespace gradus
