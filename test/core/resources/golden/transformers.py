"""Writes gpt2.safetensors, llama.safetensors and bert.safetensors: 20 steps of small transformers in PyTorch.

Run it with Debian 12's own Python, from any folder:

    apt-get install --no-install-recommends python3-torch
    /usr/bin/python3 transformers.py

The files here were made by its version 1.13.1+dfsg-4, which calls itself 1.13.0a0, on x86-64 with
AVX-512. Another version or processor may change the last bits.

gpt2 has learned positions, layer norms, GELU in its tanh form, biases and a tied head; llama has rotary
positions in Hugging Face's half-split form, RMS norms, SwiGLU, two key-value heads for four heads and a
head of its own; bert sees to both sides, normalizes behind each part, and has GELU by the error function,
token types, padding, and a head of two classes over a pooled first token. Everything is written out in
plain operations, in float32. A file has

    tokens (20, 3, 16) i64                            of random ids below 41
    targets (20, 3, 16) i64, or labels (20, 3) i64    -100 for two of the targets
    initial.NAME, final.NAME                          parameters before and after 20 steps of AdamW
    logits0, grad.NAME                                of the first step
    losses (20)                                       mean cross-entropy, before each step

and bert types (20, 3, 16) and lengths (20, 3). NAME is as in Gradus. The metadata says how far the same
run in float64 is from this one: a test's tolerance must be wider than that.
"""

import math
import pathlib

import torch
import torch.nn.functional as F

import safetensors

HERE = pathlib.Path(__file__).resolve().parent
STEPS, BATCH, TIME, VOCABULARY = 20, 3, 16, 41
WIDTH, LAYERS, HEADS, HIDDEN = 24, 2, 4, 56
HEAD = WIDTH // HEADS
ADAMW = {"lr": 3e-3, "betas": (0.9, 0.95), "eps": 1e-5}  # hides the noise of key biases, whose gradient is 0
DECAY = 0.1


class Parameters(dict):
  """Random ones by name: matrices and biases around 0, the weights of norms around 1."""

  def __init__(self):
    super().__init__()
    self.generator = torch.Generator().manual_seed(42)

  def add(self, name, *shape):
    value = torch.randn(shape, generator=self.generator) * 0.15
    self[name] = value + 1 if "norm" in name and name.endswith("weight") else value

  def linear(self, name, rows, columns, bias=True):
    self.add(name + ".weight", rows, columns)
    if bias:
      self.add(name + ".bias", rows)

  def norm(self, name, bias=True):
    self.add(name + ".weight", WIDTH)
    if bias:
      self.add(name + ".bias", WIDTH)


def linear(p, name, x):
  return F.linear(x, p[name + ".weight"], p.get(name + ".bias"))


def norm(p, name, x, eps):
  if name + ".bias" in p:
    return F.layer_norm(x, (WIDTH,), p[name + ".weight"], p[name + ".bias"], eps)
  return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * p[name + ".weight"]


def gelu_tanh(x):
  return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def attention(p, name, x, kv_heads, visible, rotate=lambda q: q):
  b, t, _ = x.shape
  packed = linear(p, name + ".qkv", x)
  q, k, v = packed.split([HEADS * HEAD, kv_heads * HEAD, kv_heads * HEAD], -1)
  q = rotate(q.view(b, t, HEADS, HEAD).transpose(1, 2))
  k = rotate(k.view(b, t, kv_heads, HEAD).transpose(1, 2)).repeat_interleave(HEADS // kv_heads, 1)
  v = v.view(b, t, kv_heads, HEAD).transpose(1, 2).repeat_interleave(HEADS // kv_heads, 1)
  scores = q @ k.transpose(-1, -2) / math.sqrt(HEAD)
  weights = scores.masked_fill(~visible, float("-inf")).softmax(-1)
  y = (weights @ v).transpose(1, 2).reshape(b, t, WIDTH)
  return linear(p, name + ".out", y)


def rotate(x):
  t, d = x.shape[-2:]
  angles = torch.arange(t)[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
  cos = torch.cat([angles.cos()] * 2, -1).to(x.dtype)
  sin = torch.cat([angles.sin()] * 2, -1).to(x.dtype)
  half = torch.cat([-x[..., d // 2 :], x[..., : d // 2]], -1)
  return x * cos + half * sin


CAUSAL = torch.ones(TIME, TIME, dtype=torch.bool).tril()


def gpt2():
  p = Parameters()
  p.add("tokens.weight", VOCABULARY, WIDTH)
  p.add("positions.weight", TIME, WIDTH)
  for i in range(LAYERS):
    p.norm(f"blocks.{i}.norm1")
    p.linear(f"blocks.{i}.attention.qkv", 3 * WIDTH, WIDTH)
    p.linear(f"blocks.{i}.attention.out", WIDTH, WIDTH)
    p.norm(f"blocks.{i}.norm2")
    p.linear(f"blocks.{i}.feedForward.up", HIDDEN, WIDTH)
    p.linear(f"blocks.{i}.feedForward.down", WIDTH, HIDDEN)
  p.norm("norm")

  def forward(p, batch):
    x = p["tokens.weight"][batch["tokens"]] + p["positions.weight"]
    for i in range(LAYERS):
      b = f"blocks.{i}."
      x = x + attention(p, b + "attention", norm(p, b + "norm1", x, 1e-5), HEADS, CAUSAL)
      h = gelu_tanh(linear(p, b + "feedForward.up", norm(p, b + "norm2", x, 1e-5)))
      x = x + linear(p, b + "feedForward.down", h)
    return norm(p, "norm", x, 1e-5) @ p["tokens.weight"].T

  return p, forward


def llama():
  p = Parameters()
  p.add("tokens.weight", VOCABULARY, WIDTH)
  for i in range(LAYERS):
    p.norm(f"blocks.{i}.norm1", False)
    p.linear(f"blocks.{i}.attention.qkv", (HEADS + 4) * HEAD, WIDTH, False)
    p.linear(f"blocks.{i}.attention.out", WIDTH, WIDTH, False)
    p.norm(f"blocks.{i}.norm2", False)
    p.linear(f"blocks.{i}.feedForward.up", 2 * HIDDEN, WIDTH, False)
    p.linear(f"blocks.{i}.feedForward.down", WIDTH, HIDDEN, False)
  p.norm("norm", False)
  p.add("head.weight", VOCABULARY, WIDTH)

  def forward(p, batch):
    x = p["tokens.weight"][batch["tokens"]]
    for i in range(LAYERS):
      b = f"blocks.{i}."
      n = norm(p, b + "norm1", x, 1e-5)
      x = x + attention(p, b + "attention", n, 2, CAUSAL, rotate)
      gate, up = linear(p, b + "feedForward.up", norm(p, b + "norm2", x, 1e-5)).chunk(2, -1)
      x = x + linear(p, b + "feedForward.down", F.silu(gate) * up)
    return norm(p, "norm", x, 1e-5) @ p["head.weight"].T

  return p, forward


def bert():
  p = Parameters()
  p.add("bert.tokens.weight", VOCABULARY, WIDTH)
  p.add("bert.positions.weight", TIME, WIDTH)
  p.add("bert.types.weight", 2, WIDTH)
  p.norm("bert.norm")
  for i in range(LAYERS):
    p.linear(f"bert.blocks.{i}.attention.qkv", 3 * WIDTH, WIDTH)
    p.linear(f"bert.blocks.{i}.attention.out", WIDTH, WIDTH)
    p.norm(f"bert.blocks.{i}.norm1")
    p.linear(f"bert.blocks.{i}.feedForward.up", HIDDEN, WIDTH)
    p.linear(f"bert.blocks.{i}.feedForward.down", WIDTH, HIDDEN)
    p.norm(f"bert.blocks.{i}.norm2")
  p.linear("bert.pooler", WIDTH, WIDTH)
  p.linear("head", 2, WIDTH)

  def forward(p, batch):
    x = p["bert.tokens.weight"][batch["tokens"]] + p["bert.positions.weight"]
    x = norm(p, "bert.norm", x + p["bert.types.weight"][batch["types"]], 1e-12)
    visible = (torch.arange(TIME) < batch["lengths"][:, None])[:, None, None, :]
    for i in range(LAYERS):
      b = f"bert.blocks.{i}."
      x = norm(p, b + "norm1", x + attention(p, b + "attention", x, HEADS, visible), 1e-12)
      h = F.gelu(linear(p, b + "feedForward.up", x))
      x = norm(p, b + "norm2", x + linear(p, b + "feedForward.down", h), 1e-12)
    return linear(p, "head", torch.tanh(linear(p, "bert.pooler", x[:, 0])))

  return p, forward


def data(name):
  generator = torch.Generator().manual_seed(7)

  def ids(high, *shape):
    return torch.randint(high, shape, generator=generator)

  batches = {"tokens": ids(VOCABULARY, STEPS, BATCH, TIME)}
  if name == "bert":
    batches["types"] = ids(2, STEPS, BATCH, TIME)
    batches["lengths"] = 1 + ids(TIME, STEPS, BATCH)
    batches["labels"] = ids(2, STEPS, BATCH)
  else:
    batches["targets"] = ids(VOCABULARY, STEPS, BATCH, TIME)
    batches["targets"][:, 0, 3:5] = -100
  return batches


def train(start, forward, batches, dtype):
  p = {name: value.clone().to(dtype).detach().requires_grad_() for name, value in start.items()}
  decays = lambda name: name.endswith(".weight") and "norm" not in name
  step = torch.optim.AdamW(
      [
          {"params": [v for n, v in p.items() if decays(n)], "weight_decay": DECAY},
          {"params": [v for n, v in p.items() if not decays(n)], "weight_decay": 0},
      ],
      **ADAMW,
  )
  result = copy("initial.", p.items())
  losses = []
  for i in range(STEPS):
    batch = {name: value[i] for name, value in batches.items()}
    logits = forward(p, batch)
    targets = batch["targets"] if "targets" in batch else batch["labels"]
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
    step.zero_grad()
    loss.backward()
    if i == 0:
      result["logits0"] = logits.detach().clone()
      result.update(copy("grad.", ((name, v.grad) for name, v in p.items())))
    losses.append(loss.detach())
    step.step()
  result["losses"] = torch.stack(losses)
  result.update(copy("final.", p.items()))
  return result


def copy(prefix, named):
  return {prefix + name: tensor.detach().clone() for name, tensor in named}


def distance(run, exact, prefix):
  worst = 0
  for key in run:
    if key.startswith(prefix):
      scale = exact[key].abs().max().item()
      worst = max(worst, (run[key] - exact[key]).abs().max().item() / scale)
  return f"{worst:.1e}"


def main():
  torch.set_num_threads(1)
  torch.use_deterministic_algorithms(True)
  for name, model in (("gpt2", gpt2), ("llama", llama), ("bert", bert)):
    start, forward = model()
    batches = data(name)
    run = train(start, forward, batches, torch.float32)
    exact = train(start, forward, batches, torch.float64)
    metadata = {
        "made_by": f"PyTorch {torch.__version__.split('+')[0]}",
        "optimizer": f"AdamW {ADAMW}, weight decay {DECAY} of matrices and embeddings",
        "float64_differs_by": ", ".join(
            f"{what} {distance(run, exact, prefix)}"
            for what, prefix in (
                ("logits", "logits0"), ("gradients", "grad."), ("losses", "losses"),
                ("final", "final."))),
    }
    print(name, metadata)
    safetensors.write(HERE / f"{name}.safetensors", {**batches, **run}, metadata)


if __name__ == "__main__":
  main()
