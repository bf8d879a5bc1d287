package io.gradus.benchmarks.rivals;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** BERT with a head of two classes in libtorch, as {@code BertClassifier}. */
final class LibtorchBert extends LibtorchModel {
  static final int VOCABULARY = 30_522;
  static final int CLASSES = 2;
  private static final int CONTEXT = 512;
  private static final int TYPES = 2;
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

  LibtorchBert(int width, int layers, int heads, double dropout) {
    this.heads = heads;
    this.dropout = dropout;
    tokenTable = table(VOCABULARY, width);
    positionTable = table(CONTEXT, width);
    typeTable = table(TYPES, width);
    norm = norm(width, true, EPSILON);
    for (int i = 0; i < layers; i++) {
      blocks.add(
          new Block(
              linear(width, 3L * width, true),
              linear(width, width, true),
              norm(width, true, EPSILON),
              linear(width, 4L * width, true),
              linear(4L * width, width, true),
              norm(width, true, EPSILON)));
    }
    pooler = linear(width, width, true);
    head = linear(width, CLASSES, true);
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
