package io.gradus.nn;

import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Tensor;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * What is added to a loss to keep parameters small.
 *
 * <pre>{@code
 * Tensor loss = Losses.crossEntropy(model.forward(x), labels);
 * loss = Pointwise.add(loss, Pointwise.mul(Penalty.l1(model.parameters()), 1e-4));
 * }</pre>
 *
 * <p>The optimizers' weight decay does what {@link #l2} times half of it would, at no cost.
 */
public final class Penalty {

  private Penalty() {}

  /** {@code Σ |w|} over all elements of all parameters (Tibshirani 1996), a scalar. */
  public static Tensor l1(Parameters parameters) {
    return l1(parameters, name -> true);
  }

  /**
   * {@code Σ |w|} over the parameters for whose names {@code which} is true.
   *
   * @throws IllegalArgumentException where it is true for none
   */
  public static Tensor l1(Parameters parameters, Predicate<String> which) {
    return sum("l1", parameters, which, Pointwise::abs);
  }

  /** {@code Σ w²} over all elements of all parameters (Hoerl and Kennard 1970), a scalar. */
  public static Tensor l2(Parameters parameters) {
    return l2(parameters, name -> true);
  }

  /**
   * {@code Σ w²} over the parameters for whose names {@code which} is true.
   *
   * @throws IllegalArgumentException where it is true for none
   */
  public static Tensor l2(Parameters parameters, Predicate<String> which) {
    return sum("l2", parameters, which, w -> Pointwise.mul(w, w));
  }

  private static Tensor sum(
      String op, Parameters parameters, Predicate<String> which, Function<Tensor, Tensor> each) {
    Tensor sum = null;
    for (var parameter : parameters.asMap().entrySet()) {
      if (which.test(parameter.getKey())) {
        Tensor part = Reductions.sum(each.apply(parameter.getValue()));
        sum = sum == null ? part : Pointwise.add(sum, part);
      }
    }
    if (sum == null) {
      throw new IllegalArgumentException(
          op + ": no parameter is meant, of " + parameters.names().size());
    }
    return sum;
  }
}
