package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Batches on their way to a GPU before they are asked for. */
@EnabledIf("hasCuda")
class CudaBatchesTest {

  static boolean hasCuda() {
    return Device.whyNoCuda() == null;
  }

  private static TensorDataset data() {
    float[] inputs = new float[2 * 11];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = i;
    }
    return new TensorDataset(Tensor.of(inputs, 11, 2), Tensor.of(new int[11]));
  }

  @SuppressWarnings("try") // the scope only has to close
  private static List<float[]> all(BatchSource<Batch> batches, boolean prepares) {
    List<float[]> all = new ArrayList<>();
    try (BatchSource.Epoch<Batch> epoch = batches.epoch(0, 1)) {
      while (epoch.hasNext()) {
        try (Scope scope = Scope.open()) {
          Batch batch = epoch.next();
          if (prepares) {
            epoch.prepare();
            epoch.prepare();
          }
          all.add(batch.inputs().toFloats());
        }
      }
    }
    return all;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void prepared_batches_are_those_that_come_without(int threads) {
    Device gpu = Device.cuda(0);
    Batches batches = Batches.of(data(), 3).shuffle(Seed.of(1)).prefetch(threads, 2);
    List<float[]> want = all(batches, false);
    long used = gpu.usedBytes();
    List<float[]> got = all(batches.to(gpu), true);
    assertEquals(3, got.size());
    for (int i = 0; i < got.size(); i++) {
      assertArrayEquals(want.get(i), got.get(i), 0, "batch " + i);
    }
    assertEquals(used, gpu.usedBytes(), "a batch was left");
  }

  @Test
  void an_epoch_that_is_closed_frees_the_batch_that_it_prepared() {
    Device gpu = Device.cuda(0);
    long used = gpu.usedBytes();
    try (BatchSource.Epoch<Batch> epoch = Batches.of(data(), 3).to(gpu).epoch(0, 0)) {
      epoch.next();
      epoch.prepare();
    }
    Tokens tokens = Tokens.of(new int[100], 2);
    try (BatchSource.Epoch<TokenBatch> epoch =
        TokenBatches.inOrder(tokens, 2, 8).to(gpu).epoch(0, 0)) {
      epoch.next();
      epoch.prepare();
    }
    assertEquals(used, gpu.usedBytes());
  }

  @Test
  void what_fails_while_a_batch_is_prepared_comes_out_when_it_is_its_turn() {
    TensorDataset data = data();
    Dataset broken =
        new Dataset() {
          @Override
          public long size() {
            return data.size();
          }

          @Override
          public Batch batch(long[] indices, Seed[] seeds) throws IOException {
            if (indices[0] > 0) {
              throw new IOException("the disk is gone");
            }
            return data.batch(indices, seeds);
          }
        };
    try (BatchSource.Epoch<Batch> epoch = Batches.of(broken, 3).to(Device.cuda(0)).epoch(0, 0)) {
      Batch first = epoch.next();
      epoch.prepare();
      assertEquals(Shape.of(3, 2), first.inputs().shape());
      assertEquals(5, first.inputs().toFloats()[5]);
      var e = assertThrows(UncheckedIOException.class, epoch::next);
      assertEquals("the disk is gone", e.getMessage());
    }
  }
}
