package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.nn.Init;
import io.gradus.op.Losses;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VitTest {

  private static final Device CPU = Device.cpu();

  /** Images of 6 x 4 in two colours, cut into patches of 2. */
  private static final VitConfig SMALL = new VitConfig(6, 4, 2, 2, 8, 2, 2, 16, 3, 1e-12, 0);

  @Test
  void parameters_have_the_names_of_hugging_face_where_it_has_them() {
    Vit vit = new Vit(SMALL, CPU, Seed.of(1));
    var parameters = vit.parameters();
    assertEquals(Shape.of(1, 1, 8), parameters.get("embeddings.cls_token").shape());
    assertEquals(Shape.of(1, 7, 8), parameters.get("embeddings.position_embeddings").shape());
    assertEquals(
        Shape.of(8, 8), parameters.get("embeddings.patch_embeddings.projection.weight").shape());
    assertEquals(
        Shape.of(24, 8), parameters.get("encoder.layers.1.self_attn.in_proj_weight").shape());
    assertEquals(Shape.of(8), parameters.get("layernorm.weight").shape());
    assertEquals(Shape.of(3, 8), parameters.get("classifier.weight").shape());
    assertEquals(86_567_656, new VitCount(VitConfig.base(1000)).parameters(), "ViT-B/16");
  }

  /** What a model of these sizes has, without making it. */
  private record VitCount(VitConfig c) {
    long parameters() {
      long w = c.width();
      long block = 4 * (w * w + w) + 2 * w * c.hidden() + c.hidden() + w + 4 * w;
      long patch = (long) c.channels() * c.patch() * c.patch() * w + w;
      return w + (1 + c.patches()) * w + patch + c.layers() * block + 2 * w + (w + 1) * c.classes();
    }
  }

  @Test
  void the_count_of_parameters_is_that_of_the_formula() {
    assertEquals(
        new VitCount(SMALL).parameters(), new Vit(SMALL, CPU, Seed.of(1)).parameters().count());
  }

  /** As a convolution whose steps are as long as its kernel would. */
  @Test
  void a_patch_meets_the_weights_of_its_pixels() {
    Vit vit = new Vit(SMALL, CPU, Seed.of(1));
    vit.parameters().get("embeddings.position_embeddings").fill(0);
    Tensor images = Init.normal(Shape.of(2, 2, 6, 4), 0, 1, Seed.of(2), CPU);
    float[] pixels = images.toFloats();
    float[] w = vit.parameters().get("embeddings.patch_embeddings.projection.weight").toFloats();
    VitEmbeddings embeddings = new VitEmbeddings(SMALL, CPU, Seed.of(9));
    embeddings
        .parameters()
        .asMap()
        .forEach((name, p) -> p.copyFrom(vit.parameters().get("embeddings." + name)));
    Tensor vectors = embeddings.forward(images);
    assertEquals(Shape.of(2, 7, 8), vectors.shape());
    float[] y = vectors.toFloats();
    float[] token = vit.parameters().get("embeddings.cls_token").toFloats();
    for (int b = 0; b < 2; b++) {
      for (int k = 0; k < 8; k++) {
        assertEquals(token[k], y[b * 56 + k], "the class token comes first");
        for (int row = 0; row < 3; row++) {
          for (int column = 0; column < 2; column++) {
            double want = 0;
            for (int c = 0; c < 2; c++) {
              for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 2; j++) {
                  int pixel = ((b * 2 + c) * 6 + 2 * row + i) * 4 + 2 * column + j;
                  want += w[k * 8 + c * 4 + i * 2 + j] * pixels[pixel];
                }
              }
            }
            assertEquals(want, y[b * 56 + (1 + row * 2 + column) * 8 + k], 1e-5);
          }
        }
      }
    }
  }

  /** Which of three places is bright: a network that sees no places could not tell. */
  @Test
  void it_learns_where_a_bright_patch_stands() {
    Vit vit = new Vit(VitConfig.of(6, 1, 2, 16, 1, 2, 3), CPU, Seed.of(1));
    Optimizer adam = AdamW.builder().learningRate(0.003).build(vit.parameters());
    Graph.Step step =
        in -> {
          try (Tape tape = Tape.record()) {
            Tensor loss = Losses.crossEntropy(vit.forward(in[0]), in[1]);
            adam.step(tape.gradients(loss));
            return tape.keep(loss);
          }
        };
    SplittableRandom random = new SplittableRandom(4);
    Tensor[] first = images(random, 32);
    double loss = 9;
    try (Graph graph = Graph.capture(step, first)) {
      for (int i = 0; i < 150; i++) {
        loss = graph.replay(images(random, 32)).item();
      }
    }
    double last = loss;
    assertTrue(last < 0.1, () -> "loss " + last + "; that of a guess is 1.1");
  }

  private static Tensor[] images(SplittableRandom random, int n) {
    float[] pixels = new float[n * 36];
    int[] labels = new int[n];
    for (int b = 0; b < n; b++) {
      labels[b] = random.nextInt(3);
      for (int i = 0; i < 36; i++) {
        boolean bright = i / 12 == labels[b] && i % 6 / 2 == labels[b];
        pixels[b * 36 + i] = (float) (random.nextDouble() - 0.5 + (bright ? 2 : 0));
      }
    }
    return new Tensor[] {Tensor.of(pixels, n, 1, 6, 6), Tensor.of(labels, n)};
  }

  @Test
  void configurations_are_read_again(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("config.json");
    VitConfig config = VitConfig.base(10).withDropout(0.1);
    config.write(file);
    assertEquals(config, VitConfig.read(file));
    assertThrows(IOException.class, () -> RnnClassifierConfig.read(file));
  }

  @Test
  void what_does_not_fit_is_refused() {
    Vit vit = new Vit(SMALL, CPU, Seed.of(1));
    refused(
        "vit: needs images (batch, 2, 6, 4): (1, 2, 4, 6)",
        () -> vit.forward(Tensor.zeros(1, 2, 4, 6)));
    refused(
        "vit: needs images (batch, 2, 6, 4): (2, 6, 4)", () -> vit.forward(Tensor.zeros(2, 6, 4)));
    refused("vit: height must be of patches of 4: 6", () -> VitConfig.of(6, 1, 4, 8, 1, 2, 3));
    assertArrayEquals(new long[] {0, 3}, vit.forward(Tensor.zeros(0, 2, 6, 4)).shape().toArray());
  }

  private static void refused(String message, Runnable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
  }
}
