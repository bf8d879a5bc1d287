package io.gradus.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.metric.ConfusionMatrix.Average;
import io.gradus.tensor.Tensor;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AverageTest {

  /** scikit-learn's own example: precision_recall_fscore_support of cats, dogs and pigs. */
  private static ConfusionMatrix pets() {
    ConfusionMatrix confusion = new ConfusionMatrix(3);
    confusion.add(Tensor.of(new int[] {0, 2, 1, 0, 0, 1}), Tensor.of(new int[] {0, 1, 2, 0, 1, 2}));
    return confusion;
  }

  @Test
  void macro_averages_count_each_class_alike() {
    assertEquals((2 / 3.0 + 0 + 0) / 3, pets().precision(Average.MACRO), 1e-15);
    assertEquals((1 + 0 + 0) / 3.0, pets().recall(Average.MACRO), 1e-15);
    assertEquals((0.8 + 0 + 0) / 3, pets().f1(Average.MACRO), 1e-15);
  }

  @Test
  void micro_averages_count_each_example_alike() {
    for (double value :
        new double[] {
          pets().precision(Average.MICRO), pets().recall(Average.MICRO), pets().f1(Average.MICRO)
        }) {
      assertEquals(2 / 6.0, value, 1e-15);
    }
  }

  @Test
  void weighted_averages_count_classes_by_their_examples() {
    ConfusionMatrix confusion = new ConfusionMatrix(3);
    confusion.add(Tensor.of(new int[] {0, 0, 0, 1, 1, 0}), Tensor.of(new int[] {0, 0, 0, 0, 1, 2}));
    // Class 0: 3 of 4 predicted and found; class 1: 1 of 2 predicted, all found; class 2: nothing.
    assertEquals((4 * 0.75 + 0.5) / 6, confusion.precision(Average.WEIGHTED), 1e-15);
    assertEquals((4 * 0.75 + 1) / 6, confusion.recall(Average.WEIGHTED), 1e-15);
    assertEquals((4 * 0.75 + 2 / 3.0) / 6, confusion.f1(Average.WEIGHTED), 1e-15);
  }

  @Test
  void classes_that_never_occur_are_left_out() {
    ConfusionMatrix confusion = new ConfusionMatrix(100);
    confusion.add(Tensor.of(new int[] {3, 4, 4}), Tensor.of(new int[] {3, 4, 3}));
    assertEquals((1 + 0.5) / 2, confusion.precision(Average.MACRO), 1e-15);
    assertEquals((0.5 + 1) / 2, confusion.recall(Average.MACRO), 1e-15);
    assertEquals(Double.NaN, new ConfusionMatrix(2).f1(Average.MACRO));
    assertEquals(Double.NaN, new ConfusionMatrix(2).f1(Average.WEIGHTED));
  }

  @Test
  void as_a_metric_it_gives_macro_averages_and_forgets() {
    ConfusionMatrix confusion = pets();
    Map<String, Double> values = confusion.values();
    assertEquals(confusion.accuracy(), values.get("accuracy"));
    assertEquals(confusion.precision(Average.MACRO), values.get("precision"));
    assertEquals(confusion.recall(Average.MACRO), values.get("recall"));
    assertEquals(confusion.f1(Average.MACRO), values.get("f1"));
    confusion.reset();
    assertEquals(0, confusion.total());
    assertEquals(Double.NaN, confusion.values().get("accuracy"));
  }

  @Test
  void figures_follow_from_true_and_false_positives_and_negatives() {
    SplittableRandom random = new SplittableRandom(7);
    int[] actual = random.ints(200, 0, 4).toArray();
    int[] predicted = random.ints(200, 0, 4).toArray();
    ConfusionMatrix confusion = new ConfusionMatrix(4);
    confusion.add(Tensor.of(predicted), Tensor.of(actual));
    double macro = 0;
    for (int c = 0; c < 4; c++) {
      double tp = 0;
      double fp = 0;
      double fn = 0;
      for (int i = 0; i < actual.length; i++) {
        tp += predicted[i] == c && actual[i] == c ? 1 : 0;
        fp += predicted[i] == c && actual[i] != c ? 1 : 0;
        fn += predicted[i] != c && actual[i] == c ? 1 : 0;
      }
      assertEquals(tp / (tp + fp), confusion.precision(c), 1e-15);
      assertEquals(tp / (tp + fn), confusion.recall(c), 1e-15);
      assertEquals(tp / (tp + (fp + fn) / 2), confusion.f1(c), 1e-15);
      macro += tp / (tp + (fp + fn) / 2) / 4;
    }
    assertEquals(macro, confusion.f1(Average.MACRO), 1e-15);
  }
}
