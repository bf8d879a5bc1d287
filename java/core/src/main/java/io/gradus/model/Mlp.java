package io.gradus.model;

import io.gradus.nn.Dropout;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.Sequential;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.util.ArrayList;
import java.util.List;

/**
 * A multilayer perceptron: from {@code (batch, sizes[0])} to {@code (batch, sizes[last])}, with an
 * activation, and dropout where it is configured, between its linear layers.
 *
 * <p>Its parameters have the names of the same layers in PyTorch's {@code Sequential}: {@code
 * 0.weight}, {@code 0.bias}, {@code 2.weight}, {@code 2.bias} for one hidden layer without dropout.
 */
public final class Mlp extends Sequential {

  /** Equal seeds give equal parameters. */
  public Mlp(MlpConfig config, Device device, Seed seed) {
    super(layers(config, device, seed));
  }

  private static List<Module> layers(MlpConfig config, Device device, Seed seed) {
    List<Module> layers = new ArrayList<>();
    List<Integer> sizes = config.sizes();
    for (int i = 0; i + 1 < sizes.size(); i++) {
      if (i > 0) {
        layers.add(config.activation().layer());
        if (config.dropout() > 0) {
          layers.add(new Dropout(config.dropout(), seed.split(layers.size())));
        }
      }
      layers.add(new Linear(sizes.get(i), sizes.get(i + 1), device, seed.split(layers.size())));
    }
    return layers;
  }
}
