package io.gradus.cli;

import io.gradus.data.TensorDataset;
import java.util.Arrays;

/**
 * Images to learn from, and others to see what was learned.
 *
 * @param name for people
 */
record ImageData(String name, TensorDataset train, TensorDataset test) {

  int pixels() {
    return (int) train.inputs().dim(1);
  }

  int classes() {
    return classes(train);
  }

  /** One more than the largest label. */
  static int classes(TensorDataset data) {
    return (int) Arrays.stream(data.labels().toLongs()).max().orElse(0) + 1;
  }
}
