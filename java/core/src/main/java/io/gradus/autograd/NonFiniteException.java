package io.gradus.autograd;

/** A loss, a gradient or what lies between them is not finite, or larger than it may be. */
public final class NonFiniteException extends IllegalStateException {

  private static final long serialVersionUID = 1L;

  /** With what was seen. */
  public NonFiniteException(String message) {
    super(message);
  }
}
