package io.gradus.benchmarks;

import io.gradus.op.Activations;
import io.gradus.op.Pointwise;
import io.gradus.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** How close do pointwise ops come to the speed of memory, one that adds and one that computes? */
public class PointwiseBench {

  @State(Scope.Benchmark)
  public static class Arrays {
    @Param({"add", "gelu"})
    String op;

    @Param({Sizes.SMALL, Sizes.LARGE})
    String shape;

    boolean add;
    float[] x;
    float[] y;
    float[] z;

    @Setup
    public void fill() {
      int size = Sizes.Matrix.parse(shape).size();
      add = op.equals("add");
      x = Sizes.uniform(size, 3, 1);
      y = Sizes.uniform(size, 3, 2);
      z = new float[size];
    }
  }

  @State(Scope.Benchmark)
  public static class Tensors {
    Tensor x;
    Tensor y;

    @Setup
    public void copy(Arrays arrays) {
      x = Tensor.of(arrays.x, arrays.x.length);
      y = Tensor.of(arrays.y, arrays.y.length);
    }

    @TearDown
    public void close() {
      x.close();
      y.close();
    }
  }

  @Benchmark
  public void gradus(Arrays arrays, Tensors tensors) {
    Tensor z = arrays.add ? Pointwise.add(tensors.x, tensors.y) : Activations.gelu(tensors.x);
    z.close();
  }

  @Benchmark
  public void packed(Arrays arrays, Engines.PackedLoops engine) {
    if (arrays.add) {
      engine.kernels.add(arrays.x, arrays.y, arrays.z);
    } else {
      engine.kernels.gelu(arrays.x, arrays.z);
    }
  }

  @Benchmark
  public void loops(Arrays arrays, Engines.PlainLoops engine) {
    if (arrays.add) {
      engine.kernels.add(arrays.x, arrays.y, arrays.z);
    } else {
      engine.kernels.gelu(arrays.x, arrays.z);
    }
  }
}
