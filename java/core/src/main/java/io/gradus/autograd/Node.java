package io.gradus.autograd;

import io.gradus.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * One recorded op.
 *
 * @param replay for a part of the forward pass that is to be computed again when its gradient is
 *     wanted: from its first input to {@code y}; else null
 */
record Node(String op, Tensor y, Wrt[] inputs, UnaryOperator<Tensor> replay) {}
