package io.gradus.cli;

import io.gradus.optim.Adadelta;
import io.gradus.optim.Adafactor;
import io.gradus.optim.Adagrad;
import io.gradus.optim.Adam;
import io.gradus.optim.AdamW;
import io.gradus.optim.Adamax;
import io.gradus.optim.Lion;
import io.gradus.optim.NAdam;
import io.gradus.optim.Optimizer;
import io.gradus.optim.RAdam;
import io.gradus.optim.RmsProp;
import io.gradus.optim.Sgd;

/** How parameters follow their gradients. */
enum Method {
  adamw(1),
  adam(1),
  nadam(1),
  radam(1),
  adamax(2),
  sgd(30),
  rmsprop(0.3),
  adagrad(5),
  adadelta(300),
  adafactor(3),
  lion(0.2);

  private final double rate;

  Method(double rate) {
    this.rate = rate;
  }

  /** By how much its learning rate is that of adamw. */
  double rate() {
    return rate;
  }

  /** Without a learning rate yet. */
  Optimizer.Builder<?> builder() {
    return switch (this) {
      case adamw -> AdamW.builder();
      case adam -> Adam.builder();
      case nadam -> NAdam.builder();
      case radam -> RAdam.builder();
      case adamax -> Adamax.builder();
      case sgd -> Sgd.builder().momentum(0.9);
      case rmsprop -> RmsProp.builder();
      case adagrad -> Adagrad.builder();
      case adadelta -> Adadelta.builder();
      case adafactor -> Adafactor.builder();
      case lion -> Lion.builder();
    };
  }
}
