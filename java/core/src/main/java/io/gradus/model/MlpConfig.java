package io.gradus.model;

import io.gradus.nn.Activation;
import java.util.Arrays;
import java.util.List;

/**
 * What an {@link Mlp} is made of.
 *
 * @param sizes of the input, each hidden layer and the output
 * @param activation behind each hidden layer
 * @param dropout the probability behind each activation; 0 for none
 */
public record MlpConfig(List<Integer> sizes, Activation activation, double dropout) {

  /** Checks sizes and dropout. */
  public MlpConfig {
    sizes = List.copyOf(sizes);
    if (sizes.size() < 2 || sizes.stream().anyMatch(size -> size < 1)) {
      throw new IllegalArgumentException(
          "mlp: needs two or more positive sizes, input first and output last: " + sizes);
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new IllegalArgumentException(
          "mlp: the probability of dropout must lie in [0, 1]: " + dropout);
    }
  }

  /** These sizes with ReLU and without dropout. */
  public static MlpConfig of(int... sizes) {
    return new MlpConfig(Arrays.stream(sizes).boxed().toList(), Activation.RELU, 0);
  }
}
