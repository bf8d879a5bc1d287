#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addRandom() {}

}  // namespace gradus
