package io.gradus.nn;

/**
 * What the layers of a transformer are made of.
 *
 * @param width of the vectors between layers, {@code d_model} in PyTorch
 * @param heads of attention, which divide the width
 * @param hidden the size inside the feed-forward part, {@code dim_feedforward} in PyTorch
 * @param dropout the probability in attention, inside the feed-forward part and behind each part
 * @param activation inside the feed-forward part: {@code RELU}, {@code GELU_ERF}, which is what
 *     PyTorch calls gelu, or {@code GELU}
 * @param preNorm whether a part normalizes its input (Xiong et al. 2020), which trains deep
 *     networks without a warm-up; else the sum of part and residual is normalized (Vaswani et al.
 *     2017)
 * @param epsilon of the norms
 */
public record TransformerOptions(
    int width,
    int heads,
    int hidden,
    double dropout,
    FeedForward.Kind activation,
    boolean preNorm,
    double epsilon) {

  /** Checks that the sizes fit together. */
  public TransformerOptions {
    if (width < 1 || heads < 1 || width % heads != 0 || hidden < 1) {
      throw new IllegalArgumentException(
          "transformer: sizes must be positive, and heads divide the width: width "
              + width
              + ", heads "
              + heads
              + ", hidden "
              + hidden);
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new IllegalArgumentException(
          "transformer: the probability of dropout must lie in [0, 1]: " + dropout);
    }
    if (activation == FeedForward.Kind.SWIGLU) {
      throw new IllegalArgumentException(
          "transformer: the activation must be RELU, GELU_ERF or GELU: " + activation);
    }
    if (!(epsilon > 0 && epsilon < 1)) {
      throw new IllegalArgumentException("transformer: epsilon must lie in (0, 1): " + epsilon);
    }
  }

  /** As PyTorch begins: ReLU, norms behind the sums with an epsilon of 1e-5, dropout of 0.1. */
  public static TransformerOptions of(int width, int heads, int hidden) {
    return new TransformerOptions(width, heads, hidden, 0.1, FeedForward.Kind.RELU, false, 1e-5);
  }

  /** With norms before the parts. */
  public TransformerOptions withPreNorm() {
    return new TransformerOptions(width, heads, hidden, dropout, activation, true, epsilon);
  }

  /** With another probability of dropout. */
  public TransformerOptions withDropout(double p) {
    return new TransformerOptions(width, heads, hidden, p, activation, preNorm, epsilon);
  }

  /** With another activation. */
  public TransformerOptions withActivation(FeedForward.Kind kind) {
    return new TransformerOptions(width, heads, hidden, dropout, kind, preNorm, epsilon);
  }

  String settings() {
    return "width="
        + width
        + ", heads="
        + heads
        + ", hidden="
        + hidden
        + ", activation="
        + activation
        + (preNorm ? ", preNorm=true" : "")
        + (dropout > 0 ? ", dropout=" + dropout : "");
  }
}
