package io.gradus.data;

import io.gradus.tensor.Seed;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Each example once, the classes spread evenly over the batches. */
final class StratifiedOrder implements Order {

  private final long[] byClass; // the examples of the first class, then those of the second, ...
  private final int[] bounds; // where each class begins, and the end

  StratifiedOrder(long[] classes) {
    byClass =
        IntStream.range(0, classes.length)
            .boxed()
            .sorted(Comparator.comparingLong(i -> classes[i]))
            .mapToLong(Integer::longValue)
            .toArray();
    bounds =
        IntStream.rangeClosed(0, classes.length)
            .filter(i -> i == 0 || i == classes.length || begins(classes, i))
            .distinct()
            .toArray();
  }

  private boolean begins(long[] classes, int i) {
    return classes[(int) byClass[i]] != classes[(int) byClass[i - 1]];
  }

  @Override
  public long size() {
    return byClass.length;
  }

  /**
   * Systematic sampling: with the examples in the order of their classes, batch k of n has every
   * n-th from the k-th on, and so of each class its share, rounded up or down. What fills no batch
   * is taken out before at equal distances.
   */
  @Override
  public long[] indices(int batchSize, Seed seed) {
    long[] sorted = shuffledWithinClasses(seed.split(0));
    int full = sorted.length / batchSize;
    int rest = sorted.length % batchSize;
    long[] order = new long[sorted.length];
    long[] place = Permutation.of(full, seed.split(1)); // of each batch
    int left = 0;
    int dealt = 0;
    for (int i = 0; i < sorted.length; i++) {
      // Example i is the one for which the count of those left out steps on.
      if ((long) (i + 1) * rest / sorted.length > (long) i * rest / sorted.length) {
        order[full * batchSize + left++] = sorted[i];
      } else {
        order[(int) place[dealt % full] * batchSize + dealt / full] = sorted[i];
        dealt++;
      }
    }
    for (int from = 0, batch = 0; from < order.length; from += batchSize, batch++) {
      int to = Math.min(from + batchSize, order.length);
      Permutation.shuffle(order, from, to, seed.split(2).split(batch));
    }
    return order;
  }

  private long[] shuffledWithinClasses(Seed seed) {
    long[] sorted = Arrays.copyOf(byClass, byClass.length);
    for (int i = 1; i < bounds.length; i++) {
      Permutation.shuffle(sorted, bounds[i - 1], bounds[i], seed.split(i));
    }
    return sorted;
  }
}
