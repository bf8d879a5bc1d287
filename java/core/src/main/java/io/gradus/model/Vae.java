package io.gradus.model;

import io.gradus.nn.Activation;
import io.gradus.nn.Draws;
import io.gradus.nn.Module;
import io.gradus.op.Activations;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A variational autoencoder (Kingma and Welling 2014): learns to say an example in a few numbers,
 * and to make examples of such numbers, of numbers drawn at random as well.
 *
 * <p>An encoder gives the mean and the logarithm of the variance of a normal distribution for each
 * example, and a decoder the logits of each input, between 0 and 1, for a draw from it. The draw is
 * {@code z = mean + e^(logVariance / 2) · ε} with ε from the standard normal distribution, so that
 * gradients pass it. Both are an {@link Mlp} with ReLU, named {@code encoder} and {@code decoder}.
 */
public final class Vae extends Module {

  /**
   * Where an example may stand in the latent space.
   *
   * @param mean (batch, latent)
   * @param logVariance (batch, latent)
   */
  public record Posterior(Tensor mean, Tensor logVariance) {}

  /**
   * The evidence lower bound of a batch, with its sign turned: what training makes small.
   *
   * @param loss their sum, a scalar
   * @param reconstruction -log p(x | z) in nats, the mean of the examples, for one draw of z each
   * @param divergence of the posterior from the standard normal distribution (Kullback and
   *     Leibler), in nats, the mean of the examples
   */
  public record Elbo(Tensor loss, Tensor reconstruction, Tensor divergence) {}

  private final VaeConfig config;
  private final Mlp encoder;
  private final Mlp decoder;
  private final Draws draws;

  /** Equal seeds give equal parameters and draws. */
  public Vae(VaeConfig config, Device device, Seed seed) {
    this.config = config;
    List<Integer> up = new ArrayList<>(config.hidden());
    Collections.reverse(up);
    encoder =
        child(
            "encoder",
            mlp(config.inputs(), config.hidden(), 2 * config.latent(), device, seed.split(0)));
    decoder = child("decoder", mlp(config.latent(), up, config.inputs(), device, seed.split(1)));
    draws = draws("draws", seed.split(2));
  }

  private static Mlp mlp(int in, List<Integer> hidden, int out, Device device, Seed seed) {
    List<Integer> sizes = new ArrayList<>();
    sizes.add(in);
    sizes.addAll(hidden);
    sizes.add(out);
    return new Mlp(new MlpConfig(sizes, Activation.RELU, 0), device, seed);
  }

  /** What it is made of. */
  public VaeConfig config() {
    return config;
  }

  /** The distribution of each example of x (batch, inputs) in the latent space. */
  public Posterior encode(Tensor x) {
    if (x.rank() != 2 || x.dim(1) != config.inputs()) {
      throw new IllegalArgumentException(
          "vae: examples must be (batch, " + config.inputs() + "): " + x.shape());
    }
    Tensor both = encoder.call(x);
    return new Posterior(
        Shapes.narrow(both, 1, 0, config.latent()),
        Shapes.narrow(both, 1, config.latent(), config.latent()));
  }

  /** One draw from each distribution, (batch, latent); gradients pass it. */
  public Tensor sample(Posterior posterior) {
    Tensor mean = posterior.mean();
    Tensor noise = Random.normal(mean.shape(), draws.next(), 0, 1, mean.device());
    Tensor deviation = Pointwise.exp(Pointwise.mul(posterior.logVariance(), 0.5));
    return Pointwise.add(mean, Pointwise.mul(deviation, noise));
  }

  /** The logits of each input for z (batch, latent). */
  public Tensor decode(Tensor z) {
    return decoder.call(z);
  }

  /** x (batch, inputs) as it comes back by way of the mean of its distribution, from 0 to 1. */
  @Override
  public Tensor forward(Tensor x) {
    return Activations.sigmoid(decode(encode(x).mean()));
  }

  /**
   * What training makes small: {@code -log p(x | z) + KL(q(z | x) ‖ N(0, 1))}, with Bernoulli's
   * distribution for each input.
   *
   * @param x (batch, inputs), each from 0 to 1
   */
  public Elbo elbo(Tensor x) {
    Posterior posterior = encode(x);
    Tensor logits = decode(sample(posterior));
    double share = 1.0 / x.dim(0);
    // -x log σ(l) - (1 - x) log(1 - σ(l)) = softplus(l) - x l
    Tensor each = Pointwise.sub(Activations.softplus(logits), Pointwise.mul(x, logits));
    Tensor reconstruction = Pointwise.mul(Reductions.sum(each), share);
    Tensor divergence = Pointwise.mul(Reductions.sum(divergence(posterior)), share);
    return new Elbo(Pointwise.add(reconstruction, divergence), reconstruction, divergence);
  }

  /** {@code (mean² + variance - 1 - log variance) / 2}, element by element. */
  private static Tensor divergence(Posterior posterior) {
    Tensor mean = posterior.mean();
    Tensor logVariance = posterior.logVariance();
    Tensor spread = Pointwise.sub(Pointwise.exp(logVariance), Pointwise.add(logVariance, 1));
    return Pointwise.mul(Pointwise.add(Pointwise.mul(mean, mean), spread), 0.5);
  }

  /** New examples, (count, inputs) from 0 to 1, of latent numbers that this seed draws. */
  public Tensor generate(long count, Seed seed) {
    Tensor z = Random.normal(Shape.of(count, config.latent()), seed, 0, 1, device());
    return Activations.sigmoid(decode(z));
  }

  @Override
  protected String settings() {
    return "inputs=" + config.inputs() + ", latent=" + config.latent();
  }
}
