package io.gradus.data;

import io.gradus.image.Image;
import io.gradus.image.ImageTransform;
import io.gradus.tensor.DType;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;

/**
 * Images of classes, in memory or in files; batches are F32 (batch, channels, height, width) with
 * labels I64 (batch).
 *
 * <pre>{@code
 * ImageDataset train = ImageFolder.open(Path.of("flowers/train"))
 *     .transform(ImageTransform.resize(72, 72))
 *     .transform(ImageTransform.randomCrop(64, 64, 0))
 *     .transform(ImageTransform.randomHorizontalFlip(0.5));
 * Batches batches = Batches.of(train, 32).shuffle(Seed.of(1)).prefetch(2, 8);
 * }</pre>
 */
public interface ImageDataset extends Dataset {

  /**
   * Reads an image.
   *
   * @param seed what is random about it follows from this
   */
  Image image(long index, Seed seed) throws IOException;

  /** The class of an image. */
  long label(long index);

  /** What error messages call an image: its file, where it has one. */
  default String name(long index) {
    return "image " + index;
  }

  /** The class of each image, for {@link Order#stratified} and {@link Splits#stratified}. */
  default long[] classes() {
    long[] classes = new long[Math.toIntExact(size())];
    for (int i = 0; i < classes.length; i++) {
      classes[i] = label(i);
    }
    return classes;
  }

  /**
   * Images in memory, at a byte a pixel.
   *
   * @param images U8, (n, height, width) or (n, channels, height, width); numbers from 0 to 1 are
   *     made of them when they are read
   * @param labels integers (n)
   */
  static ImageDataset of(Tensor images, Tensor labels) {
    if (images.dtype() != DType.U8
        || images.rank() != 3 && images.rank() != 4
        || labels.rank() != 1
        || labels.dtype().isFloating()
        || images.dim(0) != labels.dim(0)) {
      throw new IllegalArgumentException(
          "images: needs u8 (n, height, width) or (n, channels, height, width) and n integers: "
              + images.describe()
              + " and "
              + labels.describe());
    }
    return new MemoryImages(images, labels);
  }

  /** The same images, changed whenever they are read, on the thread that reads. */
  default ImageDataset transform(ImageTransform transform) {
    return new TransformedImages(this, transform);
  }

  @Override
  default Batch batch(long[] indices, Seed[] seeds) throws IOException {
    if (indices.length == 0) {
      throw new IllegalArgumentException("images: without any there is no size for a batch");
    }
    Image first = null;
    float[] pixels = null;
    long[] labels = new long[indices.length];
    for (int i = 0; i < indices.length; i++) {
      Index.check(indices[i], size());
      Image image = image(indices[i], seeds[i]);
      if (first == null) {
        first = image;
        pixels = new float[Math.multiplyExact(indices.length, image.pixels().length)];
      }
      if (image.channels() != first.channels()
          || image.height() != first.height()
          || image.width() != first.width()) {
        throw new IOException(
            "images: sizes differ in a batch: "
                + first
                + " "
                + name(indices[0])
                + " and "
                + image
                + " "
                + name(indices[i])
                + "; resize or crop them");
      }
      System.arraycopy(image.pixels(), 0, pixels, i * image.pixels().length, image.pixels().length);
      labels[i] = label(indices[i]);
    }
    return new Batch(
        Tensor.of(pixels, indices.length, first.channels(), first.height(), first.width()),
        Tensor.of(labels));
  }
}
