package io.gradus.data;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * Token sequences of different length in memory, each of a class or with a target for each token;
 * in a batch they are as long as the longest of them.
 *
 * <pre>{@code
 * SequenceDataset data = SequenceDataset.ofClasses(sequences, labels, 0);
 * Batches batches = Batches.of(data, 32).order(Order.bucketed(data.lengths()), Seed.of(1));
 * for (Batch batch : batches) { ... batch.inputs(), batch.lengths() ... }
 * }</pre>
 */
public final class SequenceDataset implements Dataset {

  private final List<int[]> inputs;
  private final List<int[]> targets; // null where each has a class
  private final long[] classes; // null where each token has a target
  private final int padding;

  private SequenceDataset(List<int[]> inputs, List<int[]> targets, long[] classes, int padding) {
    this.inputs = List.copyOf(inputs);
    this.targets = targets == null ? null : List.copyOf(targets);
    this.classes = classes == null ? null : classes.clone();
    this.padding = padding;
  }

  /**
   * Sequences that have a class each; targets of a batch are I64 (batch).
   *
   * @param padding the token that fills shorter sequences
   * @throws IllegalArgumentException where there is not one class for each
   */
  public static SequenceDataset ofClasses(List<int[]> sequences, long[] classes, int padding) {
    if (sequences.size() != classes.length) {
      throw new IllegalArgumentException(
          "sequences: there must be one class for each: "
              + sequences.size()
              + " and "
              + classes.length);
    }
    return new SequenceDataset(sequences, null, classes, padding);
  }

  /**
   * Sequences with a target for each token; targets of a batch are I64 (batch, time), with {@link
   * TokenBatches#NO_TARGET} where there is no token.
   *
   * @param padding the token that fills shorter sequences
   * @throws IllegalArgumentException where there is not one target for each token
   */
  public static SequenceDataset ofTargets(List<int[]> sequences, List<int[]> targets, int padding) {
    if (sequences.size() != targets.size()) {
      throw new IllegalArgumentException(
          "sequences: there must be targets for each: "
              + sequences.size()
              + " and "
              + targets.size());
    }
    for (int i = 0; i < sequences.size(); i++) {
      if (sequences.get(i).length != targets.get(i).length) {
        throw new IllegalArgumentException(
            "sequences: there must be one target for each token: "
                + sequences.get(i).length
                + " and "
                + targets.get(i).length
                + " in sequence "
                + i);
      }
    }
    return new SequenceDataset(sequences, targets, null, padding);
  }

  @Override
  public long size() {
    return inputs.size();
  }

  /** The length of each sequence, for {@link Order#bucketed}. */
  public int[] lengths() {
    return inputs.stream().mapToInt(sequence -> sequence.length).toArray();
  }

  /**
   * The class of each sequence, for {@link Order#stratified} and {@link Splits#stratified}.
   *
   * @throws IllegalStateException where each token has a target
   */
  public long[] classes() {
    if (classes == null) {
      throw new IllegalStateException("sequences: their tokens have targets, they have no class");
    }
    return classes.clone();
  }

  /** Inputs I32 (batch, time), lengths I32 (batch). */
  @Override
  public Batch batch(long[] indices, Seed[] seeds) {
    int[] lengths = new int[indices.length];
    int time = 0;
    for (int i = 0; i < lengths.length; i++) {
      Index.check(indices[i], size());
      lengths[i] = inputs.get((int) indices[i]).length;
      time = Math.max(time, lengths[i]);
    }
    int[] ids = new int[Math.multiplyExact(lengths.length, time)];
    Arrays.fill(ids, padding);
    for (int i = 0; i < lengths.length; i++) {
      System.arraycopy(inputs.get((int) indices[i]), 0, ids, i * time, lengths[i]);
    }
    return new Batch(
        Tensor.of(ids, lengths.length, time), targets(indices, time), Tensor.of(lengths));
  }

  private Tensor targets(long[] indices, int time) {
    if (targets == null) {
      return Tensor.of(Arrays.stream(indices).map(index -> classes[(int) index]).toArray());
    }
    long[] padded = new long[indices.length * time];
    Arrays.fill(padded, TokenBatches.NO_TARGET);
    for (int i = 0; i < indices.length; i++) {
      int[] there = targets.get((int) indices[i]);
      for (int t = 0; t < there.length; t++) {
        padded[i * time + t] = there[t];
      }
    }
    return Tensor.of(padded, indices.length, time);
  }
}
