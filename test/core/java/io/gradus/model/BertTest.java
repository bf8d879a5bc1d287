package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.op.Losses;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
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
    int[] ids = java.util.stream.IntStream.range(0, 48).map(i -> i * i % 29).toArray();
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
