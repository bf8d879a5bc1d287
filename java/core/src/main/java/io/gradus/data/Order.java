package io.gradus.data;

import io.gradus.tensor.Seed;

/**
 * Which examples an epoch has, and in which order they come.
 *
 * <pre>{@code
 * Batches.of(train, 32).order(Order.weighted(weights, 10_000), Seed.of(1))
 * }</pre>
 */
public interface Order {

  /** The number of examples in an epoch. */
  long size();

  /**
   * The numbers of the examples of one epoch, equal for equal arguments.
   *
   * @param batchSize so many that follow one another make a batch; the last has what is left
   * @param seed of the epoch
   * @return {@link #size()} numbers
   */
  long[] indices(int batchSize, Seed seed);

  /** Each example once, every order as likely. */
  static Order shuffled(long size) {
    return new ShuffledOrder(size);
  }

  /**
   * Examples drawn with replacement, each as often as its weight says: rare classes can be given
   * the weights of frequent ones.
   *
   * @param weights one for each example, 0 for never; their sum does not matter
   * @param size how many examples an epoch has
   * @throws IllegalArgumentException where a weight is negative or no number, or all are 0
   */
  static Order weighted(double[] weights, long size) {
    return new WeightedOrder(weights, size);
  }

  /**
   * Each example once, and in each batch as many of a class as its share of the data says, rounded
   * up or down.
   *
   * @param classes the class of each example
   */
  static Order stratified(long[] classes) {
    return new StratifiedOrder(classes);
  }

  /**
   * Each example once, those of similar length in one batch, so that little is padded. Examples are
   * shuffled first and then sorted within pools of 100 batches, so that every epoch has other
   * batches; their order is shuffled too.
   *
   * @param lengths the length of each example, as of {@link SequenceDataset#lengths()}
   */
  static Order bucketed(int[] lengths) {
    return new BucketedOrder(lengths);
  }
}
