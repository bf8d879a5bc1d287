package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.model.RnnClassifierConfig.Cell;
import io.gradus.model.RnnClassifierConfig.Pooling;
import io.gradus.op.Losses;
import io.gradus.op.Shapes;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RnnClassifierTest {

  private static final Device CPU = Device.cpu();
  private static final RnnClassifierConfig SMALL = RnnClassifierConfig.lstm(7, 4, 5, 3);

  private static Tensor tokens() {
    return Tensor.of(new int[] {1, 2, 3, 4, 5, 6, 3, 0, 0, 0}, 2, 5);
  }

  @Test
  void parameters_have_plain_names() {
    RnnClassifier model =
        new RnnClassifier(SMALL.withCell(Cell.GRU).withLayers(1, true), CPU, Seed.of(1));
    assertEquals(
        List.of(
            "embedding.weight",
            "rnn.weight_ih_l0",
            "rnn.weight_hh_l0",
            "rnn.bias_ih_l0",
            "rnn.bias_hh_l0",
            "rnn.weight_ih_l0_reverse",
            "rnn.weight_hh_l0_reverse",
            "rnn.bias_ih_l0_reverse",
            "rnn.bias_hh_l0_reverse",
            "head.weight",
            "head.bias"),
        List.copyOf(model.parameters().names()));
    assertEquals(Shape.of(3, 10), model.parameters().get("head.weight").shape());
  }

  @Test
  void padding_changes_nothing() {
    Tensor lengths = Tensor.of(new int[] {5, 2}, 2);
    Tensor alone = Shapes.narrow(Shapes.slice(tokens(), 1, 2), 1, 0, 2);
    for (Cell cell : Cell.values()) {
      for (Pooling pooling : Pooling.values()) {
        for (boolean both : new boolean[] {false, true}) {
          RnnClassifierConfig config =
              SMALL.withCell(cell).withPooling(pooling).withLayers(2, both);
          RnnClassifier model = new RnnClassifier(config, CPU, Seed.of(1));
          float[] scores = Shapes.slice(model.forward(tokens(), lengths), 1, 2).toFloats();
          assertArrayEquals(model.forward(alone).toFloats(), scores, 1e-6f, config.toString());
        }
      }
    }
  }

  /** Which token came first of three that matter; the others are noise. */
  @Test
  void it_learns_what_came_first() {
    RnnClassifierConfig config = RnnClassifierConfig.lstm(7, 8, 16, 3).withDropout(0.1);
    for (Cell cell : new Cell[] {Cell.LSTM, Cell.GRU}) {
      RnnClassifier model = new RnnClassifier(config.withCell(cell), CPU, Seed.of(1));
      Optimizer adam = AdamW.builder().learningRate(0.01).build(model.parameters());
      Graph.Step step =
          in -> {
            try (Tape tape = Tape.record()) {
              Tensor loss = Losses.crossEntropy(model.forward(in[0], in[1]), in[2]);
              adam.step(tape.gradients(loss));
              return tape.keep(loss);
            }
          };
      SplittableRandom random = new SplittableRandom(4);
      double loss = 9;
      try (Graph graph = Graph.capture(step, batch(random, 32))) {
        for (int i = 0; i < 200; i++) {
          loss = graph.replay(batch(random, 32)).item();
        }
      }
      double last = loss;
      assertTrue(last < 0.3, () -> cell + ": loss " + last + "; that of a guess is 1.1");
    }
  }

  private static Tensor[] batch(SplittableRandom random, int n) {
    int[] tokens = new int[n * 9];
    int[] lengths = new int[n];
    int[] labels = new int[n];
    for (int b = 0; b < n; b++) {
      lengths[b] = 3 + random.nextInt(7);
      labels[b] = random.nextInt(3);
      for (int t = 0; t < 9; t++) {
        boolean counts = t < lengths[b];
        tokens[b * 9 + t] = t == 0 ? labels[b] : counts ? 3 + random.nextInt(4) : 0;
      }
    }
    return new Tensor[] {Tensor.of(tokens, n, 9), Tensor.of(lengths, n), Tensor.of(labels, n)};
  }

  @Test
  void configurations_are_read_again(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("config.json");
    RnnClassifierConfig config =
        SMALL.withCell(Cell.GRU).withLayers(3, true).withPooling(Pooling.MEAN).withDropout(0.25);
    config.write(file);
    assertEquals(config, RnnClassifierConfig.read(file));
  }

  @Test
  void what_does_not_fit_is_refused() {
    RnnClassifier model = new RnnClassifier(SMALL, CPU, Seed.of(1));
    refused(
        "rnn classifier: needs tokens (batch, time): (3)",
        () -> model.forward(Tensor.of(new int[] {1, 2, 3}, 3)));
    refused("rnn classifier: layers must be positive: 0", () -> SMALL.withLayers(0, true));
    refused("rnn classifier: dropout must lie in [0, 1): 1.0", () -> SMALL.withDropout(1));
  }

  private static void refused(String message, Runnable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
  }
}
