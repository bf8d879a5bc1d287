package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class VaeTest {

  private static final int INPUTS = 6;
  private static final int LATENT = 3;

  private static Vae vae(long seed) {
    return new Vae(new VaeConfig(INPUTS, List.of(8), LATENT), Device.cpu(), Seed.of(seed));
  }

  /** Two patterns and what lies between them. */
  private static Tensor examples(int count) {
    float[] values = new float[count * INPUTS];
    for (int i = 0; i < values.length; i++) {
      int row = i / INPUTS;
      values[i] = (row + i % INPUTS) % 2 == 0 ? 0.9f - 0.1f * (row % 3) : 0.05f;
    }
    return Tensor.of(values, count, INPUTS);
  }

  @Test
  void parameters_belong_to_an_encoder_and_a_decoder_that_mirror_each_other() {
    Vae vae = vae(1);
    assertEquals(Shape.of(8, INPUTS), vae.parameters().get("encoder.0.weight").shape());
    assertEquals(Shape.of(2 * LATENT, 8), vae.parameters().get("encoder.2.weight").shape());
    assertEquals(Shape.of(8, LATENT), vae.parameters().get("decoder.0.weight").shape());
    assertEquals(Shape.of(INPUTS, 8), vae.parameters().get("decoder.2.weight").shape());
  }

  @Test
  void the_divergence_is_that_of_normal_distributions() {
    Vae vae = vae(2);
    Tensor x = examples(5);
    Vae.Posterior posterior = vae.encode(x);
    float[] mean = posterior.mean().toFloats();
    float[] logVariance = posterior.logVariance().toFloats();
    double sum = 0;
    for (int i = 0; i < mean.length; i++) {
      double m = mean[i];
      double l = logVariance[i];
      sum += 0.5 * (m * m + Math.exp(l) - 1 - l);
    }
    Vae.Elbo elbo = vae.elbo(x);
    assertEquals(sum / 5, elbo.divergence().item(), 1e-5);
    assertEquals(elbo.reconstruction().item() + elbo.divergence().item(), elbo.loss().item(), 1e-4);
  }

  @Test
  void the_reconstruction_is_bernoullis_negative_log_likelihood() {
    Vae vae = vae(3);
    // A deviation of e^-30: every draw is the mean.
    float[] bias = new float[2 * LATENT];
    Arrays.fill(bias, LATENT, 2 * LATENT, -60);
    vae.parameters().get("encoder.2.bias").copyFrom(Tensor.of(bias));
    Tensor x = examples(4);
    float[] logits = vae.decode(vae.encode(x).mean()).toFloats();
    float[] target = x.toFloats();
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      double p = 1 / (1 + Math.exp(-logits[i]));
      sum -= target[i] * Math.log(p) + (1 - target[i]) * Math.log(1 - p);
    }
    assertEquals(sum / 4, vae.elbo(x).reconstruction().item(), 1e-4);
  }

  @Test
  void each_step_draws_anew_and_equal_seeds_draw_alike() {
    Vae one = vae(4);
    Vae other = vae(4);
    Vae.Posterior posterior = one.encode(examples(2));
    float[] first = one.sample(posterior).toFloats();
    float[] second = one.sample(posterior).toFloats();
    assertFalse(Arrays.equals(first, second));
    Vae.Posterior same = other.encode(examples(2));
    assertArrayEquals(first, other.sample(same).toFloats());
    assertArrayEquals(second, other.sample(same).toFloats());
  }

  @Test
  void draws_have_the_mean_and_the_deviation_of_their_distribution() {
    Vae vae = vae(5);
    int n = 20_000;
    Tensor mean = Tensor.full(2, Shape.of(n, 1), DType.F32, Device.cpu());
    Tensor logVariance = Tensor.full(Math.log(0.25), Shape.of(n, 1), DType.F32, Device.cpu());
    double sum = 0;
    double squares = 0;
    for (float z : vae.sample(new Vae.Posterior(mean, logVariance)).toFloats()) {
      sum += z;
      squares += (z - 2) * (z - 2);
    }
    assertEquals(2, sum / n, 0.02);
    assertEquals(0.5, Math.sqrt(squares / n), 0.02);
  }

  @Test
  void training_makes_the_bound_better_and_reconstructions_alike() {
    Vae vae = vae(6);
    Tensor x = examples(12);
    Optimizer adam = AdamW.builder().learningRate(0.02).build(vae.parameters());
    double before = mean(vae, x);
    for (int step = 0; step < 300; step++) {
      try (Tape tape = Tape.record()) {
        adam.step(tape.gradients(vae.elbo(x).loss()));
      }
    }
    double after = mean(vae, x);
    assertTrue(after < before - 1, before + " to " + after);
    float[] back = vae.forward(x).toFloats();
    float[] there = x.toFloats();
    for (int i = 0; i < back.length; i++) {
      assertEquals(there[i] > 0.5, back[i] > 0.4, i + ": " + there[i] + " and " + back[i]);
    }
  }

  private static double mean(Vae vae, Tensor x) {
    double sum = 0;
    for (int i = 0; i < 10; i++) {
      sum += vae.elbo(x).loss().item();
    }
    return sum / 10;
  }

  @Test
  void what_it_makes_lies_between_0_and_1_and_follows_the_seed() {
    Vae vae = vae(7);
    float[] made = vae.generate(9, Seed.of(1)).toFloats();
    assertEquals(9 * INPUTS, made.length);
    for (float value : made) {
      assertTrue(value > 0 && value < 1, "" + value);
    }
    assertArrayEquals(made, vae.generate(9, Seed.of(1)).toFloats());
    assertFalse(Arrays.equals(made, vae.generate(9, Seed.of(2)).toFloats()));
  }

  @Test
  void wrong_sizes_are_refused() {
    assertEquals(
        "vae: examples must be (batch, 6): (2, 5)",
        assertThrows(IllegalArgumentException.class, () -> vae(1).elbo(Tensor.zeros(2, 5)))
            .getMessage());
    assertEquals(
        "vae: sizes must be positive: inputs 6, hidden [0], latent 2",
        assertThrows(IllegalArgumentException.class, () -> new VaeConfig(6, List.of(0), 2))
            .getMessage());
  }
}
