"""Writes convolution.safetensors: convolutions with awkward settings. Made and run like mlp.py.

    CASE.x, .weight, .bias, .y, .dy, .dx, .dweight, .dbias f32

CASE is that of CASES here and of GoldenConvolutionTest.
"""

import pathlib

import torch
from torch.nn import functional

import safetensors

CASES = {
    "plain": (functional.conv2d, (2, 3, 7, 6), (4, 3, 3, 2), 4, {}),
    "uneven": (functional.conv2d, (2, 4, 9, 11), (6, 2, 3, 3), 6,
               dict(stride=(2, 3), padding=(1, 2), dilation=(2, 1), groups=2)),
    "depthwise": (functional.conv2d, (2, 5, 8, 7), (10, 1, 3, 3), 10,
                  dict(stride=2, padding=1, groups=5)),
    "shortcut": (functional.conv2d, (3, 6, 9, 8), (5, 6, 1, 1), 5, dict(stride=2)),
    "deep": (functional.conv2d, (2, 40, 6, 6), (50, 40, 3, 3), 50, dict(padding=1)),
    "sequence": (functional.conv1d, (2, 4, 17), (6, 2, 4), 6,
                 dict(stride=2, padding=3, dilation=2, groups=2)),
    "transposed": (functional.conv_transpose2d, (2, 4, 5, 3), (4, 3, 3, 4), 6,
                   dict(stride=(2, 3), padding=(1, 0), output_padding=(1, 2), groups=2)),
    "transposedDilated": (functional.conv_transpose2d, (1, 2, 4, 5), (2, 3, 2, 3), 3,
                          dict(stride=2, padding=1, output_padding=(1, 1), dilation=(3, 2))),
    "transposedSequence": (functional.conv_transpose1d, (2, 3, 6), (3, 2, 5), 2,
                           dict(stride=3, padding=2, output_padding=1)),
}


def main():
  torch.set_num_threads(1)
  torch.manual_seed(42)
  tensors = {}
  for name, (op, x, weight, bias, options) in CASES.items():
    x, weight, bias = (torch.randn(shape).requires_grad_() for shape in (x, weight, (bias,)))
    y = op(x, weight, bias, **options)
    dy = torch.randn_like(y)
    y.backward(dy)
    values = dict(x=x, weight=weight, bias=bias, y=y, dy=dy, dx=x.grad, dweight=weight.grad,
                  dbias=bias.grad)
    tensors.update({f"{name}.{key}": value for key, value in values.items()})
  here = pathlib.Path(__file__).resolve().parent
  version = torch.__version__.split("+")[0]
  safetensors.write(here / "convolution.safetensors", tensors, {"made_by": f"PyTorch {version}"})


if __name__ == "__main__":
  main()
