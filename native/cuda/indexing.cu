#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addIndexing() {}

}  // namespace gradus
