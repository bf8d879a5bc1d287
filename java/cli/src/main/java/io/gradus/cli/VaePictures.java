package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.Dataset;
import io.gradus.model.Vae;
import io.gradus.op.Shapes;
import io.gradus.report.Images;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;

/** What a variational autoencoder makes, as pictures. */
final class VaePictures {

  private static final int ROWS = 8;
  private static final int SIDE = 64; // pixels that an image has at least, to be looked at

  private VaePictures() {}

  /** Images that it draws, eight times eight. */
  @SuppressWarnings("try") // the scope only has to close
  static void samples(Path file, Vae vae, ImageFormat format, Seed seed) throws IOException {
    try (Scope scope = Scope.open()) {
      Tensor made = vae.generate(ROWS * ROWS, seed).to(Device.cpu());
      Images.grid(file, images(made, format), ROWS, scale(format));
    }
  }

  /** A row of images, and below it what comes back of them. */
  @SuppressWarnings("try") // the scope only has to close
  static void reconstructions(Path file, Vae vae, ImageFormat format, Dataset examples)
      throws IOException {
    int count = (int) Math.min(ROWS, examples.size());
    long[] numbers = new long[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = i;
    }
    try (Scope scope = Scope.open()) {
      Batch batch = examples.batch(numbers);
      Tensor before = Shapes.reshape(batch.inputs(), count, format.pixels());
      Tensor after = vae.forward(before.to(vae.device())).to(Device.cpu());
      Tensor both = Shapes.concat(0, before.to(Device.cpu()), after);
      Images.grid(file, images(both, format), count, scale(format));
    }
  }

  /** One image as it comes back. */
  @SuppressWarnings("try") // the scope only has to close
  static void reconstruction(Path file, Vae vae, ImageFormat format, Tensor image)
      throws IOException {
    try (Scope scope = Scope.open()) {
      Tensor before = Shapes.reshape(image, 1, format.pixels());
      Tensor after = vae.forward(before.to(vae.device())).to(Device.cpu());
      Images.grid(file, images(after, format), 1, 1);
    }
  }

  private static Tensor images(Tensor rows, ImageFormat format) {
    return Shapes.reshape(rows, rows.dim(0), format.channels(), format.height(), format.width());
  }

  private static int scale(ImageFormat format) {
    return Math.max(1, SIDE / Math.max(format.height(), format.width()));
  }
}
