"""Writes optimizers.safetensors: twenty steps of PyTorch's optimizers, and those of its LBFGS.

Run it with Debian 12's own Python, from any folder:

    apt-get install --no-install-recommends python3-torch
    /usr/bin/python3 optimizers.py

The file here was made by its version 1.13.1+dfsg-4, which calls itself 1.13.0a0, on x86-64 with
AVX-512. Another version or processor may change the last bits.

Two parameters, of two groups whose learning rates and weight decays differ (see GROUPS), see the
same twenty gradients in every case, in float32:

    initial.NAME, gradients.NAME (20, ...)          NAME is weight (11, 3) or bias (5)
    CASE.NAME (20, ...)                             the parameter after each step, for each of CASES

LBFGS minimizes two losses of a classifier of 12 examples (inputs (12, 4), labels (12)), by twenty
calls of its step:

    lbfgs.convex: the cross-entropy of one layer (weight (3, 4), bias (3)) + 0.01 of the squares
    lbfgs.deep: that of two layers with tanh between them (first (5, 4), second (3, 5))

    lbfgs.LOSS.initial.NAME, lbfgs.LOSS.NAME (20, ...), lbfgs.LOSS.loss (20)   the loss before each

The metadata says how far the same runs in float64 are from these.
"""

import pathlib

import torch
from torch import optim

import safetensors

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 20

# Learning rate factor and weight decay; where a case has its own weight decay, 0, it is for both.
GROUPS = {"weight": (1.0, 0.1), "bias": (0.5, 0.03)}

CASES = {
    "sgd": (optim.SGD, {"lr": 0.05}),
    "sgd_momentum": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    "sgd_nesterov": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "sgd_maximize": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "maximize": True}),
    "adagrad": (optim.Adagrad, {"lr": 0.1}),
    "adagrad_all": (
        optim.Adagrad,
        {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.3, "eps": 1e-4},
    ),
    "adadelta": (optim.Adadelta, {"lr": 1.0}),
    "adadelta_all": (optim.Adadelta, {"lr": 0.5, "rho": 0.7, "eps": 1e-3}),
    "rmsprop": (optim.RMSprop, {"lr": 0.01}),
    "rmsprop_momentum": (optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "momentum": 0.8}),
    "rmsprop_centered": (optim.RMSprop, {"lr": 0.01, "eps": 1e-3, "centered": True}),
    "rmsprop_all": (
        optim.RMSprop,
        {"lr": 0.01, "alpha": 0.9, "momentum": 0.8, "centered": True, "maximize": True},
    ),
    "adam": (optim.Adam, {"lr": 0.02}),
    "adam_plain": (optim.Adam, {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0}),
    "adam_amsgrad": (optim.Adam, {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3, "amsgrad": True}),
    "adam_maximize": (optim.Adam, {"lr": 0.02, "maximize": True}),
    "adamw": (optim.AdamW, {"lr": 0.02}),
    "adamw_amsgrad": (optim.AdamW, {"lr": 0.02, "betas": (0.8, 0.9), "amsgrad": True}),
    "adamax": (optim.Adamax, {"lr": 0.02}),
    "adamax_all": (optim.Adamax, {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-2}),
    # The loop over single tensors of this version multiplies one momentum twice, against the formula
    # of its documentation and against later versions; that over lists of tensors does not.
    "nadam": (optim.NAdam, {"lr": 0.02, "foreach": True}),
    "nadam_all": (
        optim.NAdam,
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3, "momentum_decay": 0.1, "foreach": True},
    ),
    "radam": (optim.RAdam, {"lr": 0.02}),
    "radam_all": (optim.RAdam, {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3}),
}


def main():
  torch.set_num_threads(1)
  torch.manual_seed(42)
  initial = {"weight": torch.randn(11, 3), "bias": torch.randn(5)}
  gradients = {name: torch.randn(STEPS, *p.shape) for name, p in initial.items()}
  tensors = {f"initial.{name}": p for name, p in initial.items()}
  tensors.update({f"gradients.{name}": g for name, g in gradients.items()})
  far = {}
  for case, (optimizer, settings) in CASES.items():
    run = steps(optimizer, settings, initial, gradients, torch.float32)
    exact = steps(optimizer, settings, initial, gradients, torch.float64)
    tensors.update({f"{case}.{name}": values for name, values in run.items()})
    far[case] = distance(run, exact)
  tensors["inputs"] = torch.randn(12, 4)
  tensors["labels"] = torch.arange(12) % 3
  for loss, model in {"convex": Convex, "deep": Deep}.items():
    run, exact = (minimize(model, tensors, dtype) for dtype in (torch.float32, torch.float64))
    tensors.update({f"lbfgs.{loss}.{name}": values for name, values in run.items()})
    far[f"lbfgs.{loss}"] = distance(run, exact)
  metadata = {
      "made_by": f"PyTorch {torch.__version__.split('+')[0]}",
      "float64_differs_by": ", ".join(f"{case} {value:.1e}" for case, value in far.items()),
  }
  print(metadata)
  safetensors.write(HERE / "optimizers.safetensors", tensors, metadata)


def steps(optimizer, settings, initial, gradients, dtype):
  parameters = {name: p.to(dtype, copy=True).requires_grad_() for name, p in initial.items()}
  groups = []
  for name, (factor, decay) in GROUPS.items():
    group = {"params": [parameters[name]], "lr": settings["lr"] * factor, "weight_decay": decay}
    if "weight_decay" in settings:
      group["weight_decay"] = settings["weight_decay"]
    groups.append(group)
  step = optimizer(groups, **settings)
  after = {name: [] for name in parameters}
  for i in range(STEPS):
    for name, p in parameters.items():
      p.grad = gradients[name][i].to(dtype, copy=True)
    step.step()
    for name, p in parameters.items():
      after[name].append(p.detach().clone())
  return {name: torch.stack(values) for name, values in after.items()}


class Convex:
  HISTORY, ITERATIONS = 5, 1

  def __init__(self):
    self.parameters = {"weight": torch.randn(3, 4) / 2, "bias": torch.randn(3) / 2}

  def loss(self, p, x, labels):
    squares = (p["weight"] * p["weight"]).sum() + (p["bias"] * p["bias"]).sum()
    return torch.nn.functional.cross_entropy(x @ p["weight"].T + p["bias"], labels) + 0.01 * squares


class Deep:
  HISTORY, ITERATIONS = 100, 1

  def __init__(self):
    self.parameters = {"first": torch.randn(5, 4) / 2, "second": torch.randn(3, 5) / 2}

  def loss(self, p, x, labels):
    return torch.nn.functional.cross_entropy(torch.tanh(x @ p["first"].T) @ p["second"].T, labels)


def minimize(model, tensors, dtype):
  torch.manual_seed(7)
  model = model()
  parameters = {n: p.to(dtype, copy=True).requires_grad_() for n, p in model.parameters.items()}
  result = {f"initial.{name}": p.detach().clone() for name, p in parameters.items()}
  step = optim.LBFGS(parameters.values(), max_iter=model.ITERATIONS, history_size=model.HISTORY,
                     line_search_fn="strong_wolfe")
  losses, after = [], {name: [] for name in parameters}

  def closure():
    step.zero_grad()
    loss = model.loss(parameters, tensors["inputs"].to(dtype), tensors["labels"])
    loss.backward()
    return loss

  for _ in range(STEPS):
    losses.append(step.step(closure).detach())
    for name, p in parameters.items():
      after[name].append(p.detach().clone())
  result["loss"] = torch.stack(losses)
  result.update({name: torch.stack(values) for name, values in after.items()})
  return result


def distance(run, exact):
  return max((run[name] - exact[name]).abs().max().item() for name in run)


if __name__ == "__main__":
  main()
