package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.data.TensorDataset;
import io.gradus.data.TokenBatch;
import io.gradus.data.TokenBatches;
import io.gradus.data.Tokens;
import io.gradus.op.Activations;
import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Devices;
import io.gradus.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models on a GPU, where there is one or {@code gradus.cuda.library} names its stand-in. */
class CudaModuleTest {

  private static Device gpu;

  @BeforeAll
  static void open() {
    assumeTrue(Devices.hasCuda(), "there is no GPU");
    gpu = Device.cuda(0);
  }

  /** A scale and a shift with a bend behind them. */
  private static final class Bend extends Module {
    private final Tensor scale;
    private final Tensor shift;

    Bend(Device device) {
      scale = parameter("scale", () -> Tensor.of(new float[] {1, -2, 3}).to(device));
      shift = parameter("shift", () -> Tensor.of(new float[] {0.5f, 0, -1}).to(device));
    }

    @Override
    public Tensor forward(Tensor x) {
      return Activations.gelu(Pointwise.add(Pointwise.mul(x, scale), shift));
    }
  }

  private static final Tensor X = Tensor.of(new float[] {0.3f, -1, 2});
  private static final Tensor DY = Tensor.of(new float[] {1, -0.5f, 2});

  /** Output and gradients of a step, computed there. */
  private static float[][] step(Device device) {
    Bend model = new Bend(device);
    try (Tape tape = Tape.record()) {
      Tensor x = X.to(device);
      Tensor y = model.forward(x);
      Gradients gradients = tape.vjp(y, DY.to(device), x, model.scale, model.shift);
      return new float[][] {
        y.toFloats(),
        gradients.get(x).toFloats(),
        gradients.get(model.scale).toFloats(),
        gradients.get(model.shift).toFloats()
      };
    }
  }

  @Test
  void a_model_computes_there_what_it_computes_here() {
    float[][] here = step(Device.cpu());
    float[][] there = step(gpu);
    for (int i = 0; i < here.length; i++) {
      assertArrayEquals(here[i], there[i], 1e-6f);
    }
  }

  @Test
  void gradients_flow_from_device_to_device() {
    try (Tape tape = Tape.record()) {
      Tensor x = X.copy();
      Tensor y = Shapes.to(Pointwise.mul(Shapes.to(x, gpu), 3), Device.cpu());
      Gradients gradients = tape.vjp(y, DY, x);
      assertSame(Device.cpu(), gradients.get(x).device());
      assertArrayEquals(new float[] {3, -1.5f, 6}, gradients.get(x).toFloats());
    }
  }

  @Test
  void devices_do_not_mix() {
    var e = assertThrows(IllegalArgumentException.class, () -> new Bend(gpu).forward(X));
    assertEquals("mul: devices differ: cpu and cuda:0; move one with to(device)", e.getMessage());
  }

  @Test
  void a_file_from_here_loads_there_and_back(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("model.safetensors");
    Bend model = new Bend(gpu);
    assertSame(gpu, model.device());
    model.scale.copyFrom(Tensor.of(new float[] {7, 8, 9}));
    model.save(file);
    for (Device device : List.of(Device.cpu(), Device.cuda(0))) {
      Bend other = new Bend(device);
      other.load(file);
      assertArrayEquals(new float[] {7, 8, 9}, other.scale.toFloats());
      assertSame(device, other.scale.device());
    }
  }

  @Test
  void batches_go_to_the_device_of_the_model() {
    TensorDataset data =
        new TensorDataset(Tensor.of(new float[][] {{1}, {2}, {3}}), Tensor.of(new int[] {4, 5, 6}));
    for (Batch batch : Batches.of(data, 2).to(gpu)) {
      assertSame(gpu, batch.inputs().device());
      assertSame(gpu, batch.targets().device());
    }
    Batch first = Batches.of(data.to(gpu), 2).iterator().next();
    assertArrayEquals(new float[] {1, 2}, first.inputs().toFloats());
    assertSame(gpu, first.to(gpu).targets().device());

    Tokens tokens = Tokens.of(new int[] {0, 1, 2, 3, 4}, 5);
    TokenBatch batch = TokenBatches.inOrder(tokens, 1, 2).documents(1).to(gpu).get(0);
    assertSame(gpu, batch.documents().device());
    assertArrayEquals(new int[] {0, 1}, batch.inputs().toInts());
    assertSame(Device.cpu(), batch.to(Device.cpu()).positions().device());
  }
}
