"""Trains in PyTorch what `gradus bench` trains, by the same names, as its rival on a GPU.

    torch_bench.py WORKLOAD [--device cuda] [--mode compile|eager] [--seconds 5] [--layers N] [--warm-up]

A WORKLOAD is gpt2_bN_tM, shakespeare_bN_tM, either with _bf16 behind it, or mlp_784_256_10_bN: the same
sizes, optimizers and random data, without dropout. With the mode compile, PyTorch's strongest setting: the
step's forward and backward compiled, scaled dot-product attention, fused AdamW, the vocabulary padded to a
multiple of 64. The mode eager is how most programs run. What a PyTorch lacks, as before 2.0, is done without.

Prints one line of JSON: units a second, the median of windows of 50 ms or one step, and, for a GPT, the share
of the fastest large matrix product's rate (mfu). --layers makes a GPT shallower, and --warm-up takes two steps
and prints nothing: the compiler keeps what it made for the next process.
"""
import argparse
import json
import re
import statistics
import time

import torch
import torch.nn.functional as F

WINDOW = 0.05  # s; one step at least
FEWEST = 3  # windows, however long their steps take


class Layer(torch.nn.Module):
    def __init__(self, width, heads, bias):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = norm(width, bias), norm(width, bias)
        self.qkv = torch.nn.Linear(width, 3 * width, bias)
        self.projection = torch.nn.Linear(width, width, bias)
        self.up, self.down = torch.nn.Linear(width, 4 * width, bias), torch.nn.Linear(4 * width, width, bias)

    def forward(self, x):
        b, t, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = attention(q, k, v).transpose(1, 2).reshape(b, t, width)
        x = x + self.projection(y)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


def norm(width, bias):
    layer = torch.nn.LayerNorm(width)
    if not bias:
        layer.bias = None
    return layer


def attention(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    t = q.shape[2]
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    later = torch.ones(t, t, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(later, float("-inf")).softmax(-1) @ v


class Gpt(torch.nn.Module):
    def __init__(self, layers, heads, width, vocabulary, context, bias):
        super().__init__()
        self.tokens = torch.nn.Embedding(vocabulary, width)
        self.positions = torch.nn.Embedding(context, width)
        self.layers = torch.nn.ModuleList(Layer(width, heads, bias) for _ in range(layers))
        self.norm = norm(width, bias)
        for weight in self.parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.02)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))

    def forward(self, x, labels):
        return F.cross_entropy(self.layers(x), labels)


class Workload:
    """A model with its batch: units of work in a step, what they are, and FLOPs of one (0: not counted)."""

    def __init__(self, name, device, layers):
        self.device = torch.device(device)
        mlp = re.fullmatch(r"mlp_784_256_10_b(\d+)", name)
        gpt = re.fullmatch(r"(gpt2|shakespeare)_b(\d+)_t(\d+)(_bf16)?", name)
        if mlp:
            self.units, self.metric, self.flops, self.bf16 = int(mlp[1]), "samples/s", 0, False
            self.model = Mlp().to(device)
            self.batch = (torch.randn(self.units, 784, device=device), self.integers(10, self.units))
            return
        if not gpt:
            raise SystemExit(f"torch_bench: there is no workload of this name: {name}")
        large, b, t = gpt[1] == "gpt2", int(gpt[2]), int(gpt[3])
        width, heads, ids = (768, 12, 50257) if large else (384, 6, 65)
        vocabulary = -(-ids // 64) * 64 if large else ids
        layers = layers or (12 if large else 6)
        self.units, self.metric, self.bf16 = b * t, "tokens/s", gpt[4] is not None
        self.flops = 6 * (layers * 12 * width * width + ids * width) + 6 * layers * t * width
        self.model = Gpt(layers, heads, width, vocabulary, t, bias=large).to(device)
        self.batch = (self.integers(ids, b, t), self.integers(ids, b, t))

    def integers(self, limit, *shape):
        return torch.randint(limit, shape, device=self.device)

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def optimizer(workload, compiled):
    parameters = workload.model.parameters()
    if workload.metric == "samples/s":
        return torch.optim.SGD(parameters, lr=0.01)
    fused = compiled and workload.device.type == "cuda"
    return torch.optim.AdamW(parameters, lr=3e-4, weight_decay=0.1, **({"fused": True} if fused else {}))


def step_of(workload, compiled):
    model = workload.model
    if compiled and hasattr(torch, "compile"):
        model = torch.compile(model)
    update = optimizer(workload, compiled)

    def step():
        with torch.autocast(workload.device.type, dtype=torch.bfloat16, enabled=workload.bf16):
            loss = model(*workload.batch)
        loss.backward()
        update.step()
        update.zero_grad(set_to_none=True)
        return loss

    return step


def measure(workload, step, seconds):
    """Units a second of each window, after half the time, at most a second, to warm up."""
    begin = time.perf_counter()
    for _ in range(3):
        step()
    while time.perf_counter() - begin < min(1, seconds / 2):
        step()
    workload.wait()
    rates, begin = [], time.perf_counter()
    while len(rates) < FEWEST or time.perf_counter() - begin < seconds:
        start, steps = time.perf_counter(), 0
        while steps == 0 or time.perf_counter() - start < WINDOW:
            step()
            steps += 1
        workload.wait()
        rates.append(steps * workload.units / (time.perf_counter() - start))
    return rates


def peak(workload):
    """FLOPs a second of the best of several large matrix products, as `gradus bench` measures it."""
    n = 8192 if workload.device.type == "cuda" else 256
    a, b = (torch.randn(n, n, device=workload.device) for _ in range(2))
    if workload.bf16:
        a, b = a.bfloat16(), b.bfloat16()
    best = 0
    for _ in range(20):
        workload.wait()
        start = time.perf_counter()
        a @ b
        workload.wait()
        best = max(best, 2 * n**3 / (time.perf_counter() - start))
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--mode", choices=["compile", "eager"], default="compile")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--warm-up", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(42)
    torch.set_float32_matmul_precision("high" if options.mode == "compile" else "highest")
    workload = Workload(options.workload, options.device, options.layers)
    step = step_of(workload, options.mode == "compile")
    if options.warm_up:
        for _ in range(2):
            step()
        workload.wait()
        return
    rates = measure(workload, step, options.seconds)
    median, cuda = statistics.median(rates), workload.device.type == "cuda"
    print(json.dumps({
        "engine": f"torch {torch.__version__} {options.mode}",
        "workload": options.workload,
        "metric": workload.metric,
        "median": round(median, 2),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "loss": round(step().item(), 4),
        "peak_device_mb": round(torch.cuda.max_memory_allocated() / 1e6, 1) if cuda else None,
        "mfu": round(median * workload.flops / peak(workload), 4) if workload.flops else None}))


if __name__ == "__main__":
    main()
