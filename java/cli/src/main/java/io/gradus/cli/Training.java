package io.gradus.cli;

import io.gradus.autograd.CapturedStep;
import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.model.Mlp;
import io.gradus.op.Comparisons;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.DType;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import io.gradus.train.Evaluation;

/** Goes through the images to train, epoch after epoch, and tests after each. */
final class Training {

  private static final int TEST_BATCH = 1000;
  private static final int GROUPS = 10; // parts of an epoch that are reported

  private final Plan plan;
  private final ImageData data;
  private final Mlp model;
  private final Optimizer optimizer;
  private final Batches batches;
  private final CapturedStep captured = CapturedStep.of(this::step);

  Training(Plan plan, ImageData data, Mlp model, Optimizer optimizer, Seed seed) {
    this.plan = plan;
    this.data = data;
    this.model = model;
    this.optimizer = optimizer;
    this.batches = Batches.of(data.train(), plan.batchSize()).shuffle(seed).to(model.device());
  }

  void run(Report report) {
    report.start(plan);
    long start = System.nanoTime();
    Evaluation test = null;
    for (int epoch = 1; epoch <= plan.epochs(); epoch++) {
      Progress done = learn(epoch, report);
      test = Evaluation.of(model, data.test(), TEST_BATCH);
      report.epoch(done, test);
    }
    report.end(test, (System.nanoTime() - start) / 1e9);
  }

  private Progress learn(int epoch, Report report) {
    long steps = plan.stepsPerEpoch();
    long groupSteps = (steps + GROUPS - 1) / GROUPS;
    Meter all = new Meter();
    Meter group = new Meter();
    long step = 0;
    for (Batch batch : batches) {
      try (batch) {
        float[] lossAndRight = captured.run(batch.inputs(), batch.targets()).toFloats();
        long correct = (long) lossAndRight[1];
        all.add(lossAndRight[0], correct, batch.size());
        group.add(lossAndRight[0], correct, batch.size());
      }
      step++;
      report.step(progress(epoch, step, all, all));
      if (step % groupSteps == 0 || step == steps) {
        report.group(progress(epoch, step, group, all));
        group = new Meter();
      }
    }
    return progress(epoch, step, all, all);
  }

  /** One step; the loss, and how many answers were right before it. */
  private Tensor step(Tensor... batch) {
    try (Tape tape = Tape.record()) {
      Tensor logits = model.forward(batch[0]);
      Tensor loss = Losses.crossEntropy(logits, batch[1]);
      optimizer.step(tape.gradients(loss));
      Tensor labels = Pointwise.cast(batch[1], DType.I64);
      Tensor right = Comparisons.equal(Reductions.argmax(logits, -1), labels);
      Tensor count = Reductions.sum(Pointwise.cast(right, DType.F32));
      return tape.keep(Shapes.stack(0, loss, count));
    }
  }

  private Progress progress(int epoch, long step, Meter stretch, Meter epochSoFar) {
    long done = (epoch - 1) * plan.stepsPerEpoch() + step;
    long samplesDone = (epoch - 1) * plan.trainCount() + epochSoFar.samples();
    double rate = stretch.samplesPerSecond();
    return new Progress(
        epoch,
        plan.epochs(),
        done,
        plan.steps(),
        stretch.loss(),
        stretch.accuracy(),
        rate,
        (plan.epochs() * plan.trainCount() - samplesDone) / rate);
  }
}
