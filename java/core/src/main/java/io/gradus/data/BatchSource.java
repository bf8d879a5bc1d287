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
    /**
     * Reads the next batch and sends it up, where it goes to a GPU. To be called when that has been
     * asked for a step and before a value of it is read, so that the batch is on its way while the
     * step computes. The batch that was taken last stays open; what goes wrong comes out of {@code
     * next()}. Never needed: without it, {@code next()} does the same later.
     */
    default void prepare() {}

    /** Frees the last batch and whatever reads ahead; twice does no harm. */
    @Override
    void close();
  }
}
