package io.gradus.data;

import io.gradus.image.Image;
import io.gradus.image.ImageTransform;
import io.gradus.tensor.Seed;
import java.io.IOException;

/** Images that are changed when they are read. */
record TransformedImages(ImageDataset images, ImageTransform transform) implements ImageDataset {

  @Override
  public long size() {
    return images.size();
  }

  @Override
  public Image image(long index, Seed seed) throws IOException {
    // Parts of the seed, so that two transforms one after the other do not draw the same.
    Image image = images.image(index, seed.split(0));
    try {
      return transform.apply(image, seed.split(1));
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage() + ": " + images.name(index), e);
    }
  }

  @Override
  public long label(long index) {
    return images.label(index);
  }

  @Override
  public String name(long index) {
    return images.name(index);
  }
}
