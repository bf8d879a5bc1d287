package io.gradus.train;

import io.gradus.data.JsonTree;

/**
 * Scales the loss of a training in F16, so that small gradients do not vanish, and finds the scale:
 * it falls where a gradient overflows, and that step is left out; it rises after a number of steps
 * in which none did (Micikevicius et al. 2018).
 *
 * <p>At first the scale is 65536; it doubles after 2000 steps and halves where one overflows, as in
 * PyTorch.
 */
public final class GradScaler {

  /** A gradient that overflows with this scale would with any. */
  private static final double LOWEST = 1.0 / 65536;

  /** The largest power of two in F32: the scaled loss is one. */
  private static final double HIGHEST = 0x1p127;

  private final double growthFactor;
  private final double backoffFactor;
  private final long growthInterval;
  private double scale;
  private long good;

  /** With PyTorch's settings. */
  public GradScaler() {
    this(65536, 2, 0.5, 2000);
  }

  /**
   * With these settings.
   *
   * @param scale what the loss is multiplied by at first
   * @param growthFactor what the scale is multiplied by after {@code growthInterval} steps without
   *     overflow; more than 1
   * @param backoffFactor what it is multiplied by after an overflow; between 0 and 1
   * @param growthInterval steps without overflow until it grows
   */
  public GradScaler(double scale, double growthFactor, double backoffFactor, long growthInterval) {
    check(scale >= LOWEST && scale <= HIGHEST, "scale", "must lie in [2^-16, 2^127]", scale);
    check(
        growthFactor > 1 && Double.isFinite(growthFactor),
        "growthFactor",
        "must be more than 1",
        growthFactor);
    check(
        backoffFactor > 0 && backoffFactor < 1,
        "backoffFactor",
        "must lie between 0 and 1",
        backoffFactor);
    check(growthInterval >= 1, "growthInterval", "must be positive", (double) growthInterval);
    this.scale = scale;
    this.growthFactor = growthFactor;
    this.backoffFactor = backoffFactor;
    this.growthInterval = growthInterval;
  }

  private static void check(boolean right, String name, String rule, double value) {
    if (!right) {
      throw new IllegalArgumentException("gradScaler: " + name + " " + rule + ": " + value);
    }
  }

  /** What the next loss is multiplied by, and its gradient divided. */
  public double scale() {
    return scale;
  }

  /** Whether the scale cannot fall any further, so that an overflow is the model's own. */
  public boolean isLowest() {
    return scale <= LOWEST;
  }

  /** Takes notice of a step: whether its gradients were finite. */
  public void update(boolean finite) {
    if (!finite) {
      scale = Math.max(LOWEST, scale * backoffFactor);
      good = 0;
    } else if (++good == growthInterval) {
      scale = Math.min(HIGHEST, scale * growthFactor);
      good = 0;
    }
  }

  JsonTree toJson() {
    return new JsonTree().put("scale", scale).put("good_steps", good);
  }

  void restore(JsonTree json) {
    double saved = json.number("scale");
    check(saved >= LOWEST && saved <= HIGHEST, "scale", "must lie in [2^-16, 2^127]", saved);
    scale = saved;
    good = json.count("good_steps");
  }
}
