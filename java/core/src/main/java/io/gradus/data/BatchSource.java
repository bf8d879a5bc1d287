package io.gradus.data;

import java.util.Iterator;

/**
 * Where a training gets its batches: epoch by epoch, and for the same numbers the same ones, so
 * that it can go on in the middle of an epoch where another run stopped.
 *
 * @param <B> what a batch is
 */
public interface BatchSource<B> {

  /** The number of batches in an epoch. */
  long count();

  /**
   * The batches of one epoch, counted from 0, without the first {@code from}, which are not read.
   */
  Epoch<B> epoch(long epoch, long from);

  /**
   * A way through an epoch. It owns what it gives: a batch is closed when the next one is taken, at
   * the end, and when the epoch is closed.
   *
   * @param <B> what a batch is
   */
  interface Epoch<B> extends Iterator<B>, AutoCloseable {
    /** Frees the last batch and whatever reads ahead; twice does no harm. */
    @Override
    void close();
  }
}
