package io.gradus.cli;

import io.gradus.hub.Tokenizer;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The folder of a language model: its files, by what they hold. */
record GptFolder(Path path) {

  Path config() {
    return path.resolve("config.json");
  }

  Path tokenizer() {
    return path.resolve("tokenizer.json");
  }

  /** The weights that did best on the held-out text. */
  Path model() {
    return path.resolve("model.safetensors");
  }

  /** All that a training needs to go on. */
  Path last() {
    return path.resolve("last.safetensors");
  }

  /** The settings of the training. */
  Path run() {
    return path.resolve("run.json");
  }

  /** The ids of the text, to train and held out. */
  Path tokens() {
    return path.resolve("text.tokens");
  }

  /** Whether what lies here is a language model, and not another network. */
  boolean isModel() {
    return Files.exists(config()) && Files.exists(tokenizer());
  }

  boolean isEmpty() throws IOException {
    if (!Files.isDirectory(path)) {
      return true;
    }
    try (Stream<Path> files = Files.list(path)) {
      return files.findAny().isEmpty();
    }
  }

  /** A model and the tokenizer that it was trained with. */
  record Loaded(Gpt model, Tokenizer tokenizer) {}

  /** Reads both for a command of this name. */
  Loaded load(String command, Device device) throws IOException {
    if (!Files.isDirectory(path)) {
      throw new IOException(
          command
              + ": "
              + (Files.exists(path) ? "not a folder: " : "no such folder: ")
              + path
              + "; gradus train gpt --output "
              + path
              + " makes one");
    }
    GptConfig config = GptConfig.read(config());
    Tokenizer words = Tokenizer.load(tokenizer());
    if (!Files.exists(model()) && Files.exists(last())) {
      throw new IOException(
          command
              + ": there is no "
              + model()
              + " yet: the training was stopped before its first evaluation; go on with gradus"
              + " train gpt --resume --output "
              + path);
    }
    Gpt model = new Gpt(config, device, Seed.of(0));
    model.load(model());
    return new Loaded(model, words);
  }
}
