package io.gradus.data;

import io.gradus.op.Comparisons;
import io.gradus.op.Indexing;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * Pastes a box of another image of the batch into each (Yun et al. 2019). The box has a share of
 * {@code 1 - λ} of the area, λ from Beta(alpha, alpha), and lies anywhere, cut off at the borders;
 * targets mix by the area that is left of it. They become probabilities, which {@link
 * io.gradus.op.Losses#crossEntropy} takes.
 *
 * @param alpha above 0; the paper has 1
 * @param classes the number of classes
 */
public record CutMix(double alpha, int classes) {

  /** Checks both. */
  public CutMix {
    Mixing.check("cutmix", alpha, classes);
  }

  /** Rows and columns of a box; the ends are exclusive. */
  private record Box(int top, int bottom, int left, int right) {
    double area() {
      return (double) (bottom - top) * (right - left);
    }
  }

  /**
   * A mixed batch; the seed decides how.
   *
   * @param batch inputs (n, channels, height, width) of a floating type; targets (n), I32 or I64,
   *     or probabilities (n, classes)
   * @return inputs of the same shape and type, targets (n, classes) in F32
   * @throws IndexOutOfBoundsException for a target outside the classes
   */
  public Batch apply(Batch batch, Seed seed) {
    Mixing.checkInputs("cutmix", batch);
    Tensor images = batch.inputs();
    if (images.rank() != 4) {
      throw new IllegalArgumentException(
          "cutmix: inputs must be (n, channels, height, width): " + images.shape());
    }
    int height = (int) images.dim(2);
    int width = (int) images.dim(3);
    Box box = box(height, width, seed);
    double share = box.area() == 0 ? 1 : 1 - box.area() / ((double) height * width);
    try (Scope scope = Scope.open()) {
      Tensor partners = Mixing.partners(batch, seed.split(1));
      Tensor targets = Mixing.soft("cutmix", batch.targets(), classes);
      Tensor mask = mask(box, height, width).to(images.device());
      return Mixing.keep(
          scope,
          Comparisons.where(mask, Indexing.takeRows(images, partners), images),
          Mixing.mix(targets, partners, share));
    }
  }

  private Box box(int height, int width, Seed seed) {
    double side = Math.sqrt(1 - Beta.draw(alpha, seed.split(0)));
    int high = (int) (height * side);
    int wide = (int) (width * side);
    // The middle lies anywhere in the image.
    int top = place(height, seed.split(2)) - high / 2;
    int left = place(width, seed.split(3)) - wide / 2;
    return new Box(
        Math.max(top, 0),
        Math.min(top + high, height),
        Math.max(left, 0),
        Math.min(left + wide, width));
  }

  private static int place(int size, Seed seed) {
    return size == 0 ? 0 : (int) Long.remainderUnsigned(seed.value(), size);
  }

  /** 1 inside the box. */
  private static Tensor mask(Box box, int height, int width) {
    byte[] mask = new byte[height * width];
    for (int row = box.top; row < box.bottom; row++) {
      Arrays.fill(mask, row * width + box.left, row * width + box.right, (byte) 1);
    }
    return Tensor.of(mask, height, width);
  }
}
