"""Writes schedules.tsv: the learning rates of PyTorch's schedulers, a line for each.

    /usr/bin/python3 schedules.py

The file here was made by Debian 12's PyTorch 1.13.1+dfsg-4. A line has a name, which
ScheduleTest.java gives to a schedule with the same settings, and the rates of 40 steps.
"""

import pathlib
import warnings

import torch
from torch.optim import lr_scheduler as lr

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 40
METRICS = [5, 4, 4.2, 4, 3.9999, 3, 3.5, 3.5, 3.5, 3.5, 2.9, 3, 3, 3, 3, 3, 3, 3, 3, 3]

SCHEDULES = {
    "step": (0.3, lambda o: lr.StepLR(o, 7, 0.5)),
    "multiStep": (0.3, lambda o: lr.MultiStepLR(o, [3, 10, 10, 25], 0.2)),
    "exponential": (0.3, lambda o: lr.ExponentialLR(o, 0.93)),
    "polynomial": (0.3, lambda o: lr.PolynomialLR(o, 30, 1.7)),
    "linear": (0.3, lambda o: lr.LinearLR(o, 0.25, 0.75, 12)),
    "cosine": (0.3, lambda o: lr.CosineAnnealingLR(o, 15, 0.01)),
    "cosineRestarts": (0.3, lambda o: lr.CosineAnnealingWarmRestarts(o, 9, 1, 0.01)),
    "cosineRestartsLonger": (0.3, lambda o: lr.CosineAnnealingWarmRestarts(o, 5, 2, 0.01)),
    "oneCycle": (0.3, lambda o: lr.OneCycleLR(o, 0.3, 40)),
    "oneCycleAll": (
        0.3,
        lambda o: lr.OneCycleLR(o, 0.3, 40, pct_start=0.45, div_factor=10, final_div_factor=50),
    ),
    "triangular": (0.1, lambda o: lr.CyclicLR(o, 0.1, 0.5, 6, 9)),
    "triangular2": (0.1, lambda o: lr.CyclicLR(o, 0.1, 0.5, 4, mode="triangular2")),
    "expRange": (0.1, lambda o: lr.CyclicLR(o, 0.1, 0.5, 4, 5, mode="exp_range", gamma=0.97)),
    "warmup": (
        0.3,
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, 1 / 6, 1, 5), lr.ExponentialLR(o, 0.9)], [5]),
    ),
    "sequential": (
        0.3,
        lambda o: lr.SequentialLR(
            o, [lr.StepLR(o, 4, 0.5), lr.ExponentialLR(o, 0.9), lr.LinearLR(o, 0.5, 1, 6)],
            [11, 25]),
    ),
    "times": (
        0.3,
        lambda o: lr.ChainedScheduler([lr.ExponentialLR(o, 0.9), lr.LinearLR(o, 0.5, 1, 4)]),
    ),
    "plateau": (0.3, lambda o: lr.ReduceLROnPlateau(o, factor=0.5, patience=2)),
    "plateauAll": (
        0.3,
        lambda o: lr.ReduceLROnPlateau(
            o, mode="max", factor=0.3, patience=1, threshold=0.05, threshold_mode="abs",
            cooldown=2, min_lr=0.02),
    ),
}


def main():
  warnings.simplefilter("ignore")
  lines = []
  for name, (rate, make) in SCHEDULES.items():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], rate, momentum=0.9)
    schedule = make(optimizer)
    rates = []
    for i in range(STEPS):
      rates.append(optimizer.param_groups[0]["lr"])
      optimizer.step()
      if i + 1 < STEPS:
        schedule.step(*([METRICS[i // 2]] if name.startswith("plateau") else []))
    lines.append("\t".join([name, *map(repr, rates)]))
  (HERE / "schedules.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
  main()
