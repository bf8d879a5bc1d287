package io.gradus.report;

import io.gradus.autograd.Graph;
import io.gradus.autograd.GraphStep;
import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.nn.ModuleList;
import io.gradus.nn.Parameters;
import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * A table of a model's layers: their types, what they give, their parameters and FLOPs, as Keras
 * and torchinfo print it.
 *
 * <pre>{@code
 * System.out.println(ModelSummary.of(model, Shape.of(32, 1, 28, 28)));
 * }</pre>
 *
 * <p>The model is run in evaluation. Output shapes are those of calls that were seen: {@link
 * Module#call}, by which modules run their parts, and ops on a layer's own parameters. FLOPs are
 * those that the kernels report when a layer runs again by itself on what it was called with. A
 * layer of which neither is seen, such as a dropout that a user's module runs by {@code forward},
 * has no output shape here.
 *
 * @param layers the model itself, then its parts, each behind the one it belongs to
 * @param parameterBytes of all parameters
 * @param bufferBytes of all buffers, such as running means
 * @param activationBytes of what the ops of a recorded forward pass make: what a training step
 *     keeps for the gradients, at most
 */
public record ModelSummary(
    List<Layer> layers, long parameterBytes, long bufferBytes, long activationBytes) {

  /**
   * One line of the table. Numbers include those of its parts.
   *
   * @param name with dots between, as parameters are named; empty for the model itself
   * @param depth 0 for the model itself, 1 for its parts, and so on
   * @param output the shape of what it gave last; null where that is not known
   * @param parameters how many elements its parameters have; those that are shared with a part
   *     count in both and once in what contains both
   * @param trainable how many of them are not frozen
   * @param flops floating-point operations of its calls in one forward pass; NaN where that is not
   *     known
   */
  public record Layer(
      String name,
      String type,
      int depth,
      Shape output,
      long parameters,
      long trainable,
      double flops) {}

  /** What was seen of a module. */
  private static final class Seen {
    int calls;
    Shape output;
    double flops = Double.NaN;
  }

  /**
   * The summary of a model for an input of F32 on its device.
   *
   * @param input with the size of the batch
   * @throws RuntimeException what the model throws for such an input
   */
  public static ModelSummary of(Module model, Shape input) {
    try (Tensor x = Tensor.zeros(input, DType.F32, model.device())) {
      return of(model, x);
    }
  }

  /**
   * The summary of a model for an input such as token ids.
   *
   * @throws IllegalStateException where a tape records on this thread
   * @throws RuntimeException what the model throws for such an input
   */
  public static ModelSummary of(Module model, Tensor x) {
    if (Tape.isRecording()) {
      throw new IllegalStateException(
          "modelSummary: a tape records on this thread; close it first");
    }
    Map<Module, Boolean> modes = new IdentityHashMap<>();
    List<Module> all = new ArrayList<>();
    collect(model, all);
    all.forEach(module -> modes.put(module, module.isTraining()));
    model.eval();
    try {
      return run(model, x);
    } finally {
      // From the outside in, since a switch reaches all parts.
      all.forEach(module -> restore(module, modes.get(module)));
    }
  }

  private static void collect(Module module, List<Module> into) {
    into.add(module);
    module.children().values().forEach(part -> collect(part, into));
  }

  private static void restore(Module module, boolean training) {
    if (training) {
      module.train();
    } else {
      module.eval();
    }
  }

  @SuppressWarnings("try") // the scope only has to close
  private static ModelSummary run(Module model, Tensor x) {
    Map<Module, Seen> seen = new IdentityHashMap<>();
    long activations;
    try (Scope scope = Scope.open()) {
      Module.watch(
          (module, in, out, again) -> count(module, in, out, again, seen), () -> model.call(x));
    }
    try (Tape tape = Tape.record()) {
      model.forward(x);
      outputsByParameters(model, tape.ops(), seen);
      activations = activationBytes(model, tape.ops(), x);
    }
    sumUpLists(model, seen);
    List<Layer> layers = new ArrayList<>();
    add("", model, 0, seen, layers);
    return new ModelSummary(
        List.copyOf(layers),
        bytes(model.parameters().tensors()),
        bytes(model.buffers().values()),
        activations);
  }

  /** Adds a call to what was seen of a module. */
  private static void count(
      Module module, Tensor x, Tensor y, UnaryOperator<Tensor> again, Map<Module, Seen> seen) {
    Seen calls = seen.computeIfAbsent(module, any -> new Seen());
    double flops = Module.watch((part, in, out, more) -> {}, () -> flops(again, x));
    calls.flops = calls.calls++ == 0 ? flops : calls.flops + flops;
    calls.output = y.shape();
  }

  private static double flops(UnaryOperator<Tensor> layer, Tensor x) {
    try (Graph graph = Graph.capture(in -> computed(layer.apply(in[0]), in[0]), x)) {
      return graph.steps().stream().mapToDouble(GraphStep::flops).sum();
    } catch (RuntimeException e) {
      return Double.NaN; // it does what cannot be captured, such as reading a value
    }
  }

  /** Null for the input itself or a view of it, of which a graph would make a copy. */
  private static Tensor computed(Tensor y, Tensor x) {
    return block(y) == block(x) ? null : y;
  }

  private static long bytes(Collection<Tensor> tensors) {
    return tensors.stream().mapToLong(Tensor::byteSize).sum();
  }

  /**
   * For modules whose calls were not seen: what the ops on their own parameters give. Those after
   * another module's turn are left out, as where an output layer shares an embedding's weights.
   */
  private static void outputsByParameters(Module model, List<Tape.Op> ops, Map<Module, Seen> seen) {
    Map<Tensor, Module> owners = new IdentityHashMap<>();
    owners(model, owners);
    Map<Module, Boolean> done = new IdentityHashMap<>();
    Module before = null;
    for (Tape.Op op : ops) {
      Tensor parameter = op.inputs().stream().filter(owners::containsKey).findFirst().orElse(null);
      if (parameter == null) {
        continue;
      }
      Module owner = owners.get(parameter);
      if (op.inputs().size() == 1) {
        owners.put(op.output(), owner); // a slice or a cast of it is not what the layer gives
        continue;
      }
      if (before != null && before != owner) {
        done.put(before, true);
      }
      before = owner;
      Seen calls = seen.computeIfAbsent(owner, any -> new Seen());
      if (calls.calls == 0 && !done.containsKey(owner)) {
        calls.output = op.output().shape();
      }
    }
  }

  /**
   * A list whose parts a module runs itself comes to what they come to, and gives what the last
   * does.
   */
  private static void sumUpLists(Module module, Map<Module, Seen> seen) {
    module.children().values().forEach(part -> sumUpLists(part, seen));
    if (module instanceof ModuleList && !seen.containsKey(module)) {
      Seen list = new Seen();
      list.flops = 0;
      for (Module part : module.children().values()) {
        Seen calls = seen.getOrDefault(part, new Seen());
        list.output = calls.output;
        list.flops += calls.flops;
      }
      seen.put(module, list);
    }
  }

  private static void owners(Module module, Map<Tensor, Module> into) {
    module
        .parameters()
        .asMap()
        .forEach(
            (name, tensor) -> {
              if (!name.contains(".")) {
                into.putIfAbsent(tensor, module);
              }
            });
    module.children().values().forEach(part -> owners(part, into));
  }

  /** Of each block of memory once: views share that of what they view. */
  private static long activationBytes(Module model, List<Tape.Op> ops, Tensor x) {
    Map<Long, Long> blocks = new HashMap<>();
    ops.stream()
        .map(Tape.Op::output)
        .filter(y -> !y.isClosed()) // such as what a later op took the memory of
        .forEach(y -> blocks.put(block(y), blockBytes(y)));
    blocks.remove(block(x));
    model.state().values().forEach(tensor -> blocks.remove(block(tensor)));
    return blocks.values().stream().mapToLong(Long::longValue).sum();
  }

  private static long block(Tensor x) {
    return x.address() - x.blockOffset() * x.dtype().bytes();
  }

  private static long blockBytes(Tensor x) {
    return x.blockSize() * x.dtype().bytes();
  }

  private static void add(
      String name, Module module, int depth, Map<Module, Seen> seen, List<Layer> into) {
    Seen calls = seen.getOrDefault(module, new Seen());
    Parameters parameters = module.parameters();
    into.add(
        new Layer(
            name,
            module.getClass().getSimpleName(),
            depth,
            calls.output,
            parameters.count(),
            parameters.trainableCount(),
            calls.flops));
    module
        .children()
        .forEach(
            (part, child) ->
                add(name.isEmpty() ? part : name + "." + part, child, depth + 1, seen, into));
  }

  // Totals

  /** How many elements all parameters have. */
  public long parameters() {
    return layers.get(0).parameters();
  }

  /** How many of them are not frozen. */
  public long trainable() {
    return layers.get(0).trainable();
  }

  /** Floating-point operations of a forward pass; NaN where they are not known. */
  public double flops() {
    return layers.get(0).flops();
  }

  /** The table, and the totals below it. */
  @Override
  public String toString() {
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"layer", "type", "output", "parameters", "trainable", "MFLOP"});
    for (Layer layer : layers) {
      String name = layer.name().substring(layer.name().lastIndexOf('.') + 1);
      rows.add(
          new String[] {
            "  ".repeat(layer.depth()) + (layer.depth() == 0 ? "(model)" : name),
            layer.type().isEmpty() ? "-" : layer.type(), // a class without a name
            layer.output() == null ? "-" : layer.output().toString(),
            format("%,d", layer.parameters()),
            format("%,d", layer.trainable()),
            Double.isNaN(layer.flops()) ? "-" : format("%,.3f", layer.flops() / 1e6)
          });
    }
    return table(rows)
        + format(
            "parameters %,d, of which %,d train and %,d are frozen%n",
            parameters(), trainable(), parameters() - trainable())
        + format(
            "memory: parameters %.2f MB, buffers %.2f MB, activations %.2f MB%n",
            parameterBytes / 1e6, bufferBytes / 1e6, activationBytes / 1e6);
  }

  private static String table(List<String[]> rows) {
    int[] widths = new int[rows.get(0).length];
    for (String[] row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        line.append(format("%" + (i < 3 ? "-" : "") + widths[i] + "s  ", row[i]));
      }
      text.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
    return text.toString();
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
