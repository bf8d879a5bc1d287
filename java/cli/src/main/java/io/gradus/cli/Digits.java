package io.gradus.cli;

import io.gradus.data.ImageDataset;
import io.gradus.data.Order;
import io.gradus.image.Image;
import io.gradus.tensor.Seed;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** The handwritten digits that ship with Gradus: 1,797 images of 8x8 pixels. */
final class Digits {

  private static final String RESOURCE = "digits.csv.gz";
  private static final int SIDE = 8;

  /** Its brightest pixel: it knows 17 levels of grey. */
  static final int BRIGHTEST = 16;

  private static final int TRAIN = 1437;

  private Digits() {}

  static ImageSource load() throws IOException {
    List<Image> images = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (String row : rows()) {
      String[] numbers = row.split(",");
      float[] pixels = new float[SIDE * SIDE];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = Integer.parseInt(numbers[i]) / (float) BRIGHTEST;
      }
      images.add(new Image(1, SIDE, SIDE, pixels));
      labels.add(Integer.parseInt(numbers[pixels.length]));
    }
    // In the file the writers follow one another, so that its last rows are the hands of people who
    // are missing in the first. Shuffled, both parts have all of them. The shuffle is not the
    // user's --seed: the test part stays the same, whatever else is tried.
    long[] order = Order.shuffled(images.size()).indices(1, Seed.of(0));
    return new ImageSource(
        "digits",
        part(images, labels, order, 0, TRAIN),
        part(images, labels, order, TRAIN, order.length),
        ImageSource.numbered(10),
        SIDE);
  }

  private static ImageDataset part(
      List<Image> images, List<Integer> labels, long[] order, int from, int to) {
    List<Image> own = new ArrayList<>();
    long[] classes = new long[to - from];
    for (int i = from; i < to; i++) {
      own.add(images.get((int) order[i]));
      classes[i - from] = labels.get((int) order[i]);
    }
    return new Pictures(own, classes);
  }

  private record Pictures(List<Image> images, long[] labels) implements ImageDataset {

    @Override
    public long size() {
      return labels.length;
    }

    @Override
    public Image image(long index, Seed seed) {
      return images.get((int) index);
    }

    @Override
    public long label(long index) {
      return labels[(int) index];
    }
  }

  private static List<String> rows() throws IOException {
    try (InputStream in = Digits.class.getResourceAsStream(RESOURCE);
        var reader =
            new BufferedReader(
                new InputStreamReader(new GZIPInputStream(in), StandardCharsets.US_ASCII))) {
      return reader.lines().toList();
    }
  }
}
