#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addPositions() {}

}  // namespace gradus
