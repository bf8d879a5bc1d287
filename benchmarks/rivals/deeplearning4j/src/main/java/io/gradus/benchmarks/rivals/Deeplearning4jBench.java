package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.Start;
import io.gradus.benchmarks.Throughput;
import io.gradus.benchmarks.Throughput.Step;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * The MLP's training step in Deeplearning4j, as its books write it: {@code fit} on one batch. It
 * takes its number of threads from its environment, OMP_NUM_THREADS.
 */
public final class Deeplearning4jBench {

  public static void main(String[] args) {
    Throughput throughput = Throughput.parse(args);
    throughput.print((workload, start) -> step(Throughput.mlpBatch(workload), start));
    System.exit(0);
  }

  private static Step step(int batch, Start start) {
    MultiLayerConfiguration config =
        new NeuralNetConfiguration.Builder()
            .updater(new Sgd(Sizes.LEARNING_RATE))
            .list()
            .layer(
                new DenseLayer.Builder()
                    .nIn(Sizes.MLP_IN)
                    .nOut(Sizes.MLP_HIDDEN)
                    .activation(Activation.RELU)
                    .build())
            .layer(
                new OutputLayer.Builder(LossFunction.MCXENT)
                    .nIn(Sizes.MLP_HIDDEN)
                    .nOut(Sizes.MLP_OUT)
                    .activation(Activation.SOFTMAX)
                    .build())
            .build();
    var model = new MultiLayerNetwork(config);
    model.init();
    for (int layer = 0; layer < 2; layer++) {
      String name = Integer.toString(2 * layer);
      model.setParam(layer + "_W", array(start, name + ".weight").transpose());
      model.setParam(layer + "_b", array(start, name + ".bias").reshape(1, -1));
    }
    INDArray x = array(start, "inputs");
    INDArray labels = Nd4j.zeros(batch, Sizes.MLP_OUT); // one column is one
    int[] classes = start.integers("targets");
    for (int i = 0; i < batch; i++) {
      labels.putScalar(i, classes[i], 1);
    }
    var data = new DataSet(x, labels);
    return new Step("samples/s", batch, () -> model.fit(x, labels), () -> model.score(data));
  }

  private static INDArray array(Start start, String name) {
    return Nd4j.create(start.floats(name)).reshape(start.shape(name));
  }

  private Deeplearning4jBench() {}
}
