package io.gradus.nn;

import io.gradus.data.SafeTensors;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A network or a part of one: parameters, parts inside it, and how an input becomes an output.
 *
 * <pre>{@code
 * final class Residual extends Module {
 *   private final Module inner;
 *
 *   Residual(Module inner) {
 *     this.inner = child("inner", inner);
 *   }
 *
 *   public Tensor forward(Tensor x) {
 *     return Pointwise.add(x, inner.call(x));
 *   }
 * }
 * }</pre>
 *
 * <p>Parts and parameters are named as in PyTorch, with dots between: {@code inner.0.weight}.
 * Import this class by its name: {@code io.gradus.nn.*} meets {@code java.lang.Module}.
 */
public abstract class Module {

  /** Is told of each {@link #call} while it {@linkplain #watch watches}. */
  @FunctionalInterface
  public interface Watcher {
    /**
     * A module made an output of an input.
     *
     * @param again makes the output of the input once more, and may be called while this is
     */
    void called(Module module, Tensor x, Tensor y, UnaryOperator<Tensor> again);
  }

  /** Who watches this thread; null for nobody. */
  private static final ThreadLocal<Watcher> WATCHER = new ThreadLocal<>();

  private final Map<String, Module> children = new LinkedHashMap<>();
  private final Map<String, Tensor> parameters = new LinkedHashMap<>();
  private final Map<String, Tensor> buffers = new LinkedHashMap<>();
  private final Map<String, Draws> draws = new LinkedHashMap<>();
  private boolean training = true;

  /** A module without parts and parameters yet. */
  protected Module() {}

  /** The output for an input; each module says of what shapes. */
  public abstract Tensor forward(Tensor x);

  /**
   * {@link #forward}, of which a {@linkplain #watch watcher} learns, as hooks in PyTorch do of
   * calls and not of {@code forward}. A module runs its parts by this.
   */
  public final Tensor call(Tensor x) {
    return call(x, this::forward);
  }

  /**
   * The same for another form of {@code forward}, such as one that takes a mask as well.
   *
   * <pre>{@code
   * Tensor y = layer.call(x, in -> layer.forward(in, options));
   * }</pre>
   */
  public final Tensor call(Tensor x, UnaryOperator<Tensor> form) {
    return call(x, form, y -> y);
  }

  /**
   * The same for a form that gives more than a tensor.
   *
   * @param output of all that it gives, what a watcher learns of
   */
  public final <T> T call(Tensor x, Function<Tensor, T> form, Function<T, Tensor> output) {
    T all = form.apply(x);
    Watcher watcher = WATCHER.get();
    if (watcher != null) {
      watcher.called(this, x, output.apply(all), in -> output.apply(form.apply(in)));
    }
    return all;
  }

  /** Runs code, and tells a watcher of each {@link #call} that it makes on this thread. */
  public static <T> T watch(Watcher watcher, Supplier<T> code) {
    Watcher before = WATCHER.get();
    WATCHER.set(watcher);
    try {
      return code.get();
    } finally {
      WATCHER.set(before);
    }
  }

  /** The parts of this module by their names, in order; not the parts of parts. */
  public final Map<String, Module> children() {
    return Collections.unmodifiableMap(children);
  }

  // Putting it together, in the constructor of a module

  /**
   * Makes a module part of this one.
   *
   * @return the part
   */
  protected final <M extends Module> M child(String name, M part) {
    checkName(name);
    if (part == this) {
      throw new IllegalArgumentException("module: it cannot be a part of itself: " + name);
    }
    children.put(name, part);
    return part;
  }

  /**
   * Makes a parameter: a tensor that requires gradients. It is made outside all scopes, so that it
   * lives as long as the module wherever that is constructed.
   *
   * @return the tensor
   */
  protected final Tensor parameter(String name, Supplier<Tensor> value) {
    checkName(name);
    Tensor tensor = Scope.outside(value).requiresGrad(true);
    parameters.put(name, tensor);
    return tensor;
  }

  /**
   * Makes a buffer: a tensor that belongs to what the module has learned, though no gradient
   * changes it, such as a running mean. It is saved and loaded with the parameters, and made
   * outside all scopes as they are.
   *
   * @return the tensor
   */
  protected final Tensor buffer(String name, Supplier<Tensor> value) {
    checkName(name);
    Tensor tensor = Scope.outside(value);
    buffers.put(name, tensor);
    return tensor;
  }

  /**
   * Makes what gives this module its random numbers, so that a checkpoint can hold how many it
   * drew.
   *
   * @return the draws
   */
  protected final Draws draws(String name, Seed seed) {
    checkName(name);
    Draws made = new Draws(seed);
    draws.put(name, made);
    return made;
  }

  private void checkName(String name) {
    if (name.isEmpty() || name.contains(".")) {
      throw new IllegalArgumentException(
          "module: a name must not be empty nor contain a dot: \"" + name + "\"");
    }
    if (Stream.of(children, parameters, buffers, draws).anyMatch(map -> map.containsKey(name))) {
      throw new IllegalArgumentException("module: a name stands for one thing: " + name + " twice");
    }
  }

  // Parameters

  /** All parameters, those of parts with the part's name in front. */
  public final Parameters parameters() {
    return Parameters.of(all(module -> module.parameters));
  }

  /** All buffers, named as parameters are. */
  public final Map<String, Tensor> buffers() {
    return all(module -> module.buffers);
  }

  /** Parameters, then buffers: all that {@link #save} writes. */
  public final Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>(parameters().asMap());
    state.putAll(buffers());
    return state;
  }

  /** What gives the module and its parts their random numbers, named as parameters are. */
  public final Map<String, Draws> draws() {
    return all(module -> module.draws);
  }

  private <T> Map<String, T> all(Function<Module, Map<String, T>> own) {
    Map<String, T> all = new LinkedHashMap<>();
    collect("", own, all);
    return all;
  }

  private <T> void collect(
      String prefix, Function<Module, Map<String, T>> own, Map<String, T> into) {
    own.apply(this).forEach((name, thing) -> into.put(prefix + name, thing));
    children.forEach((name, part) -> part.collect(prefix + name + ".", own, into));
  }

  /** Where its parameters are; the processor where it has none. */
  public final Device device() {
    return parameters().tensors().stream().findFirst().map(Tensor::device).orElse(Device.cpu());
  }

  /**
   * Writes parameters and buffers to a safetensors file, which appears as a whole or not at all.
   *
   * @throws IOException where that fails; a file that was there before is unchanged
   */
  public final void save(Path file) throws IOException {
    // Readers of the Python world refuse a file that does not name its framework.
    SafeTensors.write(file, state(), Map.of("format", "pt"));
  }

  /**
   * Reads the values of parameters and buffers from a safetensors file.
   *
   * @throws IOException where the file is missing or broken
   * @throws IllegalArgumentException where its names, shapes or types differ from this module's;
   *     then nothing is loaded
   */
  public final void load(Path file) throws IOException {
    try (SafeTensors tensors = SafeTensors.read(file)) {
      tensors.load(state());
    }
  }

  // Training and evaluation

  /** Switches this module and its parts to training, as they are at first: dropout drops. */
  public final void train() {
    training(true);
  }

  /** Switches this module and its parts to evaluation: dropout passes everything on. */
  public final void eval() {
    training(false);
  }

  private void training(boolean on) {
    training = on;
    children.values().forEach(part -> part.training(on));
  }

  /** Whether it is switched to training. */
  public final boolean isTraining() {
    return training;
  }

  // Looking at it

  /** What {@link #toString} says between the parentheses: {@code in=784, out=256}. */
  protected String settings() {
    return "";
  }

  /** This module and its parts as a tree. */
  @Override
  public final String toString() {
    StringBuilder text = new StringBuilder(getClass().getSimpleName() + "(" + settings());
    children.forEach((name, part) -> text.append("\n  (" + name + "): " + indented(part)));
    return text.append(children.isEmpty() ? ")" : "\n)").toString();
  }

  private static String indented(Module part) {
    return part.toString().replace("\n", "\n  ");
  }
}
