package io.gradus.benchmarks.pure;

import io.gradus.benchmarks.Sizes;

/** One training step of the MLP by hand: forward, cross-entropy, backward, SGD, all in place. */
public final class PureMlp {
  private static final int IN = Sizes.MLP_IN;
  private static final int HIDDEN = Sizes.MLP_HIDDEN;
  private static final int OUT = Sizes.MLP_OUT;

  private final Kernels kernels;
  private final int batch;
  private final float[] w1;
  private final float[] b1;
  private final float[] w2;
  private final float[] b2;
  private final float[] dw1 = new float[HIDDEN * IN];
  private final float[] db1 = new float[HIDDEN];
  private final float[] dw2 = new float[OUT * HIDDEN];
  private final float[] db2 = new float[OUT];
  private final float[] h;
  private final float[] dh;
  private final float[] logits;

  /** With random weights. */
  public PureMlp(Kernels kernels, int batch) {
    this(
        kernels,
        batch,
        Sizes.uniform(HIDDEN * IN, (float) Math.sqrt(1.0 / IN), 1),
        new float[HIDDEN],
        Sizes.uniform(OUT * HIDDEN, (float) Math.sqrt(1.0 / HIDDEN), 2),
        new float[OUT]);
  }

  /** With these weights, which it changes. */
  public PureMlp(Kernels kernels, int batch, float[] w1, float[] b1, float[] w2, float[] b2) {
    this.kernels = kernels;
    this.batch = batch;
    this.w1 = w1;
    this.b1 = b1;
    this.w2 = w2;
    this.b2 = b2;
    h = new float[batch * HIDDEN];
    dh = new float[batch * HIDDEN];
    logits = new float[batch * OUT];
  }

  /** Returns the loss before the step. Weights are (out, in), as in PyTorch. */
  public float step(float[] x, int[] labels) {
    kernels.gemm(false, true, batch, HIDDEN, IN, x, w1, h);
    kernels.biasRelu(batch, HIDDEN, h, b1);
    kernels.gemm(false, true, batch, OUT, HIDDEN, h, w2, logits);
    float loss = crossEntropy(labels);

    float[] dlogits = logits;
    kernels.gemm(true, false, OUT, HIDDEN, batch, dlogits, h, dw2);
    kernels.sumRows(batch, OUT, dlogits, db2);
    kernels.gemm(false, false, batch, HIDDEN, OUT, dlogits, w2, dh);
    kernels.reluGrad(h, dh);
    kernels.gemm(true, false, HIDDEN, IN, batch, dh, x, dw1);
    kernels.sumRows(batch, HIDDEN, dh, db1);

    kernels.sgd(w1, dw1, Sizes.LEARNING_RATE);
    kernels.sgd(b1, db1, Sizes.LEARNING_RATE);
    kernels.sgd(w2, dw2, Sizes.LEARNING_RATE);
    kernels.sgd(b2, db2, Sizes.LEARNING_RATE);
    return loss;
  }

  /** Adds the bias, and leaves the gradient where the logits were. */
  private float crossEntropy(int[] labels) {
    double loss = 0;
    float[] row = new float[OUT];
    for (int r = 0; r < batch; r++) {
      int at = r * OUT;
      float max = Float.NEGATIVE_INFINITY;
      for (int j = 0; j < OUT; j++) {
        row[j] = logits[at + j] + b2[j];
        max = Math.max(max, row[j]);
      }
      double sum = 0;
      for (float logit : row) {
        sum += Math.exp(logit - max);
      }
      loss += Math.log(sum) + max - row[labels[r]];
      for (int j = 0; j < OUT; j++) {
        logits[at + j] = (float) (Math.exp(row[j] - max) / sum) / batch;
      }
      logits[at + labels[r]] -= 1f / batch;
    }
    return (float) (loss / batch);
  }
}
