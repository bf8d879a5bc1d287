package io.gradus.model;

import io.gradus.nn.Dropout;
import io.gradus.nn.Init;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * From images {@code (batch, channels, height, width)} to the vectors of a class token and their
 * patches, row by row, {@code (batch, 1 + patches, width)}.
 */
final class VitEmbeddings extends Module {

  private final VitConfig config;
  private final Tensor classToken;
  private final Tensor positions;
  private final Patches patches;
  private final Dropout dropout;

  VitEmbeddings(VitConfig config, Device device, Seed seed) {
    this.config = config;
    long width = config.width();
    classToken =
        parameter(
            "cls_token", () -> Init.normal(Shape.of(1, 1, width), 0, 0.02, seed.split(0), device));
    Shape places = Shape.of(1, 1 + config.patches(), width);
    positions =
        parameter("position_embeddings", () -> Init.normal(places, 0, 0.02, seed.split(1), device));
    patches = child("patch_embeddings", new Patches(config, device, seed.split(2)));
    dropout = child("dropout", new Dropout(config.dropout(), seed.split(3)));
  }

  @Override
  public Tensor forward(Tensor images) {
    Tensor x = patches.call(images);
    Tensor first =
        Shapes.expand(Pointwise.cast(classToken, x.dtype()), Shape.of(x.dim(0), 1, config.width()));
    Tensor all = Shapes.concat(1, first, x);
    return dropout.call(Pointwise.add(all, Pointwise.cast(positions, x.dtype())));
  }

  /** A convolution whose steps are as long as its kernel: each patch is a row of a product. */
  private static final class Patches extends Module {
    private final VitConfig config;
    private final Linear projection;

    Patches(VitConfig config, Device device, Seed seed) {
      this.config = config;
      long pixels = (long) config.channels() * config.patch() * config.patch();
      projection = child("projection", new Linear(pixels, config.width(), device, seed));
    }

    @Override
    public Tensor forward(Tensor images) {
      long b = images.rank() == 4 ? images.dim(0) : 0;
      int p = config.patch();
      Shape shape = Shape.of(b, config.channels(), config.height(), config.imageWidth());
      if (!images.shape().equals(shape)) {
        throw new IllegalArgumentException(
            "vit: needs images (batch, "
                + config.channels()
                + ", "
                + config.height()
                + ", "
                + config.imageWidth()
                + "): "
                + images.shape());
      }
      long down = config.height() / p;
      long across = config.imageWidth() / p;
      Tensor cut = Shapes.reshape(images, b, config.channels(), down, p, across, p);
      Tensor byPatch = Shapes.permute(cut, 0, 2, 4, 1, 3, 5);
      return projection.call(
          Shapes.reshape(byPatch, b, down * across, (long) config.channels() * p * p));
    }
  }
}
