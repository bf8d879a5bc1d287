package io.gradus.cli;

import io.gradus.data.Dataset;
import io.gradus.data.ImageDataset;
import io.gradus.data.Splits;
import io.gradus.data.TensorDataset;
import io.gradus.image.Image;
import io.gradus.image.ImageTransform;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of a network that sees images. */
abstract sealed class ImageOptions extends NetworkOptions
    permits MlpOptions, CnnOptions, VaeOptions, VitOptions {

  /** How images to train differ each time that they are seen. */
  enum Augment {
    none,
    flip,
    crop,
    crop_flip {
      @Override
      public String toString() {
        return "crop-flip";
      }
    };

    private ImageTransform transform(ImageFormat format) {
      int padding = Math.max(1, Math.max(format.height(), format.width()) / 8);
      ImageTransform flip = ImageTransform.randomHorizontalFlip(0.5);
      ImageTransform crop = ImageTransform.randomCrop(format.height(), format.width(), padding);
      return switch (this) {
        case none -> (image, seed) -> image;
        case flip -> flip;
        case crop -> crop;
        case crop_flip -> ImageTransform.compose(crop, flip);
      };
    }
  }

  private static final int SAMPLE = 2000; // images that the mean and the deviation are taken of
  private static final long MEMORY = 1L << 28; // bytes of pixels that are held

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "A folder with a data set: the IDX files of MNIST and its relatives, gzipped or not; the"
              + " binary files of CIFAR-10 or CIFAR-100; or pictures in a folder for each class,"
              + " either below train and test, or all together, of which a fifth is held out to"
              + " test. Default: the handwritten digits that ship with Gradus.")
  private Path data;

  @Option(
      names = "--size",
      paramLabel = "N",
      description =
          "Bring images to N x N pixels. Default: as they are; 64 for a folder of pictures.")
  private Integer size;

  @Option(
      names = "--grayscale",
      description = "Learn a folder of pictures in grey. Default: in colours.")
  private boolean grayscale;

  @Option(
      names = "--augment",
      paramLabel = "HOW",
      description =
          "Change images to train each time they are seen: ${COMPLETION-CANDIDATES}. Default:"
              + " ${DEFAULT-VALUE}.")
  private Augment augment = Augment.none;

  @Override
  Path data() {
    return data;
  }

  @Override
  void check(CommandSpec spec) {
    super.check(spec);
    Usage.check(
        spec, size == null || size >= 1 && size <= 4096, "--size", "must lie in 1 to 4096", size);
  }

  /** Whether pixels get the mean 0 and the deviation 1. */
  boolean normalizes() {
    return true;
  }

  @Override
  TaskData load() throws IOException {
    ImageSource source = ImageSource.open(data, grayscale);
    ImageFormat format = format(source.train(), size == null ? source.side() : (int) size);
    ImageDataset train = source.train().transform(format.fit());
    ImageDataset validation = null;
    double share = trainer().validation();
    if (share > 0) {
      List<long[]> parts =
          Splits.stratified(train.classes(), Seed.of(trainer().seed()).split(2), 1 - share, share);
      checkValidation(parts, share);
      validation = ImageSource.Part.of(train, parts.get(1));
      train = ImageSource.Part.of(train, parts.get(0));
    }
    if (normalizes()) {
      format = format.normalized(sample(train));
    }
    boolean held = augment == Augment.none && fits(train.size(), format);
    ImageDataset changed =
        augment == Augment.none ? train : train.transform(augment.transform(format));
    return new TaskData(
        source.name(),
        "images",
        held ? hold(changed, format) : changed.transform(format.normalize()),
        validation == null ? null : hold(validation, format),
        hold(source.test().transform(format.fit()), format),
        null,
        format,
        source.classes(),
        null,
        held);
  }

  /** Refuses a share that leaves one of the parts empty. */
  static void checkValidation(List<long[]> parts, double share) throws IOException {
    if (parts.get(0).length == 0 || parts.get(1).length == 0) {
      throw new IOException(
          "--validation: there are too few examples for a share of "
              + share
              + ": "
              + parts.get(0).length
              + " to train and "
              + parts.get(1).length
              + " held out");
    }
  }

  private static ImageFormat format(ImageDataset images, int side) throws IOException {
    Image first = images.image(0, Seed.of(0));
    int height = side == 0 ? first.height() : side;
    int width = side == 0 ? first.width() : side;
    return new ImageFormat(first.channels(), height, width, List.of(), List.of(), 0);
  }

  /** Images from all over the data. */
  private static List<Image> sample(ImageDataset images) throws IOException {
    long count = Math.min(SAMPLE, images.size());
    List<Image> sample = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      sample.add(images.image(i * images.size() / count, Seed.of(0)));
    }
    return sample;
  }

  /** Whether all pixels together leave room for everything else. */
  private static boolean fits(long count, ImageFormat format) {
    long bytes = count * format.pixels() * Float.BYTES;
    return bytes <= Math.min(MEMORY, Runtime.getRuntime().maxMemory() / 4);
  }

  private static Dataset hold(ImageDataset fitted, ImageFormat format) throws IOException {
    ImageDataset seen = fitted.transform(format.normalize());
    return fits(seen.size(), format) ? seen.load() : seen;
  }

  @Override
  TestData loadTest(RunFolder.Trained trained, Path folder) throws IOException {
    ImageSource source =
        folder == null
            ? ImageSource.open(data, grayscale)
            : ImageSource.openTest(folder, grayscale, trained.classes());
    return new TestData(source.name(), test(source, (ImageFormat) trained.format()));
  }

  /** The test part of images as a network sees it. */
  static Dataset test(ImageSource source, ImageFormat format) throws IOException {
    ImageDataset fitted = source.test().transform(format.fit());
    return format.levels() == 0 ? hold(fitted, format) : tokens(fitted, format);
  }

  /** Pixels as tokens, I32 (n, pixels). */
  static TensorDataset tokens(ImageDataset images, ImageFormat format) throws IOException {
    int n = Math.toIntExact(images.size());
    int[] tokens = new int[Math.multiplyExact(n, format.pixels())];
    for (int i = 0; i < n; i++) {
      int[] own = format.tokens(images.image(i, Seed.of(0)));
      System.arraycopy(own, 0, tokens, i * own.length, own.length);
    }
    long[] labels = LongStream.of(images.classes()).toArray();
    return new TensorDataset(Tensor.of(tokens, n, format.pixels()), Tensor.of(labels));
  }
}
