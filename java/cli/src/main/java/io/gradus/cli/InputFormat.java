package io.gradus.cli;

import io.gradus.data.JsonTree;

/** What a network takes in: how a picture or a text from outside becomes its input. */
sealed interface InputFormat permits ImageFormat, TextFormat {

  /** For {@link #of}. */
  JsonTree settings();

  /**
   * The format of these settings.
   *
   * @throws IllegalArgumentException where there is none
   */
  static InputFormat of(JsonTree settings) {
    return switch (settings.text("kind")) {
      case ImageFormat.KIND -> ImageFormat.of(settings);
      case TextFormat.KIND -> TextFormat.of(settings);
      default ->
          throw new IllegalArgumentException(
              "input: there is none of this kind: " + settings.text("kind"));
    };
  }
}
