"""Writes mlp_sgd.safetensors and mlp_adamw.safetensors: ten steps of a small MLP in PyTorch.

Run it with Debian 12's own Python, from any folder:

    apt-get install --no-install-recommends python3-torch
    /usr/bin/python3 mlp.py

The files here were made by its version 1.13.1+dfsg-4, which calls itself 1.13.0a0, on x86-64 with
AVX-512. Another version or processor may change the last bits.

A 64-32-10 MLP (Linear, ReLU, Linear) sees ten batches of 16 handwritten digits, in float32. A file
has

    inputs (10, 16, 64) f32, labels (10, 16) i64     pixels divided by 16
    initial.NAME, final.NAME                         parameters before and after the ten steps
    logits0 (16, 10), grad.NAME                      of the first step
    losses (10)                                      mean cross-entropy, before each step

with NAME one of 0.weight, 0.bias, 2.weight, 2.bias. The metadata says how far the same run in
float64 is from this one: a test's tolerance must be wider than that.
"""

import gzip
import pathlib

import numpy as np
import torch

import safetensors

HERE = pathlib.Path(__file__).resolve().parent
DIGITS = HERE.parents[3] / "java/cli/src/main/resources/io/gradus/cli/digits.csv.gz"
STEPS, BATCH = 10, 16

OPTIMIZERS = {
    "mlp_sgd": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4}),
    "mlp_adamw": (
        torch.optim.AdamW,
        {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.1},
    ),
}


def main():
  torch.set_num_threads(1)
  torch.use_deterministic_algorithms(True)
  rows = np.loadtxt(gzip.open(DIGITS, "rt"), delimiter=",", max_rows=STEPS * BATCH)
  inputs = torch.tensor(rows[:, :64] / 16, dtype=torch.float32).reshape(STEPS, BATCH, 64)
  labels = torch.tensor(rows[:, 64], dtype=torch.int64).reshape(STEPS, BATCH)
  for name, (optimizer, settings) in OPTIMIZERS.items():
    run = train(inputs, labels, optimizer, settings, torch.float32)
    exact = train(inputs, labels, optimizer, settings, torch.float64)
    metadata = {
        "made_by": f"PyTorch {torch.__version__.split('+')[0]}",
        "optimizer": f"{optimizer.__name__} {settings}",
        "float64_differs_by": f"losses {distance(run, exact, 'losses')}, "
                              f"gradients {distance(run, exact, 'grad.')}, "
                              f"final {distance(run, exact, 'final.')}",
    }
    print(metadata)
    tensors = {"inputs": inputs, "labels": labels, **run}
    safetensors.write(HERE / f"{name}.safetensors", tensors, metadata)


def train(inputs, labels, optimizer, settings, dtype):
  torch.manual_seed(42)
  # Made in float32 whatever dtype is, so that both runs start from the same numbers.
  model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
  model = model.to(dtype)
  step = optimizer(model.parameters(), **settings)
  result = copy("initial.", model.named_parameters())
  losses = []
  for x, y in zip(inputs.to(dtype), labels):
    logits = model(x)
    loss = torch.nn.functional.cross_entropy(logits, y)
    step.zero_grad()
    loss.backward()
    if not losses:
      result["logits0"] = logits.detach().clone()
      result.update(copy("grad.", ((name, p.grad) for name, p in model.named_parameters())))
    losses.append(loss.detach())
    step.step()
  result["losses"] = torch.stack(losses)
  result.update(copy("final.", model.named_parameters()))
  return result


def copy(prefix, named):
  return {prefix + name: tensor.detach().clone() for name, tensor in named}


def distance(run, exact, prefix):
  differences = [(run[k] - exact[k]).abs().max().item() for k in run if k.startswith(prefix)]
  return f"{max(differences):.1e}"


if __name__ == "__main__":
  main()
