package io.gradus.train;

import io.gradus.data.JsonTree;
import io.gradus.data.SafeTensors;
import io.gradus.nn.Draws;
import io.gradus.nn.Module;
import io.gradus.optim.Averaged;
import io.gradus.optim.Resumable;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The files of one checkpoint: {@code model.safetensors} with the weights that learn, {@code
 * model_ema.safetensors} with their averages where there are some, and what a training needs
 * besides.
 */
final class CheckpointFiles {

  private static final String MODEL = "model.safetensors";
  private static final String AVERAGE = "model_ema.safetensors";
  private static final String OPTIMIZER = "optimizer.safetensors";
  private static final String STATE = "trainer_state.json";
  private static final String ARGUMENTS = "training_args.json";

  /** What the state says of averages. */
  private static final String EMA = "ema";

  private CheckpointFiles() {}

  /**
   * Writes them.
   *
   * @param average null for none
   */
  static void write(
      Path directory,
      Module model,
      Resumable optimizer,
      Averaged average,
      JsonTree state,
      TrainingArguments arguments)
      throws IOException {
    model.save(directory.resolve(MODEL));
    if (average != null) {
      SafeTensors.write(directory.resolve(AVERAGE), average.state(), Map.of("format", "pt"));
      state.put(EMA, new JsonTree().put("updates", average.updates()));
    }
    SafeTensors.write(directory.resolve(OPTIMIZER), optimizer.state(), Map.of("format", "pt"));
    state.put(
        "optimizer",
        new JsonTree()
            .put("steps", optimizer.steps())
            .put("updates", JsonTree.of(optimizer.updates())));
    state.put("draws", drawsOf(model));
    arguments.write(directory.resolve(ARGUMENTS));
    state.write(directory.resolve(STATE));
  }

  private static JsonTree drawsOf(Module model) {
    JsonTree json = new JsonTree();
    model
        .draws()
        .forEach(
            (name, draws) ->
                json.put(
                    name,
                    new JsonTree()
                        .put("seed", draws.seed().value())
                        .put("position", draws.position())));
    return json;
  }

  /**
   * Reads the loop's state, and opens the other files to see whether they are whole.
   *
   * @throws IOException where something is missing or broken
   */
  static JsonTree check(Path directory) throws IOException {
    JsonTree state = JsonTree.read(directory.resolve(STATE));
    SafeTensors.read(directory.resolve(MODEL)).close();
    SafeTensors.read(directory.resolve(OPTIMIZER)).close();
    if (hasAverage(state)) {
      SafeTensors.read(directory.resolve(AVERAGE)).close();
    }
    return state;
  }

  static boolean hasAverage(JsonTree state) {
    return state.has(EMA);
  }

  /** Reads what was evaluated, alone: the averages where there are some, else the weights. */
  static void loadModel(Path directory, Module model) throws IOException {
    boolean averaged = hasAverage(JsonTree.read(directory.resolve(STATE)));
    model.load(directory.resolve(averaged ? AVERAGE : MODEL));
  }

  /**
   * Reads model, optimizer, averages and random numbers.
   *
   * @param average null for none, also where there are some
   * @param state what {@link #check} gave
   * @throws IllegalArgumentException where they are of another model or optimizer; then nothing has
   *     changed
   */
  static void load(
      Path directory, Module model, Resumable optimizer, Averaged average, JsonTree state)
      throws IOException {
    boolean averaged = average != null && hasAverage(state);
    try (SafeTensors weights = SafeTensors.read(directory.resolve(MODEL));
        SafeTensors moments = SafeTensors.read(directory.resolve(OPTIMIZER));
        SafeTensors averages = averaged ? SafeTensors.read(directory.resolve(AVERAGE)) : null) {
      checkSame(directory, weights, model.state());
      long updates = averaged ? state.tree(EMA).count("updates") : 0;
      if (averaged) {
        checkSame(directory, averages, average.state());
      }
      Map<Draws, JsonTree> draws = draws(model, state.tree("draws"));
      restore(optimizer, state.tree("optimizer"), moments);
      weights.load(model.state());
      if (averaged) {
        averages.load(average.state());
        average.restore(updates);
      }
      draws.forEach(
          (drawn, json) -> drawn.resume(Seed.of(json.whole("seed")), json.count("position")));
    }
  }

  private static Map<Draws, JsonTree> draws(Module model, JsonTree saved) {
    Map<Draws, JsonTree> draws = new LinkedHashMap<>();
    model.draws().forEach((name, drawn) -> draws.put(drawn, saved.tree(name)));
    draws
        .values()
        .forEach(
            json -> {
              json.whole("seed");
              json.count("position");
            });
    return draws;
  }

  private static void restore(Resumable optimizer, JsonTree counts, SafeTensors moments)
      throws IOException {
    long steps = counts.count("steps");
    Map<String, Long> updates = new LinkedHashMap<>();
    JsonTree saved = counts.tree("updates");
    optimizer.updates().keySet().forEach(name -> updates.put(name, saved.count(name)));
    long stepsBefore = optimizer.steps();
    Map<String, Long> updatesBefore = optimizer.updates();
    optimizer.restore(steps, updates);
    try {
      moments.load(optimizer.state());
    } catch (IllegalArgumentException e) {
      optimizer.restore(stepsBefore, updatesBefore);
      throw e;
    }
  }

  private static void checkSame(Path directory, SafeTensors file, Map<String, Tensor> state) {
    boolean same = file.names().equals(state.keySet());
    for (var item : state.entrySet()) {
      same =
          same
              && file.shape(item.getKey()).equals(item.getValue().shape())
              && file.dtype(item.getKey()) == item.getValue().dtype();
    }
    if (!same) {
      throw new IllegalArgumentException(
          "resume: the checkpoint is of another model: "
              + directory
              + " has "
              + file.names().size()
              + " tensors, the model "
              + state.size()
              + "; build the model that it was made with");
    }
  }
}
