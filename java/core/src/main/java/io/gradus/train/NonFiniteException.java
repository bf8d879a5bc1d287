package io.gradus.train;

/** A loss or a gradient is not finite, or too large; no parameter was changed by it. */
public final class NonFiniteException extends IllegalStateException {

  private static final long serialVersionUID = 1L;

  NonFiniteException(String message) {
    super(message);
  }
}
