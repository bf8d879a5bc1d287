package io.gradus.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricTest {

  private static double value(Metric metric, String name) {
    return metric.values().get(name);
  }

  private static float[] floats(SplittableRandom random, int n, int steps) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = random.nextInt(steps) / (float) steps - 0.5f;
    }
    return values;
  }

  // Accuracy

  @Test
  void accuracy_is_the_share_of_right_predictions() {
    Accuracy accuracy = new Accuracy();
    assertEquals(Double.NaN, value(accuracy, "accuracy"));
    accuracy.add(Tensor.of(new float[] {1, 2, 5, 4, 0, 0}, 3, 2), Tensor.of(new int[] {1, 0, 1}));
    assertEquals(2 / 3.0, value(accuracy, "accuracy"));
    accuracy.add(Tensor.of(new long[] {3}), Tensor.of(new int[] {3}));
    assertEquals(3 / 4.0, value(accuracy, "accuracy"));
    accuracy.reset();
    assertEquals(Double.NaN, value(accuracy, "accuracy"));
  }

  @Test
  void accuracy_leaves_out_what_is_ignored() {
    Accuracy tokens = new Accuracy();
    Tensor scores = Tensor.of(new float[] {1, 0, 0, 1, 1, 0, 0, 1}, 2, 2, 2);
    tokens.add(scores, Tensor.of(new int[] {0, -100, 1, -100}, 2, 2));
    assertEquals(0.5, value(tokens, "accuracy"));
    Accuracy other = new Accuracy(1);
    other.add(scores, Tensor.of(new int[] {0, 1, 0, 1}, 2, 2));
    assertEquals(1, value(other, "accuracy"));
  }

  @Test
  void accuracy_refuses_shapes_that_do_not_fit() {
    Accuracy accuracy = new Accuracy();
    Tensor labels = Tensor.of(new int[] {0, 1});
    assertEquals(
        "accuracy: predictions must be scores (…, classes), labels (…): (3, 2) f32 and (2) i32",
        assertThrows(IllegalArgumentException.class, () -> accuracy.add(Tensor.ones(3, 2), labels))
            .getMessage());
    assertEquals(
        "accuracy: there must be one label for each class predicted: (1) i32 and (2) i32",
        assertThrows(
                IllegalArgumentException.class,
                () -> accuracy.add(Tensor.of(new int[] {0}), labels))
            .getMessage());
    assertEquals(
        "accuracy: labels must be i32 or i64: (3) f32",
        assertThrows(
                IllegalArgumentException.class,
                () -> accuracy.add(Tensor.ones(3, 2), Tensor.ones(3)))
            .getMessage());
    assertEquals(Double.NaN, value(accuracy, "accuracy"));
  }

  // Top k

  @Test
  void top_k_counts_labels_among_the_k_largest() {
    SplittableRandom random = new SplittableRandom(3);
    int n = 200;
    int classes = 7;
    float[] scores = floats(random, n * classes, 5); // with many ties
    int[] labels = random.ints(n, 0, classes).toArray();
    for (int k : new int[] {1, 3, 7, 9}) {
      TopKAccuracy top = new TopKAccuracy(k);
      top.add(Tensor.of(scores, n, classes), Tensor.of(labels));
      int right = 0;
      for (int i = 0; i < n; i++) {
        int row = i * classes;
        long first =
            IntStream.range(0, classes)
                .boxed()
                .sorted(Comparator.comparing(c -> -scores[row + c])) // stable
                .limit(k)
                .filter(c -> c == labels[row / classes])
                .count();
        right += (int) first;
      }
      assertEquals((double) right / n, value(top, "top" + k + "Accuracy"));
    }
  }

  @Test
  void top_1_is_the_accuracy_of_the_largest_score() {
    SplittableRandom random = new SplittableRandom(4);
    float[] scores = floats(random, 300, 3);
    scores[7] = Float.NaN;
    scores[10] = Float.NEGATIVE_INFINITY;
    Tensor x = Tensor.of(scores, 100, 3);
    Tensor labels = Tensor.of(random.ints(100, 0, 3).toArray());
    TopKAccuracy top = new TopKAccuracy(1);
    Accuracy accuracy = new Accuracy();
    top.add(x, labels);
    accuracy.add(x, labels);
    assertEquals(value(accuracy, "accuracy"), value(top, "top1Accuracy"));
  }

  @Test
  void top_k_refuses_labels_outside_the_classes() {
    TopKAccuracy top = new TopKAccuracy(2);
    assertEquals(
        "topKAccuracy: labels must lie in [0, 3): element 1 is 3",
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> top.add(Tensor.ones(2, 3), Tensor.of(new int[] {0, 3})))
            .getMessage());
    top.add(Tensor.ones(2, 3), Tensor.of(new int[] {2, -100}));
    assertEquals(0, value(top, "top2Accuracy")); // the ties before it come first
    assertThrows(IllegalArgumentException.class, () -> new TopKAccuracy(0));
  }

  // ROC-AUC

  /** Of all pairs of a positive and a negative the share in the right order; ties count half. */
  private static double area(float[] scores, int[] labels, int stride, int column, int label) {
    double right = 0;
    double pairs = 0;
    for (int i = 0; i < labels.length; i++) {
      for (int j = 0; j < labels.length; j++) {
        if (labels[i] == label && labels[j] != label) {
          float own = scores[i * stride + column];
          float other = scores[j * stride + column];
          right += own > other ? 1 : own == other ? 0.5 : 0;
          pairs++;
        }
      }
    }
    return right / pairs;
  }

  @Test
  void the_area_is_the_share_of_pairs_in_order() {
    SplittableRandom random = new SplittableRandom(5);
    for (int steps : new int[] {2, 10, 100_000}) {
      float[] scores = floats(random, 150, steps);
      scores[3] = -0f;
      scores[4] = 0f;
      scores[5] = Float.NEGATIVE_INFINITY;
      int[] labels = random.ints(150, 0, 2).toArray();
      RocAuc auc = RocAuc.binary();
      for (int from = 0; from < 150; from += 50) { // in three batches
        auc.add(
            Tensor.of(Arrays.copyOfRange(scores, from, from + 50)),
            Tensor.of(Arrays.copyOfRange(labels, from, from + 50)));
      }
      assertEquals(area(scores, labels, 1, 0, 1), value(auc, "rocAuc"), 1e-12);
      assertEquals(1 - auc.area(1), auc.area(0), 1e-12);
    }
  }

  @Test
  void perfect_opposite_and_constant_scores_have_known_areas() {
    Tensor labels = Tensor.of(new int[] {0, 0, 1, 1});
    for (Map.Entry<float[], Double> each :
        Map.of(
                new float[] {-3, -2, 1, 9}, 1.0,
                new float[] {4, 3, 2, 1}, 0.0,
                new float[] {5, 5, 5, 5}, 0.5,
                new float[] {0.1f, 0.4f, 0.35f, 0.8f}, 0.75) // scikit-learn's example
            .entrySet()) {
      RocAuc auc = RocAuc.binary();
      auc.add(Tensor.of(each.getKey()), labels);
      assertEquals(each.getValue(), value(auc, "rocAuc"));
    }
  }

  @Test
  void several_classes_are_each_held_against_the_rest() {
    SplittableRandom random = new SplittableRandom(6);
    float[] scores = floats(random, 120 * 4, 20);
    int[] labels = random.ints(120, 0, 3).toArray(); // none of class 3
    RocAuc auc = RocAuc.oneVersusRest(4);
    auc.add(Tensor.of(scores, 120, 4), Tensor.of(labels));
    double sum = 0;
    for (int c = 0; c < 3; c++) {
      double area = area(scores, labels, 4, c, c);
      assertEquals(area, auc.area(c), 1e-12);
      sum += area;
    }
    assertEquals(sum / 3, value(auc, "rocAuc"), 1e-12);
    assertEquals(Double.NaN, auc.area(3));
  }

  @Test
  void without_both_classes_or_with_a_score_that_is_no_number_there_is_no_area() {
    RocAuc auc = RocAuc.binary();
    assertEquals(Double.NaN, value(auc, "rocAuc"));
    auc.add(Tensor.of(new float[] {1, 2}), Tensor.of(new int[] {1, 1}));
    assertEquals(Double.NaN, value(auc, "rocAuc"));
    auc.add(Tensor.of(new float[] {0}), Tensor.of(new long[] {0}));
    assertEquals(1, value(auc, "rocAuc"));
    auc.add(Tensor.of(new float[] {Float.NaN}), Tensor.of(new int[] {0}));
    assertEquals(Double.NaN, value(auc, "rocAuc"));
    auc.reset();
    auc.add(Tensor.of(new float[] {0, 1}), Tensor.of(new int[] {1, 0}));
    assertEquals(0, value(auc, "rocAuc"));
  }

  @Test
  void areas_refuse_what_does_not_fit() {
    assertEquals(
        "rocAuc: predictions must be scores (n), labels (n): (2, 1) f32 and (2) i32",
        assertThrows(
                IllegalArgumentException.class,
                () -> RocAuc.binary().add(Tensor.ones(2, 1), Tensor.of(new int[] {0, 1})))
            .getMessage());
    assertEquals(
        "rocAuc: labels must lie in [0, 2): element 0 is 2",
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> RocAuc.binary().add(Tensor.ones(1), Tensor.of(new int[] {2})))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> RocAuc.oneVersusRest(1));
  }

  // Regression

  @Test
  void regression_follows_its_definitions() {
    SplittableRandom random = new SplittableRandom(8);
    int n = 60;
    float[] y = floats(random, n * 2, 1000);
    float[] t = floats(random, n * 2, 1000);
    for (int i = 0; i < n; i++) {
      t[2 * i + 1] += 10_000; // far from 0, where a sum of squares would lose its digits
      y[2 * i + 1] += 10_000;
    }
    Regression metric = new Regression();
    metric.add(Tensor.of(Arrays.copyOf(y, 40), 20, 2), Tensor.of(Arrays.copyOf(t, 40), 20, 2));
    metric.add(
        Tensor.of(Arrays.copyOfRange(y, 40, 2 * n), n - 20, 2),
        Tensor.of(Arrays.copyOfRange(t, 40, 2 * n), n - 20, 2));
    double squares = 0;
    double absolute = 0;
    double r2 = 0;
    for (int output = 0; output < 2; output++) {
      double mean = 0;
      double residual = 0;
      double total = 0;
      for (int i = output; i < 2 * n; i += 2) {
        mean += t[i] / (double) n;
      }
      for (int i = output; i < 2 * n; i += 2) {
        residual += Math.pow((double) y[i] - t[i], 2);
        total += Math.pow(t[i] - mean, 2);
        absolute += Math.abs((double) y[i] - t[i]);
      }
      squares += residual;
      r2 += (1 - residual / total) / 2;
    }
    assertEquals(squares / (2 * n), value(metric, "mse"), 1e-12);
    assertEquals(Math.sqrt(squares / (2 * n)), value(metric, "rmse"), 1e-12);
    assertEquals(absolute / (2 * n), value(metric, "mae"), 1e-12);
    assertEquals(r2, value(metric, "r2"), 1e-9);
  }

  @Test
  void r2_of_the_mean_is_0_and_of_perfect_predictions_1() {
    Tensor targets = Tensor.of(new float[] {1, 2, 6});
    Regression mean = new Regression();
    mean.add(Tensor.of(new float[] {3, 3, 3}), targets);
    assertEquals(0, value(mean, "r2"), 1e-15);
    Regression perfect = new Regression();
    perfect.add(targets, targets);
    assertEquals(1, value(perfect, "r2"));
    // scikit-learn's example.
    Regression example = new Regression();
    example.add(Tensor.of(new float[] {2.5f, 0, 2, 8}), Tensor.of(new float[] {3, -0.5f, 2, 7}));
    assertEquals(0.9486081370449679, value(example, "r2"), 1e-12);
    Regression same = new Regression();
    same.add(Tensor.of(new float[] {1, 2}), Tensor.of(new float[] {1, 1}));
    assertEquals(Double.NEGATIVE_INFINITY, value(same, "r2"));
    same.reset();
    assertEquals(Double.NaN, value(same, "r2"));
    assertEquals(Double.NaN, value(same, "mse"));
  }

  @Test
  void regression_refuses_what_numpy_would_spread() {
    Regression metric = new Regression();
    assertEquals(
        "regression: predictions and targets must both be (n) or (n, outputs): (4, 1) f32 and (4)"
            + " f32",
        assertThrows(
                IllegalArgumentException.class, () -> metric.add(Tensor.ones(4, 1), Tensor.ones(4)))
            .getMessage());
    metric.add(Tensor.ones(4, 2), Tensor.ones(4, 2));
    assertEquals(
        "regression: predictions and targets must both be (n) or (n, outputs), with as many outputs"
            + " as before, 2: (4, 3) f32 and (4, 3) f32",
        assertThrows(
                IllegalArgumentException.class,
                () -> metric.add(Tensor.ones(4, 3), Tensor.ones(4, 3)))
            .getMessage());
  }

  // Perplexity

  @Test
  void perplexity_is_e_to_the_mean_loss_of_all_tokens() {
    SplittableRandom random = new SplittableRandom(9);
    float[] logits = floats(random, 2 * 5 * 3, 100);
    int[] labels = random.ints(10, 0, 3).toArray();
    labels[4] = -100;
    double loss = 0;
    for (int i = 0; i < 10; i++) {
      if (labels[i] >= 0) {
        double sum = 0;
        for (int c = 0; c < 3; c++) {
          sum += Math.exp(logits[3 * i + c]);
        }
        loss += Math.log(sum) - logits[3 * i + labels[i]];
      }
    }
    Tensor x = Tensor.of(logits, 2, 5, 3);
    Perplexity perplexity = new Perplexity();
    perplexity.add(x, Tensor.of(labels, 2, 5));
    assertEquals(Math.exp(loss / 9), value(perplexity, "perplexity"), 1e-5);
    perplexity.reset();
    assertEquals(Double.NaN, value(perplexity, "perplexity"));
    perplexity.add(Pointwise.cast(Tensor.zeros(4, 50), DType.BF16), Tensor.of(new int[4]));
    assertEquals(50, value(perplexity, "perplexity"), 1e-4);
    perplexity.add(Tensor.zeros(1, 50), Tensor.of(new int[] {-100})); // counts nothing
    assertEquals(50, value(perplexity, "perplexity"), 1e-4);
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> perplexity.add(Tensor.zeros(1, 50), Tensor.of(new int[] {50})));
  }
}
