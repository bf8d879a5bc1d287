package io.gradus.data;

import io.gradus.tensor.Seed;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;

/**
 * The numbers of the examples that go into the parts of a data set, each into one; {@link
 * Dataset#subset} makes the parts.
 *
 * <pre>{@code
 * List<long[]> parts = Splits.stratified(data.classes(), Seed.of(1), 0.8, 0.1, 0.1);
 * Dataset train = data.subset(parts.get(0));
 * }</pre>
 */
public final class Splits {

  /** What one round of cross-validation trains on and what it tests on. */
  public record Fold(long[] train, long[] test) {}

  private Splits() {}

  /**
   * Parts with these shares, which the seed fills; in a part the numbers ascend.
   *
   * @throws IllegalArgumentException where the shares are not positive or their sum is not 1
   */
  public static List<long[]> random(long size, Seed seed, double... shares) {
    checkShares(shares);
    return cut(Permutation.of(size, seed), shares);
  }

  /**
   * Parts with these shares of each class, each rounded up or down.
   *
   * @param classes the class of each example
   * @throws IllegalArgumentException where the shares are not positive or their sum is not 1
   */
  public static List<long[]> stratified(long[] classes, Seed seed, double... shares) {
    checkShares(shares);
    List<LongStream> parts = new ArrayList<>();
    for (int part = 0; part < shares.length; part++) {
      parts.add(LongStream.empty());
    }
    int number = 0;
    for (long[] members : byClass(classes).values()) {
      List<long[]> cut = cut(Permutation.shuffle(members, seed.split(number++)), shares);
      for (int part = 0; part < shares.length; part++) {
        parts.set(part, LongStream.concat(parts.get(part), LongStream.of(cut.get(part))));
      }
    }
    return parts.stream().map(part -> part.sorted().toArray()).toList();
  }

  /**
   * The rounds of k-fold cross-validation: each example is tested once and trained on in the
   * others.
   *
   * @throws IllegalArgumentException where there are fewer than 2 folds or more than examples
   */
  public static List<Fold> kFold(long size, int k, Seed seed) {
    if (k < 2 || k > size) {
      throw new IllegalArgumentException(
          "k-fold: needs from 2 folds to one for each of " + size + " examples: " + k);
    }
    double[] equal = new double[k];
    Arrays.fill(equal, 1.0 / k);
    List<long[]> tests = cut(Permutation.of(size, seed), equal);
    List<Fold> folds = new ArrayList<>();
    for (long[] test : tests) {
      LongStream others = tests.stream().filter(t -> t != test).flatMapToLong(LongStream::of);
      folds.add(new Fold(others.sorted().toArray(), test));
    }
    return folds;
  }

  private static Map<Long, long[]> byClass(long[] classes) {
    Map<Long, LongStream.Builder> members = new TreeMap<>();
    for (int i = 0; i < classes.length; i++) {
      members.computeIfAbsent(classes[i], c -> LongStream.builder()).add(i);
    }
    Map<Long, long[]> byClass = new TreeMap<>();
    members.forEach((c, numbers) -> byClass.put(c, numbers.build().toArray()));
    return byClass;
  }

  private static void checkShares(double... shares) {
    double sum = 0;
    for (double share : shares) {
      if (!(share > 0)) {
        throw new IllegalArgumentException(
            "split: shares must be positive: " + Arrays.toString(shares));
      }
      sum += share;
    }
    if (!(Math.abs(sum - 1) < 1e-9)) {
      throw new IllegalArgumentException(
          "split: the sum of the shares must be 1: " + Arrays.toString(shares) + " make " + sum);
    }
  }

  /** Each part ends where the sum of the shares up to it says, rounded. */
  private static List<long[]> cut(long[] order, double... shares) {
    List<long[]> parts = new ArrayList<>();
    double sum = 0;
    int from = 0;
    for (int part = 0; part < shares.length; part++) {
      sum += shares[part];
      int to = part + 1 == shares.length ? order.length : (int) Math.round(sum * order.length);
      parts.add(LongStream.of(Arrays.copyOfRange(order, from, to)).sorted().toArray());
      from = to;
    }
    return parts;
  }
}
