package consumer;

import io.gradus.autograd.Tape;
import io.gradus.hub.BpeTrainer;
import io.gradus.hub.Tokenizer;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.op.Losses;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Random;

/**
 * Trains a network as the README does and a tokenizer, and exits with 1 unless both have learned.
 */
public final class Main {

  private static final int POINTS = 256;
  private static final int STEPS = 200;

  private Main() {}

  public static void main(String[] arguments) {
    Mlp model = new Mlp(MlpConfig.of(2, 32, 4), Device.best(), Seed.of(42));
    Optimizer sgd = Sgd.builder().learningRate(0.5).build(model.parameters());

    // Points of a square and the quadrant that each lies in.
    Random random = new Random(1);
    float[][] points = new float[POINTS][2];
    int[] quadrants = new int[POINTS];
    for (int i = 0; i < POINTS; i++) {
      points[i][0] = 2 * random.nextFloat() - 1;
      points[i][1] = 2 * random.nextFloat() - 1;
      quadrants[i] = (points[i][0] < 0 ? 0 : 1) + (points[i][1] < 0 ? 0 : 2);
    }
    Tensor x = Tensor.of(points);
    Tensor y = Tensor.of(quadrants);

    double first = 0;
    double last = 0;
    for (int step = 0; step < STEPS; step++) {
      try (Tape tape = Tape.record()) {
        Tensor loss = Losses.crossEntropy(model.forward(x), y);
        sgd.step(tape.gradients(loss));
        last = loss.item();
        first = step == 0 ? last : first;
      }
    }

    String module = Main.class.getModule().isNamed() ? "as a module" : "on the class path";
    System.out.printf(
        "consumer: Java %s, %s: loss %.3f, then %.3f%n",
        System.getProperty("java.version"), module, first, last);
    Tokenizer tokenizer = new BpeTrainer(260).add("a word and a word and a word").train();
    int[] ids = tokenizer.encode("a word");
    boolean shorter = ids.length < 6 && tokenizer.decode(ids).equals("a word");
    if (!(last < first / 4) || !shorter) {
      System.exit(1);
    }
  }
}
