#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addShapes() {}

}  // namespace gradus
