package io.gradus.model;

import io.gradus.nn.Init;
import io.gradus.nn.Module;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.function.ToDoubleFunction;

/** How transformers begin, as GPT-2 and BERT do: matrices normal around 0, biases 0. */
final class Weights {

  private Weights() {}

  /**
   * Gives each matrix and bias of a model its first values.
   *
   * @param deviation of the matrix of a name
   */
  static void initialize(Module model, ToDoubleFunction<String> deviation, Seed seed) {
    int number = 0;
    for (var parameter : model.parameters().asMap().entrySet()) {
      Tensor tensor = parameter.getValue();
      if (parameter.getKey().endsWith("bias")) {
        tensor.fill(0);
      } else if (tensor.rank() == 2) {
        double spread = deviation.applyAsDouble(parameter.getKey());
        Seed own = seed.split(number++);
        try (Tensor value = Init.normal(tensor.shape(), 0, spread, own, tensor.device())) {
          tensor.copyFrom(value);
        }
      }
    }
  }
}
