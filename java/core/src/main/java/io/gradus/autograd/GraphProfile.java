package io.gradus.autograd;

import java.util.List;

/**
 * Where the time of one replay of a {@link Graph} went.
 *
 * @param steps the graph's
 * @param nanos for each step, when it started and ended, in nanoseconds after the replay's start
 */
public record GraphProfile(List<GraphStep> steps, long[] nanos) {

  /** How long the replay took, in nanoseconds. */
  public long totalNanos() {
    return nanos.length == 0 ? 0 : nanos[nanos.length - 1];
  }

  /** A table of its steps, those that are alike in one line, the dearest first. */
  @Override
  public String toString() {
    return GraphText.table(steps, nanos);
  }

  /** Its steps as a picture: when each one ran, in microseconds. */
  public String toSvg() {
    double[] starts = new double[steps.size()];
    double[] ends = new double[steps.size()];
    for (int i = 0; i < starts.length; i++) {
      starts[i] = nanos[2 * i] / 1e3;
      ends[i] = nanos[2 * i + 1] / 1e3;
    }
    return GraphText.svg(steps, starts, ends, "µs");
  }

  /** As a trace in JSON that Chrome's {@code chrome://tracing} and Perfetto open. */
  public String toChromeTrace() {
    return GraphText.chromeTrace(steps, nanos);
  }
}
