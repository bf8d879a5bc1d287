package io.gradus.autograd;

import io.gradus.tensor.Tensor;

/** One recorded op. */
record Node(String op, Tensor y, Wrt[] inputs) {}
