package io.gradus.data;

import io.gradus.image.Image;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/** Images of bytes. */
final class MemoryImages implements ImageDataset {

  private final Tensor images; // (n, channels, height, width)
  private final long[] labels;

  MemoryImages(Tensor images, Tensor labels) {
    this.images =
        images.rank() == 4
            ? images
            : images.view(Shape.of(images.dim(0), 1, images.dim(1), images.dim(2)), 0);
    this.labels = longs(labels);
  }

  private static long[] longs(Tensor labels) {
    if (labels.dtype() == DType.I64) {
      return labels.toLongs();
    }
    try (Tensor longs = Pointwise.cast(labels, DType.I64)) {
      return longs.toLongs();
    }
  }

  @Override
  public long size() {
    return labels.length;
  }

  @Override
  public Image image(long index, Seed seed) {
    Index.check(index, size());
    int channels = (int) images.dim(1);
    int height = (int) images.dim(2);
    int width = (int) images.dim(3);
    int n = channels * height * width;
    byte[] bytes;
    try (Tensor one = images.view(Shape.of(n), index * n)) {
      bytes = one.toBytes();
    }
    float[] pixels = new float[n];
    for (int i = 0; i < n; i++) {
      pixels[i] = (bytes[i] & 0xff) / 255f;
    }
    return new Image(channels, height, width, pixels);
  }

  @Override
  public long label(long index) {
    return labels[(int) index];
  }
}
