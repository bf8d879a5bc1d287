package io.gradus.optim;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Graph;
import io.gradus.nn.Parameters;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * Changes parameters so that the loss falls, one step for each set of gradients.
 *
 * <p>Building one moves the parameters into flat buffers, which one kernel call updates. A
 * parameter that is frozen leaves them at the next step; one that is unfrozen joins, without a
 * past. All are F32.
 */
public abstract sealed class Optimizer permits Sgd, AdamW {

  /** Parameters that can share a buffer. */
  private record Group(Device device, Settings settings, long updates) {}

  /** What the parameters of one group have in common. */
  record Settings(double rateFactor, double weightDecay) {}

  /** Which parameters have settings of their own. */
  private record Rule(Predicate<String> names, Settings settings) {}

  private final String name;
  private final Parameters parameters;
  private final Schedule schedule;
  private final List<Rule> rules;
  private final List<String> stateNames;
  private final List<FlatParameters> buffers = new ArrayList<>();
  private long steps;

  Optimizer(String name, Parameters parameters, Builder<?> settings, List<String> stateNames) {
    this.name = name;
    this.parameters = parameters;
    this.schedule = settings.schedule;
    this.rules = settings.rules();
    this.stateNames = stateNames;
    arrange();
    if (buffers.isEmpty()) {
      throw new IllegalArgumentException(
          name
              + ": nothing to train: "
              + parameters.names().size()
              + " parameters, none of which requires gradients; unfreeze some");
    }
    // The parameters' old memory would never be asked for again: nothing else has its sizes.
    parameters.tensors().stream().map(Tensor::device).distinct().forEach(Device::trim);
  }

  /**
   * Changes every parameter that is not frozen by its gradient. One that has none, because the loss
   * does not depend on it, counts as having a gradient of zeros.
   *
   * @throws IllegalArgumentException where no gradient is one of a parameter of this optimizer
   * @throws IllegalStateException where these gradients were applied before
   */
  public final void step(Gradients gradients) {
    checkOurs(gradients);
    gradients.apply();
    arrange();
    Tensor factor = gradients.factor();
    for (FlatParameters buffer : buffers) {
      Tensor flat = buffer.flat(gradients);
      if (flat != null) {
        update(buffer, flat, gradients.scale(), factor);
      } else {
        try (Tensor gathered = buffer.gather(gradients)) {
          update(buffer, gathered, 1, null);
        }
      }
    }
    Graph.afterStep(this::countStep);
    Reference.reachabilityFence(this);
  }

  /** One buffer, in a call whose rate and count are others in each replay of a graph. */
  private void update(FlatParameters buffer, Tensor gradients, double scale, Tensor factor) {
    long from = gradients.address();
    long by = factor == null ? 0 : factor.address();
    Graph.everyStep(
        gradients.device(),
        () -> update(buffer, from, scale, by, learningRate() * buffer.settings().rateFactor()));
    Reference.reachabilityFence(gradients);
    Reference.reachabilityFence(factor);
  }

  private void countStep() {
    buffers.forEach(FlatParameters::countStep);
    steps++;
  }

  /**
   * Takes back the count of the last step, for one that changed nothing because its gradients were
   * not finite: the next one has its number and learning rate.
   *
   * @throws IllegalStateException where none was taken
   */
  public final void uncountStep() {
    if (steps == 0) {
      throw new IllegalStateException(name + ": no step was taken");
    }
    buffers.forEach(FlatParameters::uncountStep);
    steps--;
  }

  private void checkOurs(Gradients gradients) {
    for (Tensor parameter : parameters.tensors()) {
      if (gradients.contains(parameter)) {
        return;
      }
    }
    throw new IllegalArgumentException(
        name
            + ": the loss depends on no parameter of this optimizer: "
            + gradients
            + "; build it with the parameters of the model that is trained");
  }

  /** The kernel call: {@code scale} and the scalar {@code factor} multiply the gradients first. */
  abstract void update(FlatParameters p, long gradients, double scale, long factor, double rate);

  // Buffers

  /** Lets frozen parameters out and trainable ones in. */
  private void arrange() {
    Set<Tensor> here = Collections.newSetFromMap(new IdentityHashMap<>());
    for (int i = buffers.size() - 1; i >= 0; i--) {
      if (!buffers.get(i).isIntact()) {
        FlatParameters left = buffers.get(i).withoutFrozen();
        if (left == null) {
          buffers.remove(i);
          continue;
        }
        buffers.set(i, left);
      }
      here.addAll(buffers.get(i).tensors());
    }
    join(tensor -> !here.contains(tensor), parameter -> 0L);
  }

  /** Makes buffers for trainable parameters that have had these numbers of updates. */
  private void join(Predicate<Tensor> which, ToLongFunction<String> updates) {
    Map<Group, Map<String, Tensor>> joining = new LinkedHashMap<>();
    parameters
        .asMap()
        .forEach(
            (parameter, tensor) -> {
              if (tensor.requiresGrad() && which.test(tensor)) {
                checkType(parameter, tensor);
                var group =
                    new Group(tensor.device(), settings(parameter), updates.applyAsLong(parameter));
                joining.computeIfAbsent(group, g -> new LinkedHashMap<>()).put(parameter, tensor);
              }
            });
    joining.forEach(
        (group, members) ->
            buffers.add(
                FlatParameters.of(members, stateNames.size(), group.settings(), group.updates())));
  }

  private Settings settings(String parameter) {
    for (Rule rule : rules) {
      if (rule.names().test(parameter)) {
        return rule.settings();
      }
    }
    throw new AssertionError("the last rule is for all");
  }

  private void checkType(String parameter, Tensor tensor) {
    if (tensor.dtype() != DType.F32) {
      throw new IllegalArgumentException(
          name + ": parameters must be f32: " + parameter + " is " + tensor.describe());
    }
  }

  // What it is

  /** The learning rate of the next step. */
  public final double learningRate() {
    return Hyperparameters.checkRate(name, schedule.at(steps));
  }

  /** How many steps were taken. */
  public final long steps() {
    return steps;
  }

  /**
   * What it keeps for each parameter, under the parameter's name and PyTorch's: {@code
   * 0.weight.exp_avg}. The tensors share the optimizer's memory: to write them is to change its
   * state. They are the optimizer's until a parameter is frozen or unfrozen.
   */
  public final Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    for (FlatParameters buffer : buffers) {
      for (int i = 0; i < stateNames.size(); i++) {
        buffer.putState(i, stateNames.get(i), state);
      }
    }
    return state;
  }

  /** How many updates each parameter has had: fewer than {@link #steps()} where it joined late. */
  public final Map<String, Long> updates() {
    Map<String, Long> updates = new LinkedHashMap<>();
    buffers.forEach(buffer -> buffer.names().forEach(name -> updates.put(name, buffer.steps())));
    return updates;
  }

  /**
   * Counts steps as another optimizer of the same kind and parameters did. With its {@link
   * #state()} copied into this one's afterwards, the next step is the one that it would have taken.
   *
   * @param steps its {@link #steps()}
   * @param updates its {@link #updates()}
   * @throws IllegalArgumentException where the names differ or the counts cannot be; then nothing
   *     has changed
   */
  public final void restore(long steps, Map<String, Long> updates) {
    arrange();
    if (!updates.keySet().equals(updates().keySet())
        || updates.values().stream().anyMatch(count -> count < 0 || count > steps)) {
      throw new IllegalArgumentException(
          name
              + ": the state is of other parameters or has wrong counts: "
              + updates.size()
              + " parameters there and "
              + updates().size()
              + " here, "
              + steps
              + " steps");
    }
    if (!updates.equals(updates())) {
      List<FlatParameters> old = List.copyOf(buffers);
      buffers.clear();
      join(tensor -> true, updates::get);
      old.forEach(FlatParameters::close);
    }
    this.steps = steps;
  }

  /** The settings that all optimizers have. */
  public abstract static sealed class Builder<B extends Builder<B>>
      permits Sgd.Builder, AdamW.Builder {

    private final String name;
    private Schedule schedule = Schedule.constant(1e-3);
    private double weightDecay;
    private Predicate<String> decayed = parameter -> true;
    private final List<Rule> groups = new ArrayList<>();

    Builder(String name, double weightDecay) {
      this.name = name;
      this.weightDecay = weightDecay;
    }

    abstract B self();

    private List<Rule> rules() {
      List<Rule> rules = new ArrayList<>(groups);
      rules.add(new Rule(decayed, new Settings(1, weightDecay)));
      rules.add(new Rule(parameter -> true, new Settings(1, 0)));
      return rules;
    }

    /** The same learning rate in every step; 0.001 where none is set. */
    public final B learningRate(double rate) {
      Hyperparameters.checkRate(name, rate);
      return learningRate(steps -> rate);
    }

    /** A learning rate for each step. */
    public final B learningRate(Schedule schedule) {
      this.schedule = schedule;
      return self();
    }

    /** How strongly parameters are drawn towards 0. */
    public final B weightDecay(double decay) {
      return weightDecay(decay, parameter -> true);
    }

    /**
     * How strongly those parameters are drawn towards 0 for whose names {@code decayed} is true:
     * {@code weightDecay(0.1, name -> name.endsWith("weight"))} spares biases.
     */
    public final B weightDecay(double decay, Predicate<String> decayed) {
      this.weightDecay = Hyperparameters.checkNotNegative(name, "weight decay", decay);
      this.decayed = decayed;
      return self();
    }

    /**
     * A group of parameters with settings of their own: those for whose names {@code names} is true
     * and that are in no group named before.
     *
     * @param rateFactor multiplies the learning rate: 0.1 lets them learn ten times more slowly
     * @param weightDecay takes the place of the one for all
     */
    public final B group(Predicate<String> names, double rateFactor, double weightDecay) {
      Hyperparameters.checkNotNegative(name, "rate factor", rateFactor);
      Hyperparameters.checkNotNegative(name, "weight decay", weightDecay);
      groups.add(new Rule(names, new Settings(rateFactor, weightDecay)));
      return self();
    }

    /**
     * The optimizer of these parameters, which move into its buffers.
     *
     * @throws IllegalArgumentException where all are frozen or one is not F32
     */
    public abstract Optimizer build(Parameters parameters);
  }
}
