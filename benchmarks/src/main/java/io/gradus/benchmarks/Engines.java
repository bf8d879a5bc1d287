package io.gradus.benchmarks;

import io.gradus.benchmarks.pure.Loops;
import io.gradus.benchmarks.pure.Packed;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The pure-Java rivals as JMH states, so that a fork has the threads of the one it measures. Their
 * fields have the classes' own types: calls through the interface would be slower.
 */
public final class Engines {

  @State(Scope.Benchmark)
  public static class PlainLoops {
    final Loops kernels = new Loops(Sizes.THREADS);

    @TearDown
    public void close() {
      kernels.close();
    }
  }

  @State(Scope.Benchmark)
  public static class PackedLoops {
    final Packed kernels = new Packed(Sizes.THREADS);

    @TearDown
    public void close() {
      kernels.close();
    }
  }

  private Engines() {}
}
