package io.gradus.autograd;

import io.gradus.tensor.DType;

/**
 * Mixed precision for what this thread computes while it is open, as PyTorch's {@code autocast}:
 * products (linear and recurrent layers, matrix products, convolutions, attention) take their F32
 * operands in BF16 or F16 and give results of that type; where an op meets both types, it computes
 * in F32. Parameters and their gradients stay F32, sums within kernels too.
 *
 * <pre>{@code
 * try (Tape tape = Tape.record()) {
 *   Tensor scores;
 *   try (Autocast autocast = Autocast.to(DType.BF16)) {
 *     scores = model.forward(x);
 *   }
 *   optimizer.step(tape.gradients(Losses.crossEntropy(scores, labels)));
 * }
 * }</pre>
 *
 * <p>Gradients have the types of what they belong to, whether it is open then or not. F16 has a
 * small range: scale the loss, so that gradients do not vanish.
 */
public final class Autocast implements AutoCloseable {

  private static final ThreadLocal<DType> TYPE = ThreadLocal.withInitial(() -> DType.F32);

  private final DType before;

  private Autocast(DType before) {
    this.before = before;
  }

  /**
   * Begins it on this thread.
   *
   * @param type BF16 or F16; F32 switches it off
   * @throws IllegalArgumentException for another type
   */
  public static Autocast to(DType type) {
    if (!type.isFloating()) {
      throw new IllegalArgumentException("autocast: needs f32, bf16 or f16: " + type);
    }
    Autocast autocast = new Autocast(TYPE.get());
    TYPE.set(type);
    return autocast;
  }

  /** The type that products have on this thread; F32 where none is open. */
  public static DType type() {
    return TYPE.get();
  }

  /** Ends it: what held before holds again. */
  @Override
  public void close() {
    TYPE.set(before);
  }
}
