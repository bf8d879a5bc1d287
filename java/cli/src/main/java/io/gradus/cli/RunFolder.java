package io.gradus.cli;

import io.gradus.data.JsonTree;
import io.gradus.hub.Tokenizer;
import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The folder of a network that is trained or was: its files, by what they hold. */
record RunFolder(Path path) {

  /** What the network is, sees and tells: enough to make it again. */
  Path network() {
    return path.resolve("network.json");
  }

  /** The weights that the training ended with. */
  Path model() {
    return path.resolve("model.safetensors");
  }

  /** Every option of the run. */
  Path run() {
    return path.resolve("run.json");
  }

  /** Of texts. */
  Path tokenizer() {
    return path.resolve("tokenizer.json");
  }

  /** The figures of the training, a line each. */
  Path metrics() {
    return path.resolve("metrics.jsonl");
  }

  boolean hasModel() {
    return Files.exists(model());
  }

  boolean isEmpty() throws IOException {
    if (!Files.isDirectory(path)) {
      return true;
    }
    try (Stream<Path> files = Files.list(path)) {
      return files.findAny().isEmpty();
    }
  }

  /** Refuses a folder without a run, for a command of this name. */
  void checkRun(String command) throws IOException {
    if (!Files.isDirectory(path)) {
      throw new IOException(
          command
              + (Files.exists(path) ? ": not a folder: " : ": no such folder: ")
              + path
              + "; gradus train makes one");
    }
    for (Path file : List.of(network(), run())) {
      if (!Files.exists(file)) {
        throw new IOException(
            command
                + ": not the folder of a run: "
                + path
                + " has no "
                + file.getFileName()
                + "; gradus train makes one");
      }
    }
  }

  /** The command that the run began with. */
  TrainNetworkCommand command() throws IOException {
    Map<String, String> values = OptionValues.read("run", run());
    String kind = values.remove("network");
    if (kind == null || !NetworkOptions.KINDS.contains(kind)) {
      throw new IOException(
          "run: it names no network that there is: "
              + kind
              + " in "
              + run()
              + "; there are "
              + NetworkOptions.KINDS);
    }
    TrainNetworkCommand command = new TrainNetworkCommand(NetworkOptions.of(kind));
    CommandLine line = new CommandLine(command);
    List<String> arguments = OptionValues.arguments("run", run(), values, line.getCommandSpec());
    try {
      line.parseArgs(arguments.toArray(new String[0]));
      command.options().check(line.getCommandSpec());
    } catch (ParameterException e) {
      throw new IOException("run: broken: " + run() + ": " + e.getMessage(), e);
    }
    return command;
  }

  /**
   * What a network is, sees and tells.
   *
   * @param classes their names, in the order of their numbers; empty where it tells none
   * @param tokenizer of texts; null for images
   */
  record Trained(Network network, InputFormat format, List<String> classes, Tokenizer tokenizer) {

    void write(RunFolder folder) throws IOException {
      JsonTree names = new JsonTree();
      for (int i = 0; i < classes.size(); i++) {
        names.put(Integer.toString(i), classes.get(i));
      }
      new JsonTree()
          .put("network", network.kind())
          .put("settings", network.settings())
          .put("input", format.settings())
          .put("classes", names)
          .write(folder.network());
      if (tokenizer != null) {
        tokenizer.save(folder.tokenizer());
      }
    }
  }

  /** Reads what {@link Trained#write} wrote. */
  Trained trained() throws IOException {
    JsonTree json = JsonTree.read(network());
    try {
      Network network = Network.of(json.text("network"), json.tree("settings"));
      InputFormat format = InputFormat.of(json.tree("input"));
      List<String> classes = List.copyOf(json.tree("classes").texts().values());
      check(network, format, classes);
      Tokenizer tokenizer = format instanceof TextFormat ? Tokenizer.load(tokenizer()) : null;
      return new Trained(network, format, classes, tokenizer);
    } catch (IllegalArgumentException e) {
      throw new IOException("network: broken: " + network() + ": " + e.getMessage(), e);
    }
  }

  /** Each may be right by itself and still not fit. */
  private static void check(Network network, InputFormat format, List<String> classes) {
    boolean images = format instanceof ImageFormat;
    boolean tokens = !images || ((ImageFormat) format).levels() > 0;
    if (network.classifies() && network.classes() != classes.size()
        || tokens != network instanceof RnnNetwork) {
      throw new IllegalArgumentException(
          "a "
              + network.kind()
              + " of "
              + network.classes()
              + " classes does not go with "
              + classes.size()
              + " names and its input");
    }
  }

  /** Refuses files of different runs in one folder. */
  void checkSame(NetworkOptions options, Trained trained) throws IOException {
    if (!options.kind().equals(trained.network().kind())) {
      throw new IOException(
          "run: the files are not of one run: "
              + run()
              + " is of a network "
              + options.kind()
              + ", "
              + network()
              + " of "
              + trained.network().kind());
    }
  }

  /** The network with the weights that it was trained to. */
  Module model(String command, Network network, Device device) throws IOException {
    if (!hasModel()) {
      throw new IOException(
          command
              + ": there is no "
              + model()
              + " yet: the training did not end; go on with gradus resume "
              + path);
    }
    Module model = network.make(device, Seed.of(0));
    model.load(model());
    model.eval();
    return model;
  }
}
