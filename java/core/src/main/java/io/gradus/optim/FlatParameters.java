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
  private final List<Tensor> state = new ArrayList<>();
  private final Tensor values;
  private final Optimizer.Settings settings;
  private long steps;

  /**
   * Moves parameters of one type and device into a buffer.
   *
   * @param stateCount how many numbers the optimizer keeps for each element; they begin at 0
   * @param steps how many updates they have had
   */
  static FlatParameters of(
      Map<String, Tensor> parameters, int stateCount, Optimizer.Settings settings, long steps) {
    // The buffers outlast the tape in whose step a parameter may come in.
    return Scope.outside(() -> new FlatParameters(parameters, stateCount, settings, steps));
  }

  private FlatParameters(
      Map<String, Tensor> parameters, int stateCount, Optimizer.Settings settings, long steps) {
    this.settings = settings;
    this.steps = steps;
    long size = 0;
    for (var parameter : parameters.entrySet()) {
      members.add(new Member(parameter.getKey(), parameter.getValue(), size));
      size += parameter.getValue().size();
    }
    Tensor any = members.get(0).tensor();
    values = Tensor.empty(Shape.of(size), any.dtype(), any.device());
    for (int i = 0; i < stateCount; i++) {
      state.add(Tensor.zerosLike(values));
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
      next = of(trainable, state.size(), settings, steps);
      for (Member member : next.members) {
        for (int i = 0; i < state.size(); i++) {
          try (Tensor to = next.stateOf(member, i);
              Tensor from = stateOf(memberOf(member.tensor()), i)) {
            to.copyFrom(from);
          }
        }
      }
    }
    close();
    return next;
  }

  /** Frees the buffers, once no parameter lies in them. */
  void close() {
    values.close();
    state.forEach(Tensor::close);
  }

  private Member memberOf(Tensor tensor) {
    return members.stream().filter(member -> member.tensor() == tensor).findFirst().orElseThrow();
  }

  private Tensor stateOf(Member member, int i) {
    return state.get(i).view(member.tensor().shape(), member.first());
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

  Tensor state(int i) {
    return state.get(i);
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
    Tensor flat = gradients.flat(members.get(0).tensor());
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

  /** The gradients copied to the indices of the values, times their factor; zero where is none. */
  Tensor gather(Gradients gradients) {
    Tensor flat = Tensor.emptyLike(values);
    for (Member member : members) {
      try (Tensor place = flat.view(member.tensor().shape(), member.first())) {
        if (gradients.contains(member.tensor())) {
          place.copyFrom(gradients.get(member.tensor()));
        } else {
          place.fill(0);
        }
      }
    }
    return flat;
  }

  /**
   * Adds each parameter's part of the state to {@code into}, under the parameter's name and this.
   */
  void putState(int i, String name, Map<String, Tensor> into) {
    members.forEach(member -> into.put(member.name() + "." + name, stateOf(member, i)));
  }
}
