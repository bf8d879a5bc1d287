package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.JsonTree;
import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.train.Objective;

/**
 * A network that the command line trains: what it is made of, and how it meets a batch. To add one,
 * write a record like these and the {@link NetworkOptions} that make it.
 */
sealed interface Network permits MlpNetwork, CnnNetwork, RnnNetwork, VaeNetwork, VitNetwork {

  /** Its name on the command line. */
  String kind();

  /** Its layers, for people. */
  String layers();

  /** What it is made of, for {@link #of}. */
  JsonTree settings();

  /** Equal seeds give equal parameters. */
  Module make(Device device, Seed seed);

  /**
   * How a batch becomes a loss.
   *
   * @param model that this made
   * @param smoothing of the labels, where there are any
   */
  Objective<Batch> objective(Module model, double smoothing);

  /** How many classes it tells apart; 0 where it tells none. */
  int classes();

  default boolean classifies() {
    return classes() > 0;
  }

  /**
   * The network of these settings.
   *
   * @throws IllegalArgumentException where there is none
   */
  static Network of(String kind, JsonTree settings) {
    return switch (kind) {
      case MlpNetwork.KIND -> MlpNetwork.of(settings);
      case CnnNetwork.KIND -> CnnNetwork.of(settings);
      case RnnNetwork.KIND -> RnnNetwork.of(settings);
      case VaeNetwork.KIND -> VaeNetwork.of(settings);
      case VitNetwork.KIND -> VitNetwork.of(settings);
      default -> throw new IllegalArgumentException("network: there is none of this kind: " + kind);
    };
  }
}
