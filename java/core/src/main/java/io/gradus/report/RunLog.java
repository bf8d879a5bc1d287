package io.gradus.report;

import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.util.Map;

/**
 * Where the figures of a run go: a file of one format or another. What a format lacks it leaves.
 */
public interface RunLog extends AutoCloseable {

  /** Writes what was measured at a step, by name: {@code train/loss}. */
  void scalars(long step, Map<String, Double> values) throws IOException;

  /** Writes how the elements of a tensor are spread. */
  default void histogram(long step, String name, Tensor values) throws IOException {}

  /** Writes a text, Markdown where the reader shows it. */
  default void text(long step, String name, String text) throws IOException {}

  /** Hands what was written so far to the file system, so that others can read it. */
  void flush() throws IOException;

  @Override
  void close() throws IOException;
}
