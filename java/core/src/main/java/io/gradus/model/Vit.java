package io.gradus.model;

import io.gradus.nn.FeedForward;
import io.gradus.nn.LayerNorm;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.TransformerEncoder;
import io.gradus.nn.TransformerOptions;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * A vision transformer (Dosovitskiy et al. 2021): from images {@code (batch, channels, height,
 * width)} to scores {@code (batch, classes)}. An image is cut into patches, which a transformer's
 * encoder takes as a sequence behind a class token, whose vector tells the class.
 *
 * <p>Its parameters have the names of Hugging Face's {@code ViTForImageClassification} without the
 * leading {@code vit.}: {@code embeddings.cls_token (1, 1, width)}, {@code
 * embeddings.position_embeddings (1, 1 + patches, width)}, {@code
 * embeddings.patch_embeddings.projection} of weight {@code (width, channels · patch · patch)}, the
 * same numbers in the same order, {@code layernorm} and {@code classifier}; those of the blocks are
 * PyTorch's, {@code encoder.layers.0.self_attn.in_proj_weight} and so on (see {@link
 * io.gradus.nn.TransformerEncoderLayer}), where Hugging Face keeps queries, keys and values apart.
 * Weights begin normal with a deviation of 0.02, biases with 0.
 */
public final class Vit extends Module {

  private final VitConfig config;
  private final VitEmbeddings embeddings;
  private final TransformerEncoder encoder;
  private final LayerNorm norm;
  private final Linear classifier;

  /** Equal seeds give equal parameters. */
  public Vit(VitConfig config, Device device, Seed seed) {
    this.config = config;
    embeddings = child("embeddings", new VitEmbeddings(config, device, seed.split(0)));
    TransformerOptions options =
        new TransformerOptions(
            config.width(),
            config.heads(),
            config.hidden(),
            config.dropout(),
            FeedForward.Kind.GELU_ERF,
            true,
            config.normEpsilon());
    encoder =
        child(
            "encoder",
            new TransformerEncoder(options, config.layers(), false, device, seed.split(1)));
    norm = child("layernorm", new LayerNorm(config.width(), true, config.normEpsilon(), device));
    classifier =
        child("classifier", new Linear(config.width(), config.classes(), device, seed.split(2)));
    Weights.initialize(this, name -> 0.02, seed.split(3));
  }

  /** What it is made of. */
  public VitConfig config() {
    return config;
  }

  @Override
  public Tensor forward(Tensor images) {
    Tensor first = Shapes.narrow(features(images), 1, 0, 1);
    return classifier.call(Shapes.reshape(first, images.dim(0), config.width()));
  }

  /** The vectors of the class token and of all patches, {@code (batch, 1 + patches, width)}. */
  public Tensor features(Tensor images) {
    return norm.call(encoder.call(embeddings.call(images)));
  }
}
