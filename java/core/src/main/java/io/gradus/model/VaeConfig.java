package io.gradus.model;

import java.util.List;

/**
 * What a {@link Vae} is made of.
 *
 * @param inputs numbers of an example, such as the pixels of an image
 * @param hidden sizes of the encoder's hidden layers; the decoder has them the other way round
 * @param latent numbers that stand for an example
 */
public record VaeConfig(int inputs, List<Integer> hidden, int latent) {

  /** Checks the sizes. */
  public VaeConfig {
    hidden = List.copyOf(hidden);
    if (inputs < 1 || latent < 1 || hidden.stream().anyMatch(size -> size < 1)) {
      throw new IllegalArgumentException(
          "vae: sizes must be positive: inputs "
              + inputs
              + ", hidden "
              + hidden
              + ", latent "
              + latent);
    }
  }
}
