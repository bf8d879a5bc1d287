"""Trains GPT-2 124M in PyTorch as `gradus bench` does: random tokens, BF16, AdamW, no dropout.

    python3 gpt2_torch.py [BATCH] [TIME] [STEPS]

PyTorch's strongest setting: compiled, scaled dot-product attention, fused AdamW, autocast to BF16, the
vocabulary padded to a multiple of 64. Prints one line of JSON: tokens a second, the median of the steps
after ten, and the share of 989 TFLOP/s that 6 FLOPs for each weight in a product and those of attention
come to.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

LAYERS, HEADS, WIDTH, VOCABULARY = 12, 12, 768, 50304


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.qkv, self.projection = torch.nn.Linear(WIDTH, 3 * WIDTH), torch.nn.Linear(WIDTH, WIDTH)
        self.up, self.down = torch.nn.Linear(WIDTH, 4 * WIDTH), torch.nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(y.transpose(1, 2).reshape(b, t, WIDTH))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt2(torch.nn.Module):
    def __init__(self, time):
        super().__init__()
        self.tokens = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.positions = torch.nn.Embedding(time, WIDTH)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = torch.nn.LayerNorm(WIDTH)
        for weight in self.parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.02)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions.weight
        for layer in self.layers:
            x = layer(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, VOCABULARY), targets.view(-1))


def main():
    batch, length, steps = (int(a) for a in (sys.argv[1:] + ["64", "1024", "30"][len(sys.argv) - 1:]))
    torch.manual_seed(42)
    torch.set_float32_matmul_precision("high")
    model = Gpt2(length).cuda()
    step_model = torch.compile(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-4, weight_decay=0.1, fused=True)
    ids = torch.randint(50257, (batch, length), device="cuda")
    targets = torch.randint(50257, (batch, length), device="cuda")
    times = []
    for _ in range(steps + 10):
        start = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = step_model(ids, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    seconds = sorted(times[10:])[steps // 2]
    products = LAYERS * 12 * WIDTH * WIDTH + VOCABULARY * WIDTH
    flops = 6 * products + 6 * LAYERS * length * WIDTH
    rate = batch * length / seconds
    print(json.dumps({
        "engine": f"torch {torch.__version__}", "device": torch.cuda.get_device_name(),
        "workload": f"gpt2_b{batch}_t{length}_bf16", "tokens_per_second": round(rate),
        "mfu": round(rate * flops / 989e12, 4), "loss": loss.item(),
        "gigabytes": round(torch.cuda.max_memory_allocated() / 1e9, 1)}))


if __name__ == "__main__":
    main()
