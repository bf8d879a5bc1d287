#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addLinearAlgebra() {}

}  // namespace gradus
