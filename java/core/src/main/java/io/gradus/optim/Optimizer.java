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
import java.util.Objects;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * Changes parameters so that the loss falls, one step for each set of gradients.
 *
 * <p>Building one moves the parameters into flat buffers, which one kernel call updates. A
 * parameter that is frozen leaves them at the next step; one that is unfrozen joins, without a
 * past. All are F32.
 */
public abstract sealed class Optimizer implements Resumable
    permits Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Lion, NAdam, RAdam, RmsProp, Sgd {

  /** Parameters that can share a buffer. */
  private record Group(Device device, Settings settings, long updates) {}

  /** What the parameters of one group have in common. */
  record Settings(double rateFactor, double weightDecay) {}

  /** Which parameters have settings of their own. */
  private record Rule(BiPredicate<String, Tensor> which, Settings settings) {}

  private final String name;
  private final Parameters parameters;
  private final List<Rule> rules;
  private final List<Slot> slots;
  private final boolean maximize;
  private final List<FlatParameters> buffers = new ArrayList<>();
  private Schedule schedule;
  private long steps;

  Optimizer(String name, Parameters parameters, Builder<?> settings, List<Slot> slots) {
    this.name = name;
    this.parameters = parameters;
    this.schedule = settings.schedule;
    this.rules = settings.rules();
    this.slots = slots;
    this.maximize = settings.maximize;
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
          update(buffer, gathered, gradients.scale(), factor);
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
    double signed = maximize ? -scale : scale;
    Graph.everyStep(
        gradients.device(),
        () -> update(buffer, from, signed, by, learningRate() * buffer.settings().rateFactor()));
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
                    new Group(
                        tensor.device(),
                        settings(parameter, tensor),
                        updates.applyAsLong(parameter));
                joining.computeIfAbsent(group, g -> new LinkedHashMap<>()).put(parameter, tensor);
              }
            });
    joining.forEach(
        (group, members) ->
            buffers.add(FlatParameters.of(members, slots, group.settings(), group.updates())));
  }

  private Settings settings(String parameter, Tensor tensor) {
    for (Rule rule : rules) {
      if (rule.which().test(parameter, tensor)) {
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

  @Override
  public final double learningRate() {
    return Hyperparameters.checkRate(name, schedule.at(steps));
  }

  @Override
  public final Schedule schedule() {
    return schedule;
  }

  /** Other learning rates from the next step on, which keeps its number. */
  public final void learningRate(Schedule schedule) {
    this.schedule = Objects.requireNonNull(schedule, "schedule");
  }

  /** How many steps were taken. */
  @Override
  public final long steps() {
    return steps;
  }

  /**
   * {@inheritDoc} Here it is under the name of each parameter and PyTorch's: {@code
   * 0.weight.exp_avg}.
   */
  @Override
  public final Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    buffers.forEach(buffer -> buffer.putState(state));
    return state;
  }

  @Override
  public final Map<String, Long> updates() {
    Map<String, Long> updates = new LinkedHashMap<>();
    buffers.forEach(buffer -> buffer.names().forEach(name -> updates.put(name, buffer.steps())));
    return updates;
  }

  @Override
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
      permits Adadelta.Builder,
          Adafactor.Builder,
          Adagrad.Builder,
          MomentBuilder,
          Lion.Builder,
          RmsProp.Builder,
          Sgd.Builder {

    private static final int MATRIX = 2;

    private final String name;
    private Schedule schedule;
    private double weightDecay;
    private Predicate<String> decayed = parameter -> true;
    private boolean matricesOnly;
    private boolean maximize;
    private final List<Rule> groups = new ArrayList<>();

    Builder(String name, double learningRate, double weightDecay) {
      this.name = name;
      this.schedule = Schedule.constant(learningRate);
      this.weightDecay = weightDecay;
    }

    abstract B self();

    private List<Rule> rules() {
      List<Rule> rules = new ArrayList<>(groups);
      BiPredicate<String, Tensor> meant =
          (parameter, tensor) ->
              decayed.test(parameter) && (!matricesOnly || tensor.rank() >= MATRIX);
      rules.add(new Rule(meant, new Settings(1, weightDecay)));
      rules.add(new Rule((parameter, tensor) -> true, new Settings(1, 0)));
      return rules;
    }

    /** The same learning rate in every step; PyTorch's default where none is set. */
    public final B learningRate(double rate) {
      Hyperparameters.checkRate(name, rate);
      return learningRate(steps -> rate);
    }

    /** A learning rate for each step. */
    public final B learningRate(Schedule schedule) {
      this.schedule = Objects.requireNonNull(schedule, "schedule");
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
     * No weight decay of biases and of the weights of normalizations: of parameters with fewer than
     * two axes, which a shrinking model needs at their size. Matrices, embeddings and kernels of
     * convolutions are decayed as {@link #weightDecay} says.
     *
     * <pre>{@code
     * AdamW.builder().learningRate(3e-4).weightDecay(0.1).decayMatricesOnly()
     * }</pre>
     */
    public final B decayMatricesOnly() {
      this.matricesOnly = true;
      return self();
    }

    /** Lets what is differentiated grow instead of fall, as in gradient ascent. */
    public final B maximize() {
      this.maximize = true;
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
      groups.add(
          new Rule(
              (parameter, tensor) -> names.test(parameter), new Settings(rateFactor, weightDecay)));
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
