"""Writes ops.safetensors: what PyTorch answers at awkward values. Made and run like mlp.py.

    OP.x f32, OP.y f32, OP.dy f32, OP.dx f32       softmax, log_softmax (last axis), gelu (tanh),
                                                   silu
    cross_entropy.x (5, 7) f32, .labels (5) i64    two labels are -100: their rows count for nothing
    cross_entropy.y () f32, .dx (5, 7) f32         the mean over the other rows, and its gradient
"""

import pathlib

import torch
from torch.nn import functional

import safetensors

INF = float("inf")

ROWS = torch.tensor([
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],  # all alike
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
    [1e30, 0.0, -1e30, 1.0, -1.0, 2.0, -2.0],  # overflows unless the maximum goes first
    [-1000.0, -1001.0, -1002.0, -1003.0, -1004.0, -1005.0, -1006.0],  # underflows likewise
    [88.0, 89.0, -88.0, -104.0, 103.0, 1e-30, -0.0],  # around the ends of float's exp
])
MASKED = torch.tensor([
    [-INF, 1.0, -INF, 2.0, -INF, 3.0, -INF],
    [-INF, -INF, -INF, -INF, -INF, -INF, 0.5],  # one element left
])
# Where the sigmoid or tanh inside saturates, x cubed overflows or the slope changes its sign.
POINTS = [0.0, 1e-38, 1e-30, 1e-7, 1e-3, 0.5, 0.751, 0.7524, 1.0, 1.278, 2.0, 3.0, 5.0, 9.0, 10.0]
POINTS += [17.0, 20.0, 50.0, 87.0, 88.0, 89.0, 100.0, 1e4, 1e13]


def main():
  torch.set_num_threads(1)
  torch.manual_seed(42)
  points = torch.tensor(POINTS + [-p for p in POINTS])
  rows = torch.cat([ROWS, MASKED])
  tensors = {
      **forward_and_gradient("softmax", rows, lambda x: functional.softmax(x, dim=-1)),
      **forward_and_gradient("log_softmax", ROWS, lambda x: functional.log_softmax(x, dim=-1)),
      **forward_and_gradient("gelu", points, lambda x: functional.gelu(x, approximate="tanh")),
      **forward_and_gradient("silu", points, functional.silu),
      **cross_entropy(ROWS, torch.tensor([3, -100, 0, 6, -100])),
  }
  for name, tensor in tensors.items():
    assert tensor.isfinite().all() or name == "softmax.x", (name, tensor)
  here = pathlib.Path(__file__).resolve().parent
  version = torch.__version__.split("+")[0]
  safetensors.write(here / "ops.safetensors", tensors, {"made_by": f"PyTorch {version}"})


def forward_and_gradient(op, values, function):
  x = values.clone().requires_grad_()
  y = function(x)
  dy = torch.randn_like(y)
  y.backward(dy)
  return {f"{op}.x": x, f"{op}.y": y, f"{op}.dy": dy, f"{op}.dx": x.grad}


def cross_entropy(values, labels):
  x = values.clone().requires_grad_()
  y = functional.cross_entropy(x, labels, ignore_index=-100)
  y.backward()
  prefix = "cross_entropy."
  return {prefix + "x": x, prefix + "labels": labels, prefix + "y": y, prefix + "dx": x.grad}


if __name__ == "__main__":
  main()
