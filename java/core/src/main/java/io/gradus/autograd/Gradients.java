package io.gradus.autograd;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * The gradients of one loss: a value that can be read, added, scaled, clipped and handed to an
 * optimizer, once. It belongs to the tape it came from and is freed with it; {@link
 * Tape#keep(Gradients)} hands it out. Closing it frees its memory at once and is never needed.
 */
public final class Gradients implements AutoCloseable {

  private final List<Tensor> targets;
  private final Map<Tensor, Tensor> byTarget;
  private final List<FlatGradients.Flat> flats;

  /** Multiplies every gradient: folded into the kernel that uses them, so that clipping is free. */
  private final double scale;

  /** Multiplies every gradient too, a scalar that the device computes; null for 1. */
  private final Tensor factor;

  /** Whether they were applied; one for all multiples of the same gradients. */
  private final AtomicBoolean applied;

  Gradients(List<Tensor> targets, Map<Tensor, Tensor> byTarget, List<FlatGradients.Flat> flats) {
    this(targets, byTarget, flats, 1, null, new AtomicBoolean());
  }

  private Gradients(
      List<Tensor> targets,
      Map<Tensor, Tensor> byTarget,
      List<FlatGradients.Flat> flats,
      double scale,
      Tensor factor,
      AtomicBoolean applied) {
    this.targets = targets;
    this.byTarget = byTarget;
    this.flats = flats;
    this.scale = scale;
    this.factor = factor;
    this.applied = applied;
  }

  /** The tensors that there are gradients for, in the order of their use. */
  public List<Tensor> targets() {
    return Collections.unmodifiableList(targets);
  }

  /**
   * The gradient with respect to a tensor, of its shape; zeros where the loss does not depend on
   * it.
   *
   * @throws IllegalArgumentException where it was not among the targets
   */
  public Tensor get(Tensor target) {
    Tensor gradient = byTarget.get(target);
    if (gradient == null) {
      throw new IllegalArgumentException(
          "gradients: there is none for this tensor: "
              + target.describe()
              + "; name it when calling gradients, or let it require gradients");
    }
    return isPlain() ? gradient : multiplied(gradient);
  }

  /** Whether what is stored is what they are. */
  private boolean isPlain() {
    return scale == 1 && factor == null;
  }

  /** A copy of one of them, with all that multiplies it. */
  private Tensor multiplied(Tensor gradient) {
    double all = factor == null ? scale : scale * factor.item();
    return scaled(gradient, Tensor.emptyLike(gradient), all);
  }

  /** Whether there is a gradient for this tensor. */
  public boolean contains(Tensor target) {
    return byTarget.containsKey(target);
  }

  /** Every gradient times a factor. */
  public Gradients scale(double by) {
    return new Gradients(targets, byTarget, flats, scale * by, factor, applied);
  }

  /** The L2 norm of all gradients together. */
  @SuppressWarnings("try") // the factor of a clip that is not asked for only has to close
  public double norm() {
    Clip clip = norm(Double.POSITIVE_INFINITY, false);
    try (Tensor norm = clip.norm();
        Tensor unused = clip.factor()) {
      return norm.item() * (factor == null ? 1 : factor.item());
    }
  }

  /** A norm and the factor that follows from it, both scalars on the device. */
  private record Clip(Tensor norm, Tensor factor) {}

  private Clip norm(double max, boolean skip) {
    List<Tensor> tensors = gradientTensors();
    Tensor norm = Tensor.empty(Shape.of(), DType.F32, tensors.get(0).device());
    Tensor clip = Tensor.emptyLike(norm);
    try (Tensor squares = Tensor.empty(Shape.of(tensors.size()), DType.F32, norm.device())) {
      for (int i = 0; i < tensors.size(); i++) {
        Tensor x = tensors.get(i);
        long square = squares.address() + (long) i * DType.F32.bytes();
        x.backend().sumSquares(x.typeCode(), x.address(), square, x.size());
      }
      norm.backend()
          .clipFactor(
              squares.address(), squares.size(), norm.address(), clip.address(), scale, max, skip);
    }
    return new Clip(norm, clip);
  }

  /**
   * Scaled down where their norm exceeds {@code max}, by {@code max / (norm + 1e-6)} as PyTorch's
   * {@code clip_grad_norm_} (Pascanu et al. 2013). The device does it: nothing is read.
   *
   * @throws IllegalStateException where they are clipped already
   */
  public Gradients clipNorm(double max) {
    return clipped("clipNorm", max, false).gradients();
  }

  /** Gradients that were clipped, and the norm that they had before. */
  public record Clipped(Gradients gradients, Tensor norm) {}

  /**
   * As {@link #clipNorm}, for a step that must do no harm: an optimizer leaves the parameters as
   * they are where the norm is not finite. The norm, a scalar, says so afterwards.
   *
   * @param max infinity to clip nothing
   */
  public Clipped clipFinite(double max) {
    return clipped("clipFinite", max, true);
  }

  /**
   * As {@link #clipFinite(double)}; the parameters are also left as they are where the norm exceeds
   * a limit, or a guard, such as the loss, is not finite.
   *
   * @param limit infinity for none
   * @param guards F32 scalars on the gradients' device
   */
  public Clipped clipFinite(double max, double limit, Tensor... guards) {
    if (!(limit > 0)) {
      throw new IllegalArgumentException("clipFinite: the limit must be positive: " + limit);
    }
    Clipped clipped = clipFinite(max);
    Tensor factor = clipped.gradients().factor;
    for (Tensor guard : guards) {
      poison(factor, guard);
    }
    if (limit < Double.POSITIVE_INFINITY) {
      Tensor norm = clipped.norm();
      try (Tensor root = Tensor.emptyLike(norm)) {
        norm.backend().affine(norm.typeCode(), norm.address(), root.address(), 1, -1, limit);
        // NaN where the norm is larger
        root.backend().sqrt(root.typeCode(), root.address(), root.address(), 1);
        poison(factor, root);
      }
    }
    return clipped;
  }

  /** Makes a factor NaN where a guard is not finite, and leaves it as it is where it is. */
  private static void poison(Tensor factor, Tensor guard) {
    if (guard.size() != 1 || guard.dtype() != DType.F32) {
      throw new IllegalArgumentException(
          "clipFinite: a guard must be an f32 scalar: " + guard.describe());
    }
    try (Tensor zero = Tensor.emptyLike(factor)) {
      int type = factor.typeCode();
      factor.backend().affine(type, guard.address(), zero.address(), 1, 0, 0);
      factor.backend().add(type, factor.address(), zero.address(), factor.address(), 1, null);
    }
    Reference.reachabilityFence(guard);
  }

  private Clipped clipped(String op, double max, boolean skip) {
    if (!(max > 0)) {
      throw new IllegalArgumentException(op + ": the norm must be positive: " + max);
    }
    if (factor != null) {
      throw new IllegalStateException(op + ": these gradients are clipped already");
    }
    Clip clip = norm(max, skip);
    return new Clipped(
        new Gradients(targets, byTarget, flats, scale, clip.factor(), applied), clip.norm());
  }

  /**
   * Every element of every gradient kept within {@code -max} and {@code max}, as PyTorch's {@code
   * clip_grad_value_} does. NaN stays. Clipping by norm may follow, but not come before.
   *
   * @throws IllegalStateException where they are clipped by norm already
   */
  public Gradients clipValue(double max) {
    if (!(max > 0)) {
      throw new IllegalArgumentException("clipValue: the bound must be positive: " + max);
    }
    if (factor != null) {
      throw new IllegalStateException(
          "clipValue: these gradients are clipped by norm already; clip by value first");
    }
    Map<Tensor, Tensor> clipped = new IdentityHashMap<>();
    List<FlatGradients.Flat> clippedFlats = new ArrayList<>();
    for (FlatGradients.Flat flat : flats) {
      Tensor y = clamped(flat.gradients(), max);
      clippedFlats.add(new FlatGradients.Flat(flat.parameters(), y));
      byTarget.forEach(
          (target, gradient) -> {
            if (gradient.sharesMemoryWith(flat.gradients())) {
              clipped.put(target, y.view(target.shape(), gradient.blockOffset()));
            }
          });
    }
    byTarget.forEach(
        (target, gradient) -> {
          if (!clipped.containsKey(target)) {
            clipped.put(target, clamped(gradient, max));
          }
        });
    return new Gradients(targets, clipped, clippedFlats, 1, null, applied);
  }

  private Tensor clamped(Tensor x, double max) {
    Tensor y = multiplied(x);
    y.backend().clamp(y.typeCode(), y.address(), y.address(), y.size(), -max, max);
    return y;
  }

  /**
   * The sum of these gradients and others for the same tensors, as for accumulation over several
   * batches.
   */
  public Gradients plus(Gradients other) {
    if (byTarget.size() != other.byTarget.size()
        || !other.byTarget.keySet().containsAll(byTarget.keySet())) {
      throw new IllegalArgumentException(
          "plus: the gradients are of different tensors: "
              + byTarget.size()
              + " and "
              + other.byTarget.size());
    }
    List<FlatGradients.Flat> sums = new ArrayList<>();
    Map<Tensor, Tensor> sumOf = new IdentityHashMap<>();
    for (FlatGradients.Flat flat : flats) {
      Tensor there = sameLayout(flat.gradients(), other);
      if (there != null) {
        Tensor sum = sum(flat.gradients(), this, there, other);
        sums.add(new FlatGradients.Flat(flat.parameters(), sum));
        for (Tensor target : targets) {
          Tensor gradient = byTarget.get(target);
          if (gradient.sharesMemoryWith(flat.gradients())) {
            sumOf.put(target, sum.view(target.shape(), gradient.blockOffset()));
          }
        }
      }
    }
    for (Tensor target : targets) {
      if (!sumOf.containsKey(target)) {
        sumOf.put(target, sum(byTarget.get(target), this, other.byTarget.get(target), other));
      }
    }
    return new Gradients(targets, sumOf, sums);
  }

  /** The other gradients' buffer that has the same gradients at the same indices; null for none. */
  private Tensor sameLayout(Tensor flat, Gradients other) {
    for (FlatGradients.Flat candidate : other.flats) {
      boolean same = candidate.gradients().size() == flat.size();
      for (Tensor target : targets) {
        Tensor here = byTarget.get(target);
        Tensor there = other.byTarget.get(target);
        same &=
            !here.sharesMemoryWith(flat)
                || there.sharesMemoryWith(candidate.gradients())
                    && there.blockOffset() == here.blockOffset();
      }
      if (same) {
        return candidate.gradients();
      }
    }
    return null;
  }

  private static Tensor sum(Tensor a, Gradients ofA, Tensor b, Gradients ofB) {
    Tensor y = ofA.multiplied(a);
    Tensor right = ofB.isPlain() ? b : ofB.multiplied(b);
    y.backend().add(y.typeCode(), y.address(), right.address(), y.address(), y.size(), null);
    if (right != b) {
      right.close();
    }
    return y;
  }

  private static Tensor scaled(Tensor x, Tensor y, double factor) {
    x.backend().affine(x.typeCode(), x.address(), y.address(), x.size(), factor, -0.0);
    return Tape.record("scale", y, Wrt.wrt(x, dy -> scaled(dy, Tensor.emptyLike(dy), factor)));
  }

  // For optimizers

  /**
   * The gradients of a whole flat buffer of parameters, to be multiplied by {@link #scale()} and
   * {@link #factor()}, at the indices of the parameters; null where this one's gradient does not
   * lie there, as after the parameter has moved.
   */
  public Tensor flat(Tensor parameter) {
    Tensor gradient = byTarget.get(parameter);
    for (FlatGradients.Flat flat : flats) {
      if (gradient != null
          && gradient.sharesMemoryWith(flat.gradients())
          && gradient.blockOffset() == parameter.blockOffset()) {
        return flat.gradients();
      }
    }
    return null;
  }

  /**
   * The gradient of one parameter, to be multiplied as {@link #flat} is.
   *
   * @throws IllegalArgumentException where it was not among the targets
   */
  public Tensor unscaled(Tensor parameter) {
    return new Gradients(targets, byTarget, flats).get(parameter);
  }

  /** What {@link #flat} has yet to be multiplied by. */
  public double scale() {
    return scale;
  }

  /** What it has to be multiplied by too: an F32 scalar, NaN to change nothing; null for none. */
  public Tensor factor() {
    return factor;
  }

  /**
   * Marks these gradients, and all multiples of them, as applied.
   *
   * @throws IllegalStateException where they have been applied before
   */
  public void apply() {
    use("step");
  }

  void use(String op) {
    if (applied.getAndSet(true)) {
      throw new IllegalStateException(
          op + ": these gradients were applied before: compute new ones from another tape");
    }
  }

  /** Frees the gradients now. Closing twice is harmless. */
  @Override
  public void close() {
    byTarget.values().forEach(Tensor::close);
    flats.forEach(flat -> flat.gradients().close());
  }

  /** All tensors that belong to them. */
  List<Tensor> tensors() {
    List<Tensor> tensors = gradientTensors();
    if (factor != null) {
      tensors.add(factor);
    }
    return tensors;
  }

  /** The tensors that hold the gradients, flat buffers as wholes. */
  private List<Tensor> gradientTensors() {
    List<Tensor> tensors = new ArrayList<>();
    flats.forEach(flat -> tensors.add(flat.gradients()));
    for (Tensor target : targets) {
      Tensor gradient = byTarget.get(target);
      if (flats.stream().noneMatch(flat -> gradient.sharesMemoryWith(flat.gradients()))) {
        tensors.add(gradient);
      }
    }
    return tensors;
  }

  /** The shapes of the tensors that there are gradients for. */
  @Override
  public String toString() {
    return targets.stream()
        .map(Tensor::describe)
        .collect(Collectors.joining(", ", "gradients of " + targets.size() + " tensors: ", ""));
  }
}
