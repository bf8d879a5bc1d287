package io.gradus.benchmarks.rivals;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.Start;
import io.gradus.benchmarks.Throughput;
import io.gradus.benchmarks.Throughput.Step;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * The MLP's training step in DJL with its PyTorch engine, as its books write it: a {@link Trainer},
 * and a {@link GradientCollector} for each step.
 */
public final class DjlBench {
  private static final List<String> PARAMETERS =
      List.of("0.weight", "0.bias", "2.weight", "2.bias");

  public static void main(String[] args) {
    Throughput throughput = Throughput.parse(args);
    String threads = Integer.toString(throughput.threads());
    System.setProperty("ai.djl.pytorch.num_threads", threads);
    System.setProperty("ai.djl.pytorch.num_interop_threads", threads);
    System.setProperty("ai.djl.offline", "true"); // the natives are on the class path
    throughput.print((workload, start) -> step(Throughput.mlpBatch(workload), start));
    System.exit(0);
  }

  private static Step step(int batch, Start start) {
    var block =
        new SequentialBlock()
            .add(Linear.builder().setUnits(Sizes.MLP_HIDDEN).build())
            .add(Activation.reluBlock())
            .add(Linear.builder().setUnits(Sizes.MLP_OUT).build());
    Model model = Model.newInstance("mlp");
    model.setBlock(block);
    Loss loss = Loss.softmaxCrossEntropyLoss();
    Tracker rate = Tracker.fixed(Sizes.LEARNING_RATE);
    var config =
        new DefaultTrainingConfig(loss)
            .optOptimizer(Optimizer.sgd().setLearningRateTracker(rate).build());
    Trainer trainer = model.newTrainer(config);
    trainer.initialize(new Shape(batch, Sizes.MLP_IN));
    List<Parameter> parameters = block.getParameters().values();
    for (int i = 0; i < PARAMETERS.size(); i++) {
      parameters.get(i).getArray().set(FloatBuffer.wrap(start.floats(PARAMETERS.get(i))));
    }
    NDManager manager = trainer.getManager();
    NDArray x = manager.create(start.floats("inputs"), new Shape(batch, Sizes.MLP_IN));
    var labels = new NDList(manager.create(start.integers("targets"), new Shape(batch)));
    return new Step(
        "samples/s",
        batch,
        () -> {
          try (NDManager step = manager.newSubManager();
              GradientCollector gradients = trainer.newGradientCollector()) {
            NDList inputs = new NDList(borrow(x, step));
            gradients.backward(loss.evaluate(labels, trainer.forward(inputs)));
          }
          trainer.step();
        },
        () -> loss.evaluate(labels, trainer.evaluate(new NDList(x))).getFloat());
  }

  /** The same memory, owned by the manager of one step, so that all it leads to goes with it. */
  private static NDArray borrow(NDArray x, NDManager step) {
    NDArray view = x.reshape(x.getShape());
    view.attach(step);
    return view;
  }

  private DjlBench() {}
}
