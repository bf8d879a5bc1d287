package io.gradus.train;

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
 * All that a training needs to go on where it stopped, in one safetensors file: the parameters and
 * buffers as {@code model.NAME}, the optimizer's state as {@code optimizer.NAME}, averages of the
 * parameters and buffers as {@code average.NAME}, how many random numbers were drawn, and notes.
 */
public final class Checkpoint {

  private static final String MODEL = "model.";
  private static final String OPTIMIZER = "optimizer.";
  private static final String AVERAGE = "average.";
  private static final String AVERAGED = "average.updates";
  private static final String NOTE = "note.";
  private static final String STEPS = "optimizer.steps";
  private static final String UPDATES = "optimizer.updates.";
  private static final String DRAWS = "draws.";

  private Checkpoint() {}

  /**
   * Writes a checkpoint, which appears as a whole or not at all.
   *
   * @param notes whatever else is needed, such as how far the data was read
   * @throws IOException where that fails; a file that was there before is unchanged
   */
  public static void save(Path file, Module model, Resumable optimizer, Map<String, String> notes)
      throws IOException {
    save(file, model, optimizer, null, notes);
  }

  /**
   * Writes a checkpoint with averages of the model, which appears as a whole or not at all.
   *
   * @param average null for none
   * @param notes whatever else is needed, such as how far the data was read
   * @throws IOException where that fails; a file that was there before is unchanged
   */
  public static void save(
      Path file, Module model, Resumable optimizer, Averaged average, Map<String, String> notes)
      throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put(STEPS, Long.toString(optimizer.steps()));
    optimizer
        .updates()
        .forEach(
            (name, count) -> {
              if (count != optimizer.steps()) {
                metadata.put(UPDATES + name, Long.toString(count));
              }
            });
    model
        .draws()
        .forEach(
            (name, draws) ->
                metadata.put(DRAWS + name, draws.seed().value() + " " + draws.position()));
    if (average != null) {
      metadata.put(AVERAGED, Long.toString(average.updates()));
    }
    notes.forEach((name, note) -> metadata.put(NOTE + name, note));
    SafeTensors.write(file, tensors(model, optimizer, average), metadata);
  }

  private static Map<String, Tensor> tensors(Module model, Resumable optimizer, Averaged average) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    model.state().forEach((name, tensor) -> tensors.put(MODEL + name, tensor));
    optimizer.state().forEach((name, tensor) -> tensors.put(OPTIMIZER + name, tensor));
    if (average != null) {
      average.state().forEach((name, tensor) -> tensors.put(AVERAGE + name, tensor));
    }
    return tensors;
  }

  /**
   * Reads a checkpoint into a model and the optimizer of its parameters.
   *
   * @return the notes
   * @throws IOException where the file is missing or broken
   * @throws IllegalArgumentException where it is of another model or optimizer; then nothing has
   *     changed
   */
  public static Map<String, String> load(Path file, Module model, Resumable optimizer)
      throws IOException {
    return load(file, model, optimizer, null);
  }

  /**
   * Reads a checkpoint with averages into a model, the optimizer of its parameters and its
   * averages.
   *
   * @param average null for none
   * @return the notes
   * @throws IOException where the file is missing or broken
   * @throws IllegalArgumentException where it is of another model or optimizer, or has averages and
   *     none are given, or the other way round; then nothing has changed
   */
  public static Map<String, String> load(
      Path file, Module model, Resumable optimizer, Averaged average) throws IOException {
    try (SafeTensors tensors = SafeTensors.read(file)) {
      Map<String, String> metadata = tensors.metadata();
      if (!metadata.containsKey(STEPS)) {
        throw new IOException(
            "checkpoint: the file has weights alone: " + file + "; load them into the model");
      }
      long steps = number(file, STEPS, metadata.get(STEPS));
      Map<String, Long> updates = new LinkedHashMap<>();
      for (String name : optimizer.updates().keySet()) {
        String count = metadata.get(UPDATES + name);
        updates.put(name, count == null ? steps : number(file, UPDATES + name, count));
      }
      Map<Draws, long[]> draws = new LinkedHashMap<>();
      for (var drawn : model.draws().entrySet()) {
        draws.put(drawn.getValue(), draws(file, metadata.get(DRAWS + drawn.getKey())));
      }
      boolean averaged = average != null && metadata.containsKey(AVERAGED);
      long averagedModels = averaged ? number(file, AVERAGED, metadata.get(AVERAGED)) : 0;
      if (averagedModels < 0) {
        throw new IOException("checkpoint: the number of averaged models is negative: " + file);
      }
      long stepsBefore = optimizer.steps();
      Map<String, Long> updatesBefore = optimizer.updates();
      optimizer.restore(steps, updates);
      try {
        tensors.load(tensors(model, optimizer, average));
      } catch (IllegalArgumentException e) {
        optimizer.restore(stepsBefore, updatesBefore);
        throw e;
      }
      if (averaged) {
        average.restore(averagedModels);
      }
      draws.forEach((drawn, at) -> drawn.resume(Seed.of(at[0]), at[1]));
      return notes(metadata);
    }
  }

  /** The seed, and how many were drawn. */
  private static long[] draws(Path file, String text) throws IOException {
    String[] numbers = text == null ? new String[0] : text.split(" ");
    if (numbers.length != 2) {
      throw new IOException("checkpoint: the state of its random numbers is missing: " + file);
    }
    return new long[] {number(file, DRAWS, numbers[0]), number(file, DRAWS, numbers[1])};
  }

  private static long number(Path file, String name, String text) throws IOException {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IOException("checkpoint: " + name + " is no number: " + file + ": " + text, e);
    }
  }

  private static Map<String, String> notes(Map<String, String> metadata) {
    Map<String, String> notes = new LinkedHashMap<>();
    metadata.forEach(
        (name, value) -> {
          if (name.startsWith(NOTE)) {
            notes.put(name.substring(NOTE.length()), value);
          }
        });
    return notes;
  }
}
