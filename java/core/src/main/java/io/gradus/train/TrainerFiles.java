package io.gradus.train;

import io.gradus.data.JsonTree;
import io.gradus.nn.Module;
import io.gradus.optim.ReduceOnPlateau;
import io.gradus.optim.Resumable;
import java.io.IOException;
import java.nio.file.Path;

/** The checkpoints of one training: all that it is made of, and where they are. */
final class TrainerFiles {

  /** What a checkpoint holds besides the model. */
  record Parts(
      Resumable optimizer,
      AveragedWeights averages,
      TrainerState state,
      GradScaler scaler,
      CallbackList callbacks) {

    JsonTree toJson(long seed) {
      JsonTree json = state.toJson().put("seed", seed).put("callbacks", callbacks.toJson());
      if (optimizer.schedule() instanceof ReduceOnPlateau plateau) {
        json.put("lr_scheduler", toJson(plateau.state()));
      }
      return scaler == null ? json : json.put("grad_scaler", scaler.toJson());
    }

    private static JsonTree toJson(ReduceOnPlateau.State plateau) {
      return new JsonTree()
          .put("factor", plateau.factor())
          .put("best", plateau.best())
          .put("num_bad_evaluations", plateau.bad())
          .put("cooldown_counter", plateau.cooling());
    }

    /** What a checkpoint says of the plateau; that at hand where it has none. */
    private static ReduceOnPlateau.State plateau(ReduceOnPlateau plateau, JsonTree json) {
      if (!json.has("lr_scheduler")) {
        return plateau.state();
      }
      JsonTree saved = json.tree("lr_scheduler");
      return new ReduceOnPlateau.State(
          saved.number("factor"),
          saved.number("best"),
          saved.count("num_bad_evaluations"),
          saved.count("cooldown_counter"));
    }
  }

  private final Module model;
  private final TrainingArguments arguments;
  private final CheckpointDirectory directory;

  TrainerFiles(Module model, TrainingArguments arguments) {
    this.model = model;
    this.arguments = arguments;
    this.directory = new CheckpointDirectory(arguments.outputDir());
  }

  /** Whether there are to be any. */
  boolean wanted() {
    return arguments.saveStrategy() != IntervalStrategy.NO;
  }

  /**
   * Makes the directory ready.
   *
   * @param begins whether the training begins, so that older checkpoints are of another one
   */
  void prepare(boolean begins) throws IOException {
    if (!wanted()) {
      return;
    }
    directory.prepare();
    if (begins) {
      for (Path old : directory.newestFirst()) {
        if (!arguments.overwriteOutputDir()) {
          throw new IllegalStateException(
              "train: there are checkpoints of another training: "
                  + old
                  + "; resume it, take another outputDir or set overwriteOutputDir");
        }
        directory.remove(old);
      }
    }
  }

  Path save(Parts parts) throws IOException {
    TrainerState state = parts.state();
    JsonTree json = parts.toJson(arguments.seed());
    Path written =
        directory.write(
            state.globalStep(),
            to ->
                CheckpointFiles.write(
                    to, model, parts.optimizer(), parts.averages().average(), json, arguments));
    directory.prune(arguments.saveTotalLimit(), state.globalStep(), state.bestStep());
    return written;
  }

  /** Goes on from the newest one that is whole; says whether there was one. */
  boolean resume(Parts parts) throws IOException {
    IOException broken = null;
    for (Path checkpoint : directory.newestFirst()) {
      JsonTree json;
      try {
        json = CheckpointFiles.check(checkpoint);
      } catch (IOException e) {
        broken = e; // bytes lost later on, for a checkpoint was whole when it got its name
        continue;
      }
      resume(checkpoint, json, parts);
      return true;
    }
    if (broken != null) {
      throw broken;
    }
    return false;
  }

  void resume(Path checkpoint, Parts parts) throws IOException {
    resume(checkpoint, CheckpointFiles.check(checkpoint), parts);
  }

  private void resume(Path checkpoint, JsonTree json, Parts parts) throws IOException {
    if (json.whole("seed") != arguments.seed()) {
      throw new IllegalArgumentException(
          "resume: the data would come in another order: the seed is "
              + json.whole("seed")
              + " in "
              + checkpoint
              + " and "
              + arguments.seed()
              + " here; set the one that it began with");
    }
    // Whatever is wrong with the state is found before the model is changed.
    parts.state().likeThis().restore(json);
    ReduceOnPlateau plateau =
        parts.optimizer().schedule() instanceof ReduceOnPlateau rates ? rates : null;
    ReduceOnPlateau.State reduced = plateau == null ? null : Parts.plateau(plateau, json);
    AveragedWeights averages = parts.averages();
    averages.begin();
    CheckpointFiles.load(checkpoint, model, parts.optimizer(), averages.average(), json);
    if (!CheckpointFiles.hasAverage(json)) {
      averages.restart();
    }
    parts.state().restore(json);
    if (plateau != null) {
      plateau.restore(reduced);
    }
    if (parts.scaler() != null && json.has("grad_scaler")) {
      parts.scaler().restore(json.tree("grad_scaler"));
    }
    parts.callbacks().restore(json.tree("callbacks"));
  }

  /** The checkpoint of the best evaluation; null where there is none. */
  Path best(TrainerState state) {
    return state.bestStep() < 0 || !wanted() ? null : directory.of(state.bestStep());
  }

  void loadBest(TrainerState state) throws IOException {
    if (arguments.loadBestModelAtEnd() && best(state) != null) {
      CheckpointFiles.loadModel(best(state), model);
    }
  }
}
