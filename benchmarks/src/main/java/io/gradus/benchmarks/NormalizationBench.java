package io.gradus.benchmarks;

import io.gradus.op.Activations;
import io.gradus.op.Normalization;
import io.gradus.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** How close do the fused ops of a transformer's block come to the speed of memory? */
public class NormalizationBench {

  private static final double EPS = 1e-5;

  /** The shape behind the op's name. */
  static Sizes.Matrix matrix(String call) {
    return Sizes.Matrix.parse(call.split(" ")[1]);
  }

  @State(Scope.Benchmark)
  public static class Arrays {
    @Param({Sizes.LAYER_NORM, Sizes.ADD_LAYER_NORM, Sizes.BIAS_GELU})
    String call;

    String op;
    int rows;
    int columns;
    float[] x;
    float[] residual;
    float[] weight;
    float[] bias;
    float[] sum;
    float[] y;

    @Setup
    public void fill() {
      Sizes.Matrix matrix = matrix(call);
      op = call.split(" ")[0];
      rows = matrix.rows();
      columns = matrix.columns();
      x = Sizes.uniform(matrix.size(), 3, 1);
      residual = Sizes.uniform(matrix.size(), 3, 2);
      weight = Sizes.uniform(columns, 1, 3);
      bias = Sizes.uniform(columns, 1, 4);
      sum = new float[matrix.size()];
      y = new float[matrix.size()];
    }
  }

  @State(Scope.Benchmark)
  public static class Tensors {
    Tensor x;
    Tensor residual;
    Tensor weight;
    Tensor bias;

    @Setup
    public void copy(Arrays arrays) {
      x = Tensor.of(arrays.x, arrays.rows, arrays.columns);
      residual = Tensor.of(arrays.residual, arrays.rows, arrays.columns);
      weight = Tensor.of(arrays.weight, arrays.columns);
      bias = Tensor.of(arrays.bias, arrays.columns);
    }

    @TearDown
    public void close() {
      x.close();
      residual.close();
      weight.close();
      bias.close();
    }
  }

  @Benchmark
  @SuppressWarnings("try") // the scope only has to close: it frees what a gradient would need
  public void gradus(Arrays arrays, Tensors t) {
    try (var scope = io.gradus.tensor.Scope.open()) {
      switch (arrays.op) {
        case "layerNorm" -> Normalization.layerNorm(t.x, t.weight, t.bias, EPS);
        case "addLayerNorm" -> Normalization.addLayerNorm(t.x, t.residual, t.weight, t.bias, EPS);
        default -> Activations.biasGelu(t.x, t.bias);
      }
    }
  }

  @Benchmark
  public void packed(Arrays a, Engines.PackedLoops engine) {
    switch (a.op) {
      case "layerNorm" -> engine.kernels.layerNorm(a.rows, a.columns, a.x, a.weight, a.bias, a.y);
      case "addLayerNorm" ->
          engine.kernels.addLayerNorm(
              a.rows, a.columns, a.x, a.residual, a.weight, a.bias, a.sum, a.y);
      default -> engine.kernels.biasGelu(a.rows, a.columns, a.x, a.bias, a.y);
    }
  }

  @Benchmark
  public void loops(Arrays a, Engines.PlainLoops engine) {
    switch (a.op) {
      case "layerNorm" -> engine.kernels.layerNorm(a.rows, a.columns, a.x, a.weight, a.bias, a.y);
      case "addLayerNorm" ->
          engine.kernels.addLayerNorm(
              a.rows, a.columns, a.x, a.residual, a.weight, a.bias, a.sum, a.y);
      default -> engine.kernels.biasGelu(a.rows, a.columns, a.x, a.bias, a.y);
    }
  }
}
