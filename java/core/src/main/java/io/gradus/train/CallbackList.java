package io.gradus.train;

import io.gradus.data.JsonTree;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Callbacks one after the other. */
final class CallbackList implements TrainerCallback {

  private final List<TrainerCallback> callbacks = new ArrayList<>();

  void add(TrainerCallback... more) {
    callbacks.addAll(List.of(more));
  }

  @Override
  public void onTrainBegin(Trainer<?> trainer, TrainerControl control) throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onTrainBegin(trainer, control);
    }
  }

  @Override
  public void onTrainEnd(Trainer<?> trainer, TrainerControl control) throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onTrainEnd(trainer, control);
    }
  }

  @Override
  public void onEpochBegin(Trainer<?> trainer, TrainerControl control) throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onEpochBegin(trainer, control);
    }
  }

  @Override
  public void onEpochEnd(Trainer<?> trainer, TrainerControl control) throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onEpochEnd(trainer, control);
    }
  }

  @Override
  public void onStepEnd(Trainer<?> trainer, TrainerControl control) throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onStepEnd(trainer, control);
    }
  }

  @Override
  public void onEvaluate(Trainer<?> trainer, TrainerControl control, Map<String, Double> metrics)
      throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onEvaluate(trainer, control, metrics);
    }
  }

  @Override
  public void onSave(Trainer<?> trainer, TrainerControl control, Path checkpoint)
      throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onSave(trainer, control, checkpoint);
    }
  }

  @Override
  public void onLog(Trainer<?> trainer, TrainerControl control, Map<String, Double> values)
      throws IOException {
    for (TrainerCallback callback : callbacks) {
      callback.onLog(trainer, control, values);
    }
  }

  /** What each of them remembers, by its place and class. */
  JsonTree toJson() {
    JsonTree json = new JsonTree();
    for (int i = 0; i < callbacks.size(); i++) {
      json.put(nameOf(i), JsonTree.of(callbacks.get(i).state()));
    }
    return json;
  }

  /** One that another training did not have begins anew. */
  void restore(JsonTree json) {
    for (int i = 0; i < callbacks.size(); i++) {
      if (json.has(nameOf(i))) {
        callbacks.get(i).restore(json.tree(nameOf(i)).texts());
      }
    }
  }

  private String nameOf(int callback) {
    return callback + " " + callbacks.get(callback).getClass().getName();
  }
}
