package io.gradus.autograd;

import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Gradient memory laid out like the flat buffers of the parameters, so that an optimizer's one pass
 * finds parameter and gradient at the same index and nothing is copied together first.
 */
final class FlatGradients {

  /** One flat buffer of gradients beside one of parameters. */
  record Flat(Tensor parameters, Tensor gradients) {}

  private static final class Group {
    final Tensor parameters; // any one of them
    final Tensor gradients;
    final List<Tensor> members = new ArrayList<>();

    Group(Tensor parameter, Tensor gradients) {
      this.parameters = parameter;
      this.gradients = gradients;
    }
  }

  private final List<Group> groups = new ArrayList<>();
  private final Map<Tensor, Tensor> places = new IdentityHashMap<>();

  /**
   * @param onto earlier gradients whose buffers serve again where they fit; or null
   */
  FlatGradients(List<Tensor> targets, Gradients onto) {
    for (Tensor target : targets) {
      if (target.requiresGrad() && target.isPart() && !places.containsKey(target)) {
        Group group = groupOf(target, onto);
        group.members.add(target);
        places.put(target, group.gradients.view(target.shape(), target.blockOffset()));
      }
    }
  }

  private Group groupOf(Tensor target, Gradients onto) {
    for (Group group : groups) {
      if (group.parameters.sharesMemoryWith(target)) {
        return group;
      }
    }
    Tensor gradients =
        onto == null || onto.scale() != 1 || onto.factor() != null ? null : onto.flat(target);
    if (gradients == null || gradients.size() != target.blockSize()) {
      gradients = Tensor.empty(Shape.of(target.blockSize()), target.dtype(), target.device());
    }
    Group group = new Group(target, gradients);
    groups.add(group);
    return group;
  }

  /** Where the gradient of a parameter belongs; null where it lies in no flat buffer. */
  Tensor place(Tensor target) {
    return places.get(target);
  }

  /** Clears what no target covers, and gives the buffers. */
  List<Flat> finish() {
    List<Flat> flats = new ArrayList<>();
    for (Group group : groups) {
      group.members.sort(Comparator.comparingLong(Tensor::blockOffset));
      long covered = 0;
      for (Tensor member : group.members) {
        clear(group.gradients, covered, member.blockOffset());
        covered = Math.max(covered, member.blockOffset() + member.size());
      }
      clear(group.gradients, covered, group.gradients.size());
      flats.add(new Flat(group.parameters, group.gradients));
    }
    return flats;
  }

  private static void clear(Tensor flat, long from, long to) {
    if (from < to) {
      try (Tensor gap = flat.view(Shape.of(to - from), from)) {
        gap.fill(0);
      }
    }
  }
}
