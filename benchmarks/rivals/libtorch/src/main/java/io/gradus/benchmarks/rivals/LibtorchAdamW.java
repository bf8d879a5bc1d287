package io.gradus.benchmarks.rivals;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorList;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's fused AdamW, one pass over all parameters, as {@code torch.optim.AdamW(fused=True)}.
 * The C++ class AdamW makes nine passes; the op {@code _fused_adamw_} has no binding in Java, but
 * the dispatcher knows it by name.
 */
final class LibtorchAdamW {
  private static final double RATE = 3e-4;
  private static final double WARM_UP = 100; // steps; as in gradus bench
  private static final double[] BETAS_DECAY_EPSILON = {0.9, 0.999, 0.1, 1e-8};

  private final OperatorHandle op =
      Dispatcher.realSingleton().findSchemaOrThrow("aten::_fused_adamw_", "");
  private final List<Tensor> parameters;
  private final IValue targets;
  private final IValue averages;
  private final IValue squares;
  private final IValue steps;
  private final Tensor step = torch.zeros();
  private final Scalar one = new Scalar(1.0);
  private int taken;

  LibtorchAdamW(List<Tensor> parameters) {
    this.parameters = parameters;
    targets = list(p -> p);
    averages = list(torch::zeros_like);
    squares = list(torch::zeros_like);
    steps = list(p -> step); // all have had the same number
  }

  private IValue list(Function<Tensor, Tensor> of) {
    GenericList list = empty();
    parameters.forEach(parameter -> list.push_back(new IValue(of.apply(parameter))));
    return new IValue(list);
  }

  private static GenericList empty() {
    return new GenericList(new TensorList().elementType());
  }

  /** Updates the parameters and drops their gradients. */
  @SuppressWarnings("try") // the scope and the guard only have to close
  void step() {
    try (var scope = new PointerScope();
        var noGrad = new NoGradGuard()) {
      step.add_(one);
      taken++;
      IValue gradients = list(Tensor::grad);
      var stack = new ArrayList<IValue>();
      stack.addAll(
          List.of(targets, gradients, averages, squares, new IValue(empty()), steps)); // no amsgrad
      stack.add(new IValue(RATE * Math.min(1, taken / WARM_UP)));
      for (double setting : BETAS_DECAY_EPSILON) {
        stack.add(new IValue(setting));
      }
      stack.add(new IValue(false)); // amsgrad
      stack.add(new IValue(false)); // maximize
      stack.add(new IValue()); // no gradient scale
      stack.add(new IValue()); // no flag of infinities
      op.callBoxed(new IValueVector(stack.toArray(IValue[]::new)));
      parameters.forEach(parameter -> parameter.mutable_grad().reset());
    }
  }
}
