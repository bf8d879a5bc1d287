package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Start;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** GPT-2 in libtorch, as {@code GptConfig.gpt2}: the head is the table of tokens. */
final class LibtorchGpt extends LibtorchModel {
  private static final double EPSILON = 1e-5;

  private record Block(Norm norm1, Linear qkv, Linear out, Norm norm2, Linear up, Linear down) {}

  private final int heads;
  private final Tensor tokenTable;
  private final Tensor positionTable;
  private final List<Block> blocks = new ArrayList<>();
  private final Norm norm;

  LibtorchGpt(Start start, int layers, int heads, boolean bias) {
    super(start);
    this.heads = heads;
    tokenTable = parameter("tokens.weight");
    positionTable = parameter("positions.weight");
    for (int i = 0; i < layers; i++) {
      String name = "blocks." + i;
      blocks.add(
          new Block(
              norm(name + ".norm1", bias, EPSILON),
              linear(name + ".attention.qkv", bias),
              linear(name + ".attention.out", bias),
              norm(name + ".norm2", bias, EPSILON),
              linear(name + ".feedForward.up", bias),
              linear(name + ".feedForward.down", bias)));
    }
    norm = norm("norm", bias, EPSILON);
  }

  @Override
  Tensor loss(Tensor tokens, Tensor targets) {
    long b = tokens.size(0);
    long t = tokens.size(1);
    Tensor positions = positionTable.narrow(0, 0, t);
    Tensor x = torch.embedding(tokenTable, tokens).add_(positions).view(b * t, -1);
    for (Block block : blocks) {
      Tensor y = attention(block.qkv.of(block.norm1.of(x)), b, t, heads, 0, true);
      x = block.out.of(y).add_(x);
      Tensor h = torch.gelu(block.up.of(block.norm2.of(x)), "tanh");
      x = block.down.of(h).add_(x);
    }
    Tensor logits = torch.linear(norm.of(x), tokenTable);
    return torch.cross_entropy_loss(logits, targets.view(-1));
  }
}
