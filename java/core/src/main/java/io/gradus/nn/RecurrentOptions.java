package io.gradus.nn;

/**
 * How recurrent layers are put together. Immutable: each method returns options with one more.
 *
 * <pre>{@code
 * new Lstm(128, 256, RecurrentOptions.layers(2).bothDirections().dropout(0.3), device, seed)
 * }</pre>
 *
 * @param layers how many layers, each on what the one before gives at each time
 * @param bidirectional whether each layer has a second half that goes back in time; its outputs
 *     stand beside those of the first
 * @param dropout the probability between layers, in training; 0 for none
 * @param bias whether the layers have biases
 */
public record RecurrentOptions(int layers, boolean bidirectional, double dropout, boolean bias) {

  /** Checks numbers. */
  public RecurrentOptions {
    if (layers < 1) {
      throw new IllegalArgumentException("recurrent: there must be a layer: " + layers);
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new IllegalArgumentException(
          "recurrent: the probability of dropout must lie in [0, 1]: " + dropout);
    }
  }

  /** So many layers forward in time, with biases and without dropout. */
  public static RecurrentOptions layers(int layers) {
    return new RecurrentOptions(layers, false, 0, true);
  }

  /** With a second half of each layer that goes back in time. */
  public RecurrentOptions bothDirections() {
    return new RecurrentOptions(layers, true, dropout, bias);
  }

  /** With dropout between layers. */
  public RecurrentOptions dropout(double p) {
    return new RecurrentOptions(layers, bidirectional, p, bias);
  }

  /** Without biases. */
  public RecurrentOptions withoutBias() {
    return new RecurrentOptions(layers, bidirectional, dropout, false);
  }

  int directions() {
    return bidirectional ? 2 : 1;
  }

  @Override
  public String toString() {
    return "layers="
        + layers
        + (bidirectional ? ", bidirectional=true" : "")
        + (dropout > 0 ? ", dropout=" + dropout : "")
        + (bias ? "" : ", bias=false");
  }
}
