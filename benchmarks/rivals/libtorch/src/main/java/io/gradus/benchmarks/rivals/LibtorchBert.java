package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Start;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** BERT with a head of two classes in libtorch, as {@code BertClassifier}. */
final class LibtorchBert extends LibtorchModel {
  private static final double EPSILON = 1e-12;

  private record Block(Linear qkv, Linear out, Norm norm1, Linear up, Linear down, Norm norm2) {}

  private final int heads;
  private final double dropout;
  private final Tensor tokenTable;
  private final Tensor positionTable;
  private final Tensor typeTable;
  private final Norm norm;
  private final List<Block> blocks = new ArrayList<>();
  private final Linear pooler;
  private final Linear head;

  LibtorchBert(Start start, int layers, int heads, double dropout) {
    super(start);
    this.heads = heads;
    this.dropout = dropout;
    tokenTable = parameter("bert.tokens.weight");
    positionTable = parameter("bert.positions.weight");
    typeTable = parameter("bert.types.weight");
    norm = norm("bert.norm", true, EPSILON);
    for (int i = 0; i < layers; i++) {
      String name = "bert.blocks." + i;
      blocks.add(
          new Block(
              linear(name + ".attention.qkv", true),
              linear(name + ".attention.out", true),
              norm(name + ".norm1", true, EPSILON),
              linear(name + ".feedForward.up", true),
              linear(name + ".feedForward.down", true),
              norm(name + ".norm2", true, EPSILON)));
    }
    pooler = linear("bert.pooler", true);
    head = linear("head", true);
  }

  @Override
  Tensor loss(Tensor tokens, Tensor labels) {
    long b = tokens.size(0);
    long t = tokens.size(1);
    Tensor types = torch.embedding(typeTable, torch.zeros_like(tokens));
    Tensor sum =
        torch.embedding(tokenTable, tokens).add_(positionTable.narrow(0, 0, t)).add_(types);
    Tensor x = drop(norm.of(sum.view(b * t, -1)));
    for (Block block : blocks) {
      Tensor y = attention(block.qkv.of(x), b, t, heads, dropout, false);
      x = block.norm1.of(drop(block.out.of(y)).add_(x));
      Tensor h = torch.gelu(block.up.of(x));
      x = block.norm2.of(drop(block.down.of(h)).add_(x));
    }
    Tensor pooled = pooler.of(x.view(b, t, -1).select(1, 0)).tanh();
    return torch.cross_entropy_loss(head.of(drop(pooled)), labels);
  }

  private Tensor drop(Tensor x) {
    return dropout == 0 ? x : torch.dropout(x, dropout, true);
  }
}
