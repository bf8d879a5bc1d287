package io.gradus.cli;

import io.gradus.data.TensorDataset;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** The handwritten digits that ship with Gradus: 1,797 images of 8x8 pixels. */
final class Digits {

  private static final String RESOURCE = "digits.csv.gz";
  private static final int PIXELS = 64;
  private static final float BRIGHTEST = 16;
  private static final int TRAIN = 1437;

  private Digits() {}

  static ImageData load() throws IOException {
    // In the file the writers follow one another, so that its last rows are the hands of people who
    // are missing in the first. Shuffled, both parts have all of them. The shuffle is not the
    // user's --seed: the test part stays the same, whatever else is tried.
    TensorDataset.Split split = read().shuffle(Seed.of(0)).split(TRAIN);
    return new ImageData("digits", split.train(), split.test());
  }

  private static TensorDataset read() throws IOException {
    List<String> rows = rows();
    float[][] images = new float[rows.size()][PIXELS];
    long[] labels = new long[rows.size()];
    for (int i = 0; i < labels.length; i++) {
      String[] numbers = rows.get(i).split(",");
      for (int j = 0; j < PIXELS; j++) {
        images[i][j] = Integer.parseInt(numbers[j]) / BRIGHTEST;
      }
      labels[i] = Integer.parseInt(numbers[PIXELS]);
    }
    return new TensorDataset(Tensor.of(images), Tensor.of(labels));
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
