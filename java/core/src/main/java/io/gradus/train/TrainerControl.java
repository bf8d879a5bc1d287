package io.gradus.train;

/**
 * What callbacks ask of a {@link Trainer}; it does so behind the step at hand, and each thing once.
 * Any thread may ask.
 */
public final class TrainerControl {

  private volatile boolean stop;
  private volatile boolean save;
  private volatile boolean evaluate;
  private volatile boolean log;
  private volatile String reason = "";

  TrainerControl() {}

  /** Ends the training, with a checkpoint unless it saves none. */
  public void stop(String why) {
    reason = why;
    stop = true;
  }

  /** Writes a checkpoint. */
  public void save() {
    save = true;
  }

  /** Evaluates the model, where there is data for it. */
  public void evaluate() {
    evaluate = true;
  }

  /** Logs the loss. */
  public void log() {
    log = true;
  }

  /** Whether the training is to end. */
  public boolean isStopped() {
    return stop;
  }

  /** Why the training is to end; empty where it is not. */
  public String reason() {
    return reason;
  }

  boolean takeSave() {
    boolean asked = save;
    save = false;
    return asked;
  }

  boolean takeEvaluate() {
    boolean asked = evaluate;
    evaluate = false;
    return asked;
  }

  boolean takeLog() {
    boolean asked = log;
    log = false;
    return asked;
  }

  void begin() {
    stop = false;
    save = false;
    evaluate = false;
    log = false;
    reason = "";
  }
}
