"""Writes losses.safetensors: PyTorch's losses with each of its reductions. Made and run like mlp.py.

    CASE.x, CASE.t, ...           operands; the gradient is by x
    CASE.REDUCTION.y              the loss: mean, sum, none, and batchmean of kl
    CASE.REDUCTION.dy, .dx        an upstream gradient and what comes of it
"""

import pathlib

import torch
from torch.nn import functional as f

import safetensors

INF = float("inf")
tensors = {}


def case(name, loss, x, reductions=("mean", "sum", "none"), **operands):
  tensors[f"{name}.x"] = x
  for key, value in operands.items():
    tensors[f"{name}.{key}"] = value
  for reduction in reductions:
    leaf = x.clone().requires_grad_()
    y = loss(leaf, *operands.values(), reduction=reduction)
    dy = torch.randn_like(y)
    y.backward(dy)
    tensors.update({
        f"{name}.{reduction}.y": y,
        f"{name}.{reduction}.dy": dy,
        f"{name}.{reduction}.dx": leaf.grad,
    })


def pairs():
  x, t = 2 * torch.randn(5, 7), 2 * torch.randn(5, 7)
  case("mse", f.mse_loss, x, t=t)
  case("mae", f.l1_loss, x, t=t)
  case("huber", lambda x, t, reduction: f.huber_loss(x, t, reduction, 0.7), x, t=t)
  case("smoothL1", lambda x, t, reduction: f.smooth_l1_loss(x, t, reduction=reduction, beta=0.7),
       x, t=t)
  yes = torch.randint(0, 2, (5, 7)).float()
  case("bce", f.binary_cross_entropy, torch.rand(5, 7) * 0.98 + 0.01, t=torch.rand(5, 7))
  # A logarithm of 0 that counts for nothing, and one that is bounded by -100.
  case("bceEdge", lambda x, t, reduction: f.binary_cross_entropy(x, t, reduction=reduction),
       torch.tensor([0.0, 1.0]), t=torch.tensor([0.0, 1.0]))
  far = torch.tensor([-200.0, -50.0, -5.0, 0.0, 5.0, 50.0, 200.0]).repeat(5, 1)
  case("bceWithLogits", f.binary_cross_entropy_with_logits, far, t=yes)
  case("positive", lambda x, t, w, reduction: f.binary_cross_entropy_with_logits(
      x, t, pos_weight=w, reduction=reduction), x, t=yes, w=torch.rand(7) * 3)
  logs, p = f.log_softmax(x, -1), f.softmax(t, -1)
  p[0, 3] = 0
  kl = ("mean", "sum", "none", "batchmean")
  case("kl", f.kl_div, logs, kl, t=p)
  case("klLog", lambda x, t, reduction: f.kl_div(x, t, reduction=reduction, log_target=True), logs,
       kl, t=f.log_softmax(t, -1))


def classes():
  x, w = 3 * torch.randn(6, 5), torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0])
  labels = torch.tensor([0, 4, -100, 2, 1, 4])

  def smooth(x, t, w, reduction):
    return f.cross_entropy(x, t, w, reduction=reduction, label_smoothing=0.2)

  case("crossEntropy", f.cross_entropy, x, t=labels)
  case("weighted", lambda x, t, w, reduction: f.cross_entropy(x, t, w, reduction=reduction), x,
       t=labels, w=w)
  case("smoothed", lambda x, t, reduction: smooth(x, t, None, reduction), x, t=labels)
  case("smoothedWeighted", smooth, x, t=labels, w=w)
  case("probabilities", lambda x, t, w, reduction: smooth(x, t, w, reduction), x,
       t=f.softmax(torch.randn(6, 5), -1), w=w)
  case("nll", lambda x, t, w, reduction: f.nll_loss(x, t, w, reduction=reduction),
       f.log_softmax(x, -1), t=labels, w=w)
  case("allIgnored", f.cross_entropy, x, ("mean", "sum", "none"), t=torch.full((6,), -100))
  valid = torch.tensor([0, 4, 3, 2, 1, 4])
  case("multiMargin", f.multi_margin_loss, x, t=valid)
  case("multiMargin2", lambda x, t, reduction: f.multi_margin_loss(
      x, t, p=2, margin=0.5, reduction=reduction), x, t=valid)


def embeddings():
  a, b, c = torch.randn(6, 5), torch.randn(6, 5), torch.randn(6, 5)
  case("cosine", lambda x, b, t, reduction: f.cosine_embedding_loss(
      x, b, t, margin=0.1, reduction=reduction), a, b=b,
       t=torch.tensor([1.0, -1.0, -1.0, 1.0, -1.0, 1.0]))
  case("triplet", lambda x, p, n, reduction: f.triplet_margin_loss(
      x, p, n, margin=0.8, reduction=reduction), a, p=b, n=c)


def sequences():
  # Repeats, an empty target, and one that does not fit.
  targets = torch.tensor([[1, 1, 2, 0], [3, 0, 0, 0], [0, 0, 0, 0], [2, 2, 2, 1]])
  inputs, lengths = torch.tensor([8, 5, 8, 5]), torch.tensor([3, 1, 0, 4])

  def ctc(infinite):
    # By the scores before the softmax: by the log-probabilities, PyTorch's gradient is another.
    return lambda x, t, i, l, reduction: f.ctc_loss(
        f.log_softmax(x, -1), t, i, l, reduction=reduction, zero_infinity=not infinite)

  x = 2 * torch.randn(8, 4, 4)
  case("ctcZero", ctc(False), x, t=targets, i=inputs, l=lengths)
  case("ctc", ctc(True), x[:, :3].contiguous(), t=targets[:3], i=inputs[:3], l=lengths[:3])
  impossible = f.ctc_loss(f.log_softmax(x, -1), targets, inputs, lengths, reduction="none")
  assert impossible[3] == INF, impossible
  tensors["ctcInfinite.y"] = impossible


def weighted():
  x, w = 3 * torch.randn(6, 5), torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0])
  case("multiMarginWeighted", lambda x, t, w, reduction: f.multi_margin_loss(
      x, t, p=2, margin=1.5, weight=w, reduction=reduction), x,
       t=torch.tensor([0, 4, 3, 2, 1, 4]), w=w)


def main():
  torch.set_num_threads(1)
  torch.manual_seed(42)
  pairs()
  classes()
  embeddings()
  sequences()
  weighted()
  here = pathlib.Path(__file__).resolve().parent
  version = torch.__version__.split("+")[0]
  safetensors.write(here / "losses.safetensors", tensors, {"made_by": f"PyTorch {version}"})


if __name__ == "__main__":
  main()
