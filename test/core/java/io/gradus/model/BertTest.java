package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.nn.Init;
import io.gradus.op.Losses;
import io.gradus.op.Shapes;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
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

  @Test
  void padding_is_left_out_and_the_rest_is_as_without_it() {
    Bert model = spread(CONFIG);
    Tensor ids = ids(4, 9);
    Tensor types = Tensor.of(IntStream.range(0, 36).map(i -> i / 4 % 2).toArray(), 4, 9);
    int[] lengths = {5, 1, 9, 4};
    Tensor dy = Init.normal(Shape.of(4, 9, 24), 0, 1, Seed.of(5), Device.cpu()); // for padding too
    List<float[]> got = run(model, () -> model.forward(ids, types, Tensor.of(lengths)), dy);
    List<float[]> sum = null;
    for (int b = 0; b < lengths.length; b++) {
      int from = b;
      int n = lengths[b];
      List<float[]> alone =
          run(
              model,
              () -> model.forward(row(ids, from, n), row(types, from, n), null),
              row(dy, from, n));
      float[] rows = Arrays.copyOfRange(got.get(0), b * 9 * 24, (b + 1) * 9 * 24);
      assertClose(alone.get(0), Arrays.copyOf(rows, n * 24));
      assertArrayEquals(new float[(9 - n) * 24], Arrays.copyOfRange(rows, n * 24, 9 * 24));
      sum = sum == null ? alone : sums(sum, alone);
    }
    assertClose(sum.subList(1, sum.size()), got.subList(1, got.size()));
  }

  private static List<float[]> sums(List<float[]> a, List<float[]> b) {
    List<float[]> sums = new ArrayList<>();
    for (int i = 0; i < a.size(); i++) {
      float[] sum = a.get(i).clone();
      for (int j = 0; i > 0 && j < sum.length; j++) {
        sum[j] += b.get(i)[j];
      }
      sums.add(sum);
    }
    return sums;
  }

  private static Tensor row(Tensor x, int row, int n) {
    return Shapes.narrow(Shapes.slice(x, row, row + 1), 1, 0, n);
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
  void lengths_that_leave_no_padding_change_no_bit() {
    Bert model = spread(CONFIG);
    Tensor lengths = Tensor.of(new int[] {7, 7, 7});
    assertArrayEquals(
        model.forward(ids(3, 7)).toFloats(), model.forward(ids(3, 7), null, lengths).toFloats());
    assertArrayEquals(
        model.pooled(ids(3, 7), null, null).toFloats(),
        model.pooled(ids(3, 7), null, lengths).toFloats());
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
    learns(null);
    learns(Tensor.of(new int[] {12, 9, 4, 12}));
  }

  private static void learns(Tensor lengths) {
    BertClassifier model = classifier(CONFIG.withDropout(0.05));
    int[] ids = IntStream.range(0, 48).map(i -> i * i % 29).toArray();
    Tensor tokens = Tensor.of(ids, 4, 12);
    Tensor labels = Tensor.of(new int[] {0, 1, 1, 0});
    Optimizer adam = AdamW.builder().learningRate(3e-3).weightDecay(0).build(model.parameters());
    double loss = 1;
    for (int step = 0; step < 300 && loss > 0.01; step++) {
      try (Tape tape = Tape.record()) {
        Tensor mean = Losses.crossEntropy(model.forward(tokens, null, lengths), labels);
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
    refused("bert: there must be a length for each sequence: (3) for tokens (2, 5)", 5, 5, 5);
    refused("bert: lengths must be 1 to 5: 0 of sequence 1; give an empty text a token", 5, 0);
    refused("bert: lengths must be 1 to 5: 6 of sequence 0; cut the text or add padding", 6, 5);
    e =
        assertThrows(
            IllegalArgumentException.class,
            () -> model.forward(ids(2, 5), Tensor.of(new int[5], 1, 5), null));
    assertEquals(
        "bert: there must be a type for each token: (1, 5) for tokens (2, 5)", e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> CONFIG.withDropout(1));
  }

  private static void refused(String message, int... lengths) {
    Bert model = classifier(CONFIG).bert();
    Tensor given = Tensor.of(lengths);
    var e =
        assertThrows(IllegalArgumentException.class, () -> model.forward(ids(2, 5), null, given));
    assertEquals(message, e.getMessage());
    e = assertThrows(IllegalArgumentException.class, () -> model.pooled(ids(2, 5), null, given));
    assertEquals(message, e.getMessage());
  }
}
