package io.gradus.model;

/**
 * What a {@link Cnn} is made of.
 *
 * @param kind which network
 * @param channels of the images: 1 for grey ones, 3 for colours
 * @param size the height and width of the images
 * @param classes the number of classes
 * @param width the channels of the first layer, from which the others follow
 * @param blocks the residual blocks of each of a residual network's three stages; 0 in others
 */
public record CnnConfig(Kind kind, int channels, int size, int classes, int width, int blocks) {

  /** Which network. */
  public enum Kind {
    /** Two convolutions and three linear layers: {@link LeNet}. */
    LENET,
    /** Three stages of residual blocks: {@link ResNet}. */
    RESNET
  }

  /** Checks that the sizes fit together. */
  public CnnConfig {
    check(channels >= 1, "channels", "must be positive", channels);
    check(classes >= 1, "classes", "must be positive", classes);
    check(width >= 1, "width", "must be positive", width);
    if (kind == Kind.LENET) {
      check(size >= 12, "size", "must be 12 or more, which two windows leave one of", size);
      check(blocks == 0, "blocks", "must be 0 in a LeNet", blocks);
    } else {
      check(size >= 1, "size", "must be positive", size);
      check(blocks >= 1, "blocks", "must be positive", blocks);
    }
  }

  private static void check(boolean holds, String name, String rule, int value) {
    if (!holds) {
      throw new IllegalArgumentException("cnn: " + name + " " + rule + ": " + value);
    }
  }

  /** LeNet-5's sizes: 6 and 16 channels. */
  public static CnnConfig leNet(int channels, int size, int classes) {
    return new CnnConfig(Kind.LENET, channels, size, classes, 6, 0);
  }

  /**
   * He et al.'s network for CIFAR: stages of 16, 32 and 64 channels. It has {@code 6 blocks + 2}
   * layers: 3 blocks make ResNet-20, 9 make ResNet-56.
   */
  public static CnnConfig resNet(int channels, int size, int classes, int blocks) {
    return new CnnConfig(Kind.RESNET, channels, size, classes, 16, blocks);
  }

  /** The same with other channels of the first layer. */
  public CnnConfig withWidth(int width) {
    return new CnnConfig(kind, channels, size, classes, width, blocks);
  }
}
