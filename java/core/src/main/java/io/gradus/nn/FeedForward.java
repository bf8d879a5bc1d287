package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * The part of a transformer's block that works on each position by itself: up to a hidden size,
 * through a nonlinearity, and down again; from {@code (..., width)} to the same shape.
 *
 * <p>Its parameters are those of two linear layers, {@code up (hidden, width)} and {@code down
 * (width, hidden)}. With SwiGLU, {@code up} has twice the rows: first those of the gate.
 */
public final class FeedForward extends Module {

  /** The nonlinearity between the two layers. */
  public enum Kind {
    /** ReLU, as in the first transformers. */
    RELU,
    /** GELU in its tanh form, as in GPT-2. */
    GELU,
    /** GELU by the error function, as in BERT. */
    GELU_ERF,
    /** {@code silu(gate) · up} (Shazeer 2020), as in Llama. */
    SWIGLU;

    /** Its value; SwiGLU halves the last size. */
    Tensor apply(Tensor hidden) {
      return switch (this) {
        case RELU -> Activations.relu(hidden);
        case GELU -> Activations.gelu(hidden);
        case GELU_ERF -> Activations.geluErf(hidden);
        case SWIGLU -> Activations.swiglu(hidden);
      };
    }
  }

  private final Kind kind;
  private final Linear up;
  private final Linear down;

  /** From and to rows of {@code width}. */
  public FeedForward(int width, int hidden, Kind kind, boolean bias, Device device, Seed seed) {
    this.kind = kind;
    long rows = kind == Kind.SWIGLU ? 2L * hidden : hidden;
    up = child("up", new Linear(width, rows, bias, device, seed.split(0)));
    down = child("down", new Linear(hidden, width, bias, device, seed.split(1)));
  }

  @Override
  public Tensor forward(Tensor x) {
    return down.call(kind.apply(up.call(x)));
  }

  /** The layer to the hidden size. */
  public Linear up() {
    return up;
  }

  /** The layer back. */
  public Linear down() {
    return down;
  }

  @Override
  protected String settings() {
    return "kind=" + kind;
  }
}
