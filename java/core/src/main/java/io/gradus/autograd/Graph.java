package io.gradus.autograd;

import io.gradus.backend.Backend;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.SeedTrace;
import io.gradus.tensor.Tensor;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A step that was recorded once and is made again with one native call: its kernels, their memory
 * planned by who reads what when, and elementwise ones that follow each other made in one pass.
 *
 * <pre>{@code
 * Graph step = Graph.capture(
 *     in -> {
 *       try (Tape tape = Tape.record()) {
 *         Tensor loss = Losses.crossEntropy(model.forward(in[0]), in[1]);
 *         optimizer.step(tape.gradients(loss));
 *         return tape.keep(loss);
 *       }
 *     },
 *     x, labels);
 * for (Batch batch : batches) {
 *   Tensor loss = step.replay(batch.inputs(), batch.targets());
 * }
 * }</pre>
 *
 * <p>The capture is a step like any other, and its result is {@link #result()}. A replay has the
 * same effect as the step itself would have, bit for bit on the CPU: learning rates follow their
 * schedule and dropout draws anew. (On a GPU a product and what follows it may be one call, which
 * does not round to BF16 or F16 in between.) What else Java decided while the step was captured, a
 * branch or a number passed to an op, stays as it was. Shapes are fixed; {@link CapturedStep}
 * captures once for each. Inside a step no value can be read, and none of Java's can enter.
 */
public final class Graph implements AutoCloseable {

  private static final Cleaner CLEANER = Cleaner.create();

  /** One capture or replay at a time: all of them use the one pool. */
  private static final Object RUNNING = new Object();

  /** What this thread captures; null for nothing. */
  private static final ThreadLocal<Capture> CURRENT = new ThreadLocal<>();

  /** What a graph is made of: reads its inputs, returns a tensor or null. */
  @FunctionalInterface
  public interface Step {
    /** Computes the step from inputs that have other values, but the same shapes, each time. */
    Tensor run(Tensor... inputs);
  }

  /** Code that runs again in each replay, before it; its kernel calls start at a number. */
  private record Again(long call, Runnable code) {}

  private static final class Capture {
    final Device device;
    final Backend backend;
    final List<Again> before = new ArrayList<>();
    final List<Runnable> after = new ArrayList<>();

    Capture(Device device) {
      this.device = device;
      this.backend = device.backend();
    }
  }

  /** What an input has to be like. */
  private record Template(Device device, String described) {
    static Template of(Tensor input) {
      return new Template(input.device(), input.describe());
    }
  }

  /** Frees the native graph, and must not refer to the Java one. */
  private record Native(Backend backend, long handle) implements Runnable {
    @Override
    public void run() {
      backend.closeGraph(handle);
    }
  }

  private final Capture capture;
  private final SeedTrace seeds;
  private final List<Template> templates;
  private final Tensor result;
  private final long handle;
  private final Cleaner.Cleanable cleanable;
  private volatile boolean closed;

  private Graph(
      Capture capture, SeedTrace seeds, List<Template> templates, Tensor result, long handle) {
    this.capture = capture;
    this.seeds = seeds;
    this.templates = templates;
    this.result = result;
    this.handle = handle;
    this.cleanable = CLEANER.register(this, new Native(capture.backend, handle));
  }

  // Capture and replay

  /**
   * Runs a step and records it.
   *
   * @param inputs what the step reads and other replays give other values; all on one device, whose
   *     kernels are recorded. Without inputs those of {@link Device#best()} are
   * @throws IllegalStateException where a tape records, or another capture runs, on this thread
   * @throws RuntimeException where the step does what cannot be captured, or fails
   */
  public static Graph capture(Step step, Tensor... inputs) {
    Attempt attempt = attempt(step, inputs);
    if (attempt.graph() == null) {
      throw attempt.failure();
    }
    return attempt.graph();
  }

  /** A step that ran, and its graph; or why there is none. */
  record Attempt(Tensor result, Graph graph, RuntimeException failure) {}

  /** Runs a step and records it where that can be done. */
  static Attempt attempt(Step step, Tensor... inputs) {
    if (Tape.isRecording() || CURRENT.get() != null) {
      throw new IllegalStateException(
          "capture: a tape records or a capture runs on this thread; end it first");
    }
    synchronized (RUNNING) {
      Device device = inputs.length > 0 ? inputs[0].device() : Device.best();
      checkDevices(device, inputs);
      Capture capture = new Capture(device);
      capture.backend.startCapture();
      boolean ran = false;
      CURRENT.set(capture);
      try (SeedTrace seeds = SeedTrace.start()) {
        Tensor result = Scope.outside(() -> runOnce(step, inputs));
        checkDevices(device, result);
        ran = true;
        return finish(capture, seeds, result, inputs);
      } finally {
        CURRENT.remove();
        if (!ran) {
          capture.backend.abandonCapture();
        }
        Reference.reachabilityFence(inputs);
      }
    }
  }

  private static void checkDevices(Device device, Tensor... tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null && tensor.device() != device) {
        throw new IllegalArgumentException(
            "capture: devices differ: "
                + device
                + " is captured, and an input or the result is on "
                + tensor.device()
                + "; hand the step inputs on the device that it runs on");
      }
    }
  }

  private static Attempt finish(Capture capture, SeedTrace seeds, Tensor result, Tensor[] inputs) {
    long[] drawn = seeds.values();
    try {
      long handle =
          capture.backend.finishCapture(ranges(inputs), inputs.length, drawn, drawn.length);
      List<Template> templates = Stream.of(inputs).map(Template::of).toList();
      return new Attempt(result, new Graph(capture, seeds, templates, result, handle), null);
    } catch (RuntimeException e) {
      return new Attempt(result, null, e);
    }
  }

  /** All that the step makes is freed, but for its result. */
  private static Tensor runOnce(Step step, Tensor[] inputs) {
    long[] ranges = ranges(inputs); // before the step, which may close them
    try (Scope scope = Scope.open()) {
      Tensor result = step.run(inputs.clone());
      if (result != null && liesIn(ranges, result)) {
        return scope.keep(result.copy()); // a replay's inputs lie elsewhere
      }
      return result == null ? null : scope.keep(result);
    }
  }

  private static boolean liesIn(long[] ranges, Tensor result) {
    for (int i = 0; i < ranges.length - 1; i += 2) {
      long offset = result.address() - ranges[i];
      if (offset >= 0 && offset < ranges[i + 1]) {
        return true;
      }
    }
    return false;
  }

  /** At least one, so that an empty input is known by its address too. */
  private static long bytes(Tensor input) {
    return Math.max(1, input.byteSize());
  }

  private static long[] ranges(Tensor[] inputs) {
    long[] ranges = new long[Math.max(1, 2 * inputs.length)];
    for (int i = 0; i < inputs.length; i++) {
      ranges[2 * i] = inputs[i].address();
      ranges[2 * i + 1] = bytes(inputs[i]);
    }
    return ranges;
  }

  /**
   * Makes the step again with other inputs.
   *
   * @param inputs as many as were captured, of their shapes, types and device
   * @return the step's result, in the same tensor each time; null where the step returned null
   * @throws IllegalArgumentException where the inputs are others than those that were captured
   * @throws IllegalStateException where it is closed or {@linkplain #isStale() stale}
   */
  public Tensor replay(Tensor... inputs) {
    run(0, inputs);
    return result;
  }

  private void run(long times, Tensor... inputs) {
    checkInputs(inputs);
    synchronized (RUNNING) {
      checkUsable();
      for (Again again : capture.before) {
        capture.backend.startAmend(handle, again.call());
        try {
          again.code().run();
        } finally {
          capture.backend.endAmend();
        }
      }
      long[] addresses = new long[Math.max(1, inputs.length)];
      for (int i = 0; i < inputs.length; i++) {
        addresses[i] = inputs[i].address();
      }
      capture.backend.replay(handle, addresses, seeds.redraw(), times);
      capture.after.forEach(Runnable::run);
    }
    Reference.reachabilityFence(inputs);
    Reference.reachabilityFence(this);
  }

  private void checkInputs(Tensor[] inputs) {
    if (inputs.length != templates.size()) {
      throw new IllegalArgumentException(
          "replay: " + inputs.length + " inputs, but " + templates.size() + " were captured");
    }
    for (int i = 0; i < inputs.length; i++) {
      if (!Template.of(inputs[i]).equals(templates.get(i))) {
        throw new IllegalArgumentException(
            "replay: input "
                + i
                + " is "
                + inputs[i].describe()
                + ", but was captured as "
                + templates.get(i).described()
                + "; capture another graph for it");
      }
    }
  }

  private void checkUsable() {
    if (closed) {
      throw new IllegalStateException("replay: the graph is closed");
    }
    if (CURRENT.get() != null) {
      throw new IllegalStateException("replay: a graph cannot be replayed inside a capture");
    }
    if (isStale()) {
      throw new IllegalStateException(
          "replay: memory that the graph uses was freed, as when a parameter is frozen or a model"
              + " closed; capture it again");
    }
  }

  /** What the captured step returned, or the latest replay of it. */
  public Tensor result() {
    return result;
  }

  /**
   * Whether memory that the step uses, such as a parameter's, was freed: then it cannot be
   * replayed.
   */
  public boolean isStale() {
    return capture.backend.isStale(handle);
  }

  /** Frees the graph's memory, but not its result. Closing twice is harmless. */
  @Override
  public void close() {
    synchronized (RUNNING) {
      closed = true;
      cleanable.clean();
    }
  }

  // For what is not the same in each step

  /**
   * Runs code that makes kernel calls whose numbers, such as a learning rate, are others in each
   * step. Before each replay it runs again, and its numbers take the place of the recorded ones; it
   * must make the same calls and use raw addresses, since tensors of the step are gone by then.
   */
  public static void everyStep(Device device, Runnable code) {
    Capture capture = CURRENT.get();
    if (capture != null) {
      capture.before.add(new Again(device.backend().capturedCalls(), code));
    }
    code.run();
  }

  /** Runs code that counts steps or the like; it runs again after each replay. */
  public static void afterStep(Runnable code) {
    Capture capture = CURRENT.get();
    if (capture != null) {
      capture.after.add(code);
    }
    code.run();
  }

  // Looking at it

  /** The steps of the graph: kernels, or several that are made in one pass. */
  public List<GraphStep> steps() {
    checkNotClosed();
    Backend backend = capture.backend;
    List<GraphStep> steps = new ArrayList<>();
    for (long i = 0; i < backend.stepCount(handle); i++) {
      steps.add(
          new GraphStep(
              backend.stepName(handle, i),
              backend.stepShape(handle, i),
              backend.stepFlops(handle, i),
              backend.stepBytes(handle, i)));
    }
    return steps;
  }

  private void checkNotClosed() {
    if (closed) {
      throw new IllegalStateException("graph: it is closed");
    }
  }

  /** Bytes of the memory that the tensors of the step share. */
  public long plannedBytes() {
    checkNotClosed();
    return capture.backend.arenaBytes(handle);
  }

  /** Bytes that they would take one beside the other. */
  public long unplannedBytes() {
    checkNotClosed();
    return capture.backend.unplannedBytes(handle);
  }

  /** Makes the step again, as {@link #replay} does, and times every part of it. */
  public GraphProfile profile(Tensor... inputs) {
    List<GraphStep> steps = steps();
    long[] nanos = new long[2 * steps.size()];
    try (Tensor times = Tensor.of(nanos).to(capture.device)) {
      run(times.address(), inputs);
      return new GraphProfile(steps, times.toLongs());
    }
  }

  /** A table of its steps: kernel, sizes, FLOPs and bytes, summed over those that are alike. */
  @Override
  public String toString() {
    return GraphText.table(steps(), plannedBytes(), unplannedBytes());
  }

  /** Its steps as a picture: one bar each, as wide as its share of the FLOPs or of the bytes. */
  public String toSvg() {
    return GraphText.svg(steps());
  }
}
