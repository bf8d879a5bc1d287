package io.gradus.op;

/**
 * A number for each axis of an image, such as how far apart windows are.
 *
 * @param height along its rows
 * @param width along its columns; the only one that sequences have
 */
public record PerAxis(int height, int width) {

  /** The same number for both. */
  public static PerAxis both(int number) {
    return new PerAxis(number, number);
  }

  /** Whether both are this number. */
  boolean are(int number) {
    return height == number && width == number;
  }

  void checkAtLeast(int least, String op, String name) {
    if (height < least || width < least) {
      throw new IllegalArgumentException(
          op + ": " + name + " must be " + least + " or more: " + this);
    }
  }

  /** {@code 2 x 3}. */
  @Override
  public String toString() {
    return height + " x " + width;
  }
}
