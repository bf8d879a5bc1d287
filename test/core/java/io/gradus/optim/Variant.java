package io.gradus.optim;

import java.util.function.Supplier;
import java.util.stream.Stream;

/** An optimizer with settings that golden/optimizers.py calls by this name, or has none for. */
record Variant(String name, Supplier<Optimizer.Builder<?>> settings) {

  static Stream<Variant> ofPyTorch() {
    return Stream.of(
        new Variant("sgd", () -> Sgd.builder().learningRate(0.05)),
        new Variant(
            "sgd_momentum", () -> Sgd.builder().learningRate(0.05).momentum(0.9).dampening(0.3)),
        new Variant(
            "sgd_nesterov", () -> Sgd.builder().learningRate(0.05).momentum(0.9).nesterov()),
        new Variant(
            "sgd_maximize", () -> Sgd.builder().learningRate(0.05).momentum(0.9).maximize()),
        new Variant("adagrad", () -> Adagrad.builder().learningRate(0.1)),
        new Variant(
            "adagrad_all",
            () ->
                Adagrad.builder()
                    .learningRate(0.1)
                    .learningRateDecay(0.2)
                    .initialAccumulator(0.3)
                    .epsilon(1e-4)),
        new Variant("adadelta", Adadelta::builder),
        new Variant(
            "adadelta_all", () -> Adadelta.builder().learningRate(0.5).rho(0.7).epsilon(1e-3)),
        new Variant("rmsprop", RmsProp::builder),
        new Variant("rmsprop_momentum", () -> RmsProp.builder().alpha(0.9).momentum(0.8)),
        new Variant("rmsprop_centered", () -> RmsProp.builder().epsilon(1e-3).centered()),
        new Variant(
            "rmsprop_all", () -> RmsProp.builder().alpha(0.9).momentum(0.8).centered().maximize()),
        new Variant("adam", () -> Adam.builder().learningRate(0.02)),
        new Variant("adam_plain", () -> Adam.builder().learningRate(0.02).betas(0.8, 0.9)),
        new Variant(
            "adam_amsgrad",
            () -> Adam.builder().learningRate(0.02).betas(0.8, 0.9).epsilon(1e-3).amsgrad()),
        new Variant("adam_maximize", () -> Adam.builder().learningRate(0.02).maximize()),
        new Variant("adamw", () -> AdamW.builder().learningRate(0.02)),
        new Variant(
            "adamw_amsgrad", () -> AdamW.builder().learningRate(0.02).betas(0.8, 0.9).amsgrad()),
        new Variant("adamax", () -> Adamax.builder().learningRate(0.02)),
        new Variant(
            "adamax_all", () -> Adamax.builder().learningRate(0.02).betas(0.8, 0.9).epsilon(1e-2)),
        new Variant("nadam", () -> NAdam.builder().learningRate(0.02)),
        new Variant(
            "nadam_all",
            () ->
                NAdam.builder()
                    .learningRate(0.02)
                    .betas(0.8, 0.9)
                    .epsilon(1e-3)
                    .momentumDecay(0.1)),
        new Variant("radam", () -> RAdam.builder().learningRate(0.02)),
        new Variant(
            "radam_all", () -> RAdam.builder().learningRate(0.02).betas(0.8, 0.9).epsilon(1e-3)));
  }

  static Stream<Variant> all() {
    return Stream.concat(
        ofPyTorch(),
        Stream.of(
            new Variant("nadam decoupled", () -> NAdam.builder().decoupledWeightDecay()),
            new Variant("radam decoupled", () -> RAdam.builder().decoupledWeightDecay()),
            new Variant("lion", () -> Lion.builder().learningRate(0.01)),
            new Variant("lion_all", () -> Lion.builder().betas(0.8, 0.95).maximize()),
            new Variant("adafactor", Adafactor::builder),
            new Variant(
                "adafactor_all",
                () ->
                    Adafactor.builder()
                        .learningRate(0.3)
                        .beta2Decay(-0.6)
                        .epsilons(1e-3, 1e-2)
                        .clipThreshold(0.8))));
  }

  @Override
  public String toString() {
    return name;
  }
}
