package io.gradus.benchmarks;

import io.gradus.op.Softmax;
import io.gradus.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** How fast is softmax over rows? */
public class SoftmaxBench {

  @State(Scope.Benchmark)
  public static class Arrays {
    @Param({Sizes.SMALL, Sizes.SOFTMAX})
    String shape;

    Sizes.Matrix matrix;
    float[] x;
    float[] y;

    @Setup
    public void fill() {
      matrix = Sizes.Matrix.parse(shape);
      x = Sizes.uniform(matrix.size(), 5, 1);
      y = new float[matrix.size()];
    }
  }

  @State(Scope.Benchmark)
  public static class Tensors {
    Tensor x;

    @Setup
    public void copy(Arrays arrays) {
      x = Tensor.of(arrays.x, arrays.matrix.rows(), arrays.matrix.columns());
    }

    @TearDown
    public void close() {
      x.close();
    }
  }

  @Benchmark
  public void gradus(Tensors tensors) {
    Softmax.softmax(tensors.x).close();
  }

  @Benchmark
  public void packed(Arrays arrays, Engines.PackedLoops engine) {
    engine.kernels.softmax(arrays.matrix.rows(), arrays.matrix.columns(), arrays.x, arrays.y);
  }

  @Benchmark
  public void loops(Arrays arrays, Engines.PlainLoops engine) {
    engine.kernels.softmax(arrays.matrix.rows(), arrays.matrix.columns(), arrays.x, arrays.y);
  }
}
