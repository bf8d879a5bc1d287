"""Writes recurrent.safetensors and attention.safetensors: layers of PyTorch beside which ours stand.

Run it with Debian 12's own Python, from any folder:

    apt-get install --no-install-recommends python3-torch
    /usr/bin/python3 layers.py

The files here were made by its version 1.13.1+dfsg-4, in float64, on x86-64. For each layer, say
lstm.packed, a file has

    lstm.packed.NAME             inputs, parameters and outputs by PyTorch's names
    lstm.packed.dNAME            the weights of outputs in the sum whose gradients these are:
    lstm.packed.grad.NAME        of inputs and parameters

all rounded to f32.
"""

import pathlib

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import safetensors

HERE = pathlib.Path(__file__).parent
BATCH, TIME, IN, SIZE = 3, 6, 4, 5
LENGTHS = torch.tensor([4, 6, 1])


def rounded(*shape):
  """Numbers that a float holds."""
  return torch.randn(*shape).float().double()


def begin(module):
  with torch.no_grad():
    for name, p in module.named_parameters():
      value = rounded(*p.shape) * (0.4 if p.dim() > 1 else 0.2)
      p.copy_((value + (1 if "norm" in name and name.endswith("weight") else 0)).float().double())


def keep(file, name, module, inputs, outputs):
  """Adds a layer's inputs, parameters, outputs and gradients to what the file will hold."""
  weights = {key: rounded(*y.shape) for key, y in outputs.items()}
  sum((weights[key] * y).sum() for key, y in outputs.items()).backward()
  for key, x in inputs.items():
    file[f"{name}.{key}"] = x
    file[f"{name}.grad.{key}"] = x.grad.clone()
  for key, p in module.named_parameters():
    file[f"{name}.{key}"] = p
    file[f"{name}.grad.{key}"] = p.grad.clone()
  for key, y in outputs.items():
    file[f"{name}.{key}"] = y
    file[f"{name}.d{key}"] = weights[key]


def leaf(*shape):
  return rounded(*shape).requires_grad_()


def recurrent():
  file = {}
  kinds = {
      "tanh": lambda: nn.RNN(IN, SIZE, 2, batch_first=True, bidirectional=True),
      "relu": lambda: nn.RNN(IN, SIZE, 2, nonlinearity="relu", batch_first=True, bidirectional=True),
      "lstm": lambda: nn.LSTM(IN, SIZE, 2, batch_first=True, bidirectional=True),
      "gru": lambda: nn.GRU(IN, SIZE, 2, batch_first=True, bidirectional=True),
  }
  for name, make in kinds.items():
    for packed in (True, False):
      module = make().double()
      begin(module)
      x, h0 = leaf(BATCH, TIME, IN), leaf(4, BATCH, SIZE)
      inputs = {"x": x, "h0": h0}
      state = h0
      if name == "lstm":
        inputs["c0"] = leaf(4, BATCH, SIZE)
        state = (h0, inputs["c0"])
      if packed:
        sequence = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
        y, last = module(sequence, state)
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=TIME)
      else:
        y, last = module(x, state)
      outputs = {"y": y}
      if name == "lstm":
        outputs["h"], outputs["c"] = last
      else:
        outputs["h"] = last
      keep(file, name + (".packed" if packed else ".whole"), module, inputs, outputs)
  return file


WIDTH, HEADS, HIDDEN, KEYS = 8, 2, 12, 5
KEY_LENGTHS = torch.tensor([5, 2, 4])


def padding(lengths, time):
  return torch.arange(time)[None, :] >= lengths[:, None]


def causal(time):
  return torch.full((time, time), float("-inf")).triu(1).double()


def attention():
  file = {}
  module = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
  begin(module)
  x = leaf(BATCH, TIME, WIDTH)
  y, _ = module(x, x, x, key_padding_mask=padding(LENGTHS, TIME))
  keep(file, "self", module, {"x": x}, {"y": y})

  module.zero_grad()
  q, k, v = leaf(BATCH, TIME, WIDTH), leaf(BATCH, KEYS, WIDTH), leaf(BATCH, KEYS, WIDTH)
  mask = rounded(TIME, KEYS)
  mask[0, 3] = mask[2, 0] = float("-inf")
  y, _ = module(q, k, v, attn_mask=mask, key_padding_mask=padding(KEY_LENGTHS, KEYS))
  keep(file, "apart", module, {"q": q, "k": k, "v": v}, {"y": y})
  file["apart.mask"] = mask

  module.zero_grad()
  q, k = leaf(BATCH, TIME, WIDTH), leaf(BATCH, KEYS, WIDTH)
  y, _ = module(q, k, k)
  keep(file, "cross", module, {"q": q, "k": k}, {"y": y})

  module.zero_grad()
  x = leaf(BATCH, TIME, WIDTH)
  y, _ = module(x, x, x, attn_mask=causal(TIME))
  keep(file, "causal", module, {"x": x}, {"y": y})

  for pre in (False, True):
    options = dict(dim_feedforward=HIDDEN, dropout=0, activation="gelu" if pre else "relu",
                   batch_first=True, norm_first=pre)
    kind = "pre" if pre else "post"
    module = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(WIDTH, HEADS, **options), 2,
        nn.LayerNorm(WIDTH) if pre else None).double()
    begin(module)
    x = leaf(BATCH, TIME, WIDTH)
    y = module(x, src_key_padding_mask=padding(LENGTHS, TIME))
    keep(file, "encoder." + kind, module, {"x": x}, {"y": y})

    module = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(WIDTH, HEADS, **options), 2,
        nn.LayerNorm(WIDTH) if pre else None).double()
    begin(module)
    x, memory = leaf(BATCH, TIME, WIDTH), leaf(BATCH, KEYS, WIDTH)
    y = module(x, memory, tgt_mask=causal(TIME),
               memory_key_padding_mask=padding(KEY_LENGTHS, KEYS))
    keep(file, "decoder." + kind, module, {"x": x, "memory": memory}, {"y": y})
  return file


def main():
  for name, make in {"recurrent": recurrent, "attention": attention}.items():
    torch.manual_seed(7)
    tensors = {key: x.detach().float().contiguous() for key, x in make().items()}
    safetensors.write(HERE / f"{name}.safetensors", tensors, {"torch": torch.__version__})


main()
