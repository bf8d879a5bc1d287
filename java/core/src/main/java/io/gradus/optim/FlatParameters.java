package io.gradus.optim;

import io.gradus.autograd.Gradients;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Parameters that one kernel call updates: they lie in one buffer, and their gradients and the
 * optimizer's state in others, all at the same indices.
 */
final class FlatParameters {

  /** A parameter and the index of its first element. */
  private record Member(String name, Tensor tensor, long first) {}

  private final List<Member> members = new ArrayList<>();
  private final List<Slot> slots;
  private final List<FlatState> state = new ArrayList<>();
  private final Tensor values;
  private final Optimizer.Settings settings;
  private long steps;

  /**
   * Moves parameters of one type and device into a buffer.
   *
   * @param slots what the optimizer keeps for each of them
   * @param steps how many updates they have had
   */
  static FlatParameters of(
      Map<String, Tensor> parameters, List<Slot> slots, Optimizer.Settings settings, long steps) {
    // The buffers outlast the tape in whose step a parameter may come in.
    return Scope.outside(() -> new FlatParameters(parameters, slots, settings, steps));
  }

  private FlatParameters(
      Map<String, Tensor> parameters, List<Slot> slots, Optimizer.Settings settings, long steps) {
    this.slots = slots;
    this.settings = settings;
    this.steps = steps;
    long size = 0;
    for (var parameter : parameters.entrySet()) {
      members.add(new Member(parameter.getKey(), parameter.getValue(), size));
      size += parameter.getValue().size();
    }
    Tensor any = members.get(0).tensor();
    values = Tensor.empty(Shape.of(size), any.dtype(), any.device());
    for (Slot slot : slots) {
      state.add(new FlatState(slot, tensors()));
    }
    members.forEach(member -> member.tensor().moveInto(values, member.first()));
  }

  // Where the parameters are

  /** Whether all of them are still trainable and still here. */
  boolean isIntact() {
    for (Member member : members) {
      if (!member.tensor().requiresGrad() || !isHere(member)) {
        return false;
      }
    }
    return true;
  }

  /** Not so once another optimizer was built with the parameter. */
  private boolean isHere(Member member) {
    return member.tensor().sharesMemoryWith(values)
        && member.tensor().blockOffset() == member.first();
  }

  /**
   * Those still trainable, with their state, in a buffer without gaps; null where there is none.
   * This object and its buffers are then done with.
   */
  FlatParameters withoutFrozen() {
    Map<String, Tensor> trainable = new LinkedHashMap<>();
    for (Member member : members) {
      if (member.tensor().requiresGrad()) {
        trainable.put(member.name(), member.tensor());
      } else if (isHere(member)) {
        // Else the frozen one would hold the whole buffer in memory.
        Tensor own = Scope.outside(() -> Tensor.emptyLike(member.tensor()));
        member.tensor().moveInto(own, 0);
        own.close();
      }
    }
    FlatParameters next = null;
    if (!trainable.isEmpty()) {
      next = of(trainable, slots, settings, steps);
      for (int i = 0; i < state.size(); i++) {
        next.state.get(i).copyFrom(state.get(i));
      }
    }
    close();
    return next;
  }

  /** Frees the buffers, once no parameter lies in them. */
  void close() {
    values.close();
    state.forEach(FlatState::close);
  }

  List<String> names() {
    return members.stream().map(Member::name).toList();
  }

  List<Tensor> tensors() {
    return members.stream().map(Member::tensor).toList();
  }

  // What an update needs

  Tensor values() {
    return values;
  }

  /** What slot i holds, at the indices of the values where it has a number for each element. */
  FlatState state(int i) {
    return state.get(i);
  }

  /** The index among the values where a parameter begins. */
  long first(int parameter) {
    return members.get(parameter).first();
  }

  Optimizer.Settings settings() {
    return settings;
  }

  /** How many updates these parameters have had. */
  long steps() {
    return steps;
  }

  void countStep() {
    steps++;
  }

  void uncountStep() {
    steps--;
  }

  /**
   * The gradients at the indices of the values, before their factor; null where they do not lie so,
   * as after a parameter was frozen.
   */
  Tensor flat(Gradients gradients) {
    Tensor first = members.get(0).tensor();
    if (members.size() == 1 && gradients.contains(first)) {
      return gradients.unscaled(first); // alone, it lies at the same indices wherever it is
    }
    Tensor flat = gradients.flat(first);
    if (flat == null || flat.size() != values.size()) {
      return null;
    }
    for (Member member : members) {
      if (gradients.flat(member.tensor()) != flat) {
        return null;
      }
    }
    return flat;
  }

  /**
   * The gradients copied to the indices of the values, before their factor; zero where is none. The
   * factor may say that no parameter is to change, which a product with it would not.
   */
  Tensor gather(Gradients gradients) {
    Tensor flat = Tensor.emptyLike(values);
    for (Member member : members) {
      try (Tensor place = flat.view(member.tensor().shape(), member.first())) {
        if (gradients.contains(member.tensor())) {
          place.copyFrom(gradients.unscaled(member.tensor()));
        } else {
          place.fill(0);
        }
      }
    }
    return flat;
  }

  /** Adds each parameter's part of the state, named for the parameter and the slot. */
  void putState(Map<String, Tensor> into) {
    for (int i = 0; i < slots.size(); i++) {
      for (Member member : members) {
        Tensor part = state.get(i).of(member.tensor());
        if (part != null) {
          into.put(member.name() + "." + slots.get(i).name(), part);
        }
      }
    }
  }
}
