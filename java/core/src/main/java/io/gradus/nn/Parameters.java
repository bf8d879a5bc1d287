package io.gradus.nn;

import io.gradus.tensor.Tensor;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The named parameters of a model, in the order of its parts. A tensor with several names, as where
 * an output layer shares the weights of an embedding, counts once, under the first of them.
 */
public final class Parameters {

  private final Map<String, Tensor> byName;

  private Parameters(Map<String, Tensor> byName) {
    this.byName = byName;
  }

  /** Parameters that belong to no module. */
  public static Parameters of(Map<String, Tensor> byName) {
    Set<Tensor> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Map<String, Tensor> once = new LinkedHashMap<>();
    byName.forEach(
        (name, tensor) -> {
          if (seen.add(tensor)) {
            once.put(name, tensor);
          }
        });
    return new Parameters(Collections.unmodifiableMap(once));
  }

  /** The names, in order. */
  public Set<String> names() {
    return byName.keySet();
  }

  /**
   * The parameter of a name.
   *
   * @throws IllegalArgumentException where there is none
   */
  public Tensor get(String name) {
    Tensor tensor = byName.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException(
          "parameters: no such name: " + name + "; there are " + listed());
    }
    return tensor;
  }

  /** The tensors, in order. */
  public Collection<Tensor> tensors() {
    return byName.values();
  }

  /** Names and tensors, in order. */
  public Map<String, Tensor> asMap() {
    return byName;
  }

  /** The number of elements of all parameters together. */
  public long count() {
    return byName.values().stream().mapToLong(Tensor::size).sum();
  }

  /** The number of elements of those that are not frozen. */
  public long trainableCount() {
    return byName.values().stream().filter(Tensor::requiresGrad).mapToLong(Tensor::size).sum();
  }

  /**
   * Takes parameters out of training: they get no gradients and no optimizer changes them.
   *
   * @param names says for each name whether it is meant
   * @throws IllegalArgumentException where it is true for none
   */
  public void freeze(Predicate<String> names) {
    requireGrad("freeze", names, false);
  }

  /** Undoes {@link #freeze}. An optimizer that lost the parameter begins anew with it. */
  public void unfreeze(Predicate<String> names) {
    requireGrad("unfreeze", names, true);
  }

  private void requireGrad(String op, Predicate<String> names, boolean requires) {
    if (byName.keySet().stream().noneMatch(names)) {
      throw new IllegalArgumentException(op + ": no parameter is meant; there are " + listed());
    }
    byName.forEach(
        (name, tensor) -> {
          if (names.test(name)) {
            tensor.requiresGrad(requires);
          }
        });
  }

  private String listed() {
    String more = byName.size() > 5 ? " and " + (byName.size() - 5) + " more" : "";
    return byName.keySet().stream().limit(5).collect(Collectors.joining(", ", "", more));
  }

  /** A line for each: name, shape, type, and whether it is frozen. */
  @Override
  public String toString() {
    int width = byName.keySet().stream().mapToInt(String::length).max().orElse(0);
    return byName.entrySet().stream()
        .map(
            item ->
                String.format("%-" + Math.max(1, width) + "s  ", item.getKey())
                    + item.getValue().describe()
                    + (item.getValue().requiresGrad() ? "" : " frozen"))
        .collect(Collectors.joining("\n"));
  }
}
