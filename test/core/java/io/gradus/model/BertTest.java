package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.nn.Init;
import io.gradus.op.Losses;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BertTest {

  private static final BertConfig CONFIG = new BertConfig(29, 12, 2, 24, 2, 3, 40, 1e-12, 0);

  private static BertClassifier classifier(BertConfig config) {
    return new BertClassifier(config, 2, Device.cpu(), Seed.of(1));
  }

  @Test
  void padding_changes_nothing() {
    BertClassifier model = classifier(CONFIG);
    int[] ids = {3, 1, 4, 1, 5};
    int[] padded = {3, 1, 4, 1, 5, 9, 2};
    Tensor length = Tensor.of(new int[] {5});
    float[] alone = model.forward(Tensor.of(ids, 1, 5)).toFloats();
    float[] among = model.forward(Tensor.of(padded, 1, 7), null, length).toFloats();
    assertArrayEquals(alone, among, 1e-5f);
  }

  @Test
  void pooled_vectors_and_gradients_are_those_of_all_vectors_pooled() {
    for (int layers = 1; layers <= 3; layers++) {
      Bert model = spread(new BertConfig(29, 12, 2, 24, layers, 3, 40, 1e-12, 0));
      for (boolean flat : new boolean[] {false, true}) {
        if (flat) {
          AdamW.builder().build(model.parameters());
        }
        Tensor ids = ids(3, 7);
        Tensor types = Tensor.of(IntStream.range(0, 21).map(i -> i / 5 % 2).toArray(), 3, 7);
        Tensor dy = Init.normal(Shape.of(3, 24), 0, 1, Seed.of(5), Device.cpu());
        for (Tensor lengths : new Tensor[] {null, Tensor.of(new int[] {7, 2, 5})}) {
          List<float[]> want = run(model, () -> model.pool(model.forward(ids, types, lengths)), dy);
          assertClose(want, run(model, () -> model.pooled(ids, types, lengths), dy));
        }
      }
    }
  }

  private static Tensor ids(int batch, int time) {
    int[] ids = IntStream.range(0, batch * time).map(i -> (i * i + 3) % 29).toArray();
    return Tensor.of(ids, batch, time);
  }

  /** A model whose parameters are all large enough to matter. */
  private static Bert spread(BertConfig config) {
    Bert model = new Bert(config, Device.cpu(), Seed.of(1));
    int i = 0;
    for (Tensor parameter : model.parameters().tensors()) {
      Seed seed = Seed.of(2).split(i++);
      parameter.copyFrom(Init.normal(parameter.shape(), 0, 0.3, seed, Device.cpu()));
    }
    return model;
  }

  /** What a model computes, and then the gradients of all parameters. */
  private static List<float[]> run(Bert model, Supplier<Tensor> forward, Tensor dy) {
    List<float[]> values = new ArrayList<>();
    try (Tape tape = Tape.record()) {
      Tensor y = forward.get();
      values.add(y.toFloats());
      Gradients gradients = tape.vjp(y, dy);
      for (Tensor parameter : model.parameters().tensors()) {
        if (gradients.targets().contains(parameter)) {
          values.add(gradients.get(parameter).toFloats());
        }
      }
    }
    return values;
  }

  private static void assertClose(List<float[]> want, List<float[]> got) {
    assertEquals(want.size(), got.size());
    for (int i = 0; i < want.size(); i++) {
      assertClose(want.get(i), got.get(i));
    }
  }

  /** To 1e-6 of their size: sums are taken in other orders. */
  private static void assertClose(float[] want, float[] got) {
    assertEquals(want.length, got.length);
    double squares = 0;
    double errors = 0;
    for (int i = 0; i < want.length; i++) {
      squares += (double) want[i] * want[i];
      errors += ((double) got[i] - want[i]) * ((double) got[i] - want[i]);
    }
    double error = Math.sqrt(errors / squares);
    assertTrue(error < 1e-6, "relative error " + error);
  }

  @Test
  void types_tell_texts_apart_and_are_0_where_none_are_given() {
    BertClassifier model = classifier(CONFIG);
    Tensor ids = Tensor.of(new int[] {3, 1, 4}, 1, 3);
    float[] plain = model.forward(ids).toFloats();
    float[] zeros = model.forward(ids, Tensor.of(new int[3], 1, 3), null).toFloats();
    float[] ones = model.forward(ids, Tensor.of(new int[] {0, 1, 1}, 1, 3), null).toFloats();
    assertArrayEquals(plain, zeros);
    assertTrue(Math.abs(plain[0] - ones[0]) > 1e-6);
  }

  @Test
  void it_learns_one_batch_by_heart() {
    BertClassifier model = classifier(CONFIG.withDropout(0.05));
    int[] ids = IntStream.range(0, 48).map(i -> i * i % 29).toArray();
    Tensor tokens = Tensor.of(ids, 4, 12);
    Tensor labels = Tensor.of(new int[] {0, 1, 1, 0});
    Optimizer adam = AdamW.builder().learningRate(3e-3).weightDecay(0).build(model.parameters());
    double loss = 1;
    for (int step = 0; step < 300 && loss > 0.01; step++) {
      try (Tape tape = Tape.record()) {
        Tensor mean = Losses.crossEntropy(model.forward(tokens), labels);
        loss = mean.item();
        adam.step(tape.gradients(mean));
      }
    }
    assertTrue(loss < 0.01, "loss " + loss);
  }

  @Test
  void the_usual_ones_have_the_published_number_of_parameters() {
    assertEquals(109_482_240, parameters(BertConfig.base()));
    assertEquals(22_713_216, parameters(BertConfig.miniLm()));
  }

  /** Embeddings, blocks and pooler, by the sizes alone. */
  private static long parameters(BertConfig c) {
    long w = c.width();
    long embeddings = (c.vocabulary() + c.context() + c.types() + 2L) * w;
    long block = 4 * (w * w + w) + 2 * w * c.hidden() + c.hidden() + w + 4 * w;
    return embeddings + c.layers() * block + w * w + w;
  }

  @Test
  void mistakes_are_named() {
    BertClassifier model = classifier(CONFIG);
    var e =
        assertThrows(
            IllegalArgumentException.class, () -> model.forward(Tensor.of(new int[13], 1, 13)));
    assertEquals(
        "bert: tokens must be (batch, time) with 1 to 12 in each sequence: (1, 13) i32",
        e.getMessage());
    assertThrows(
        IndexOutOfBoundsException.class, () -> model.forward(Tensor.of(new int[] {29}, 1, 1)));
    assertThrows(IllegalArgumentException.class, () -> CONFIG.withDropout(1));
  }
}
