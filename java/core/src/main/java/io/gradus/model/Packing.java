package io.gradus.model;

import io.gradus.op.Indexing;
import io.gradus.op.Shapes;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * The tokens of a batch one after the other, without the padding between them, and the way back:
 * what is computed token by token then costs as much as there are tokens. Each sequence is a
 * document of its own to attention, whose positions begin at 0.
 */
final class Packing {

  private final long batch;
  private final long time;
  private final Tensor rows; // where each token lies among batch · time
  private final Tensor firsts; // where each sequence begins among the tokens
  private final Tensor positions;
  private final Tensor documents;

  private Packing(int[] lengths, Tensor ids) {
    batch = ids.dim(0);
    time = ids.dim(1);
    int total = Arrays.stream(lengths).sum();
    int[] row = new int[total];
    int[] position = new int[total];
    int[] document = new int[total];
    int[] first = new int[lengths.length];
    int next = 0;
    for (int b = 0; b < lengths.length; b++) {
      first[b] = next;
      for (int t = 0; t < lengths[b]; t++, next++) {
        row[next] = Math.toIntExact(b * time + t);
        position[next] = t;
        document[next] = b;
      }
    }
    rows = Tensor.of(row, total).to(ids.device());
    firsts = Tensor.of(first, lengths.length).to(ids.device());
    positions = Tensor.of(position, 1, total).to(ids.device());
    documents = Tensor.of(document, 1, total).to(ids.device());
  }

  /**
   * For a batch of tokens and their lengths; null where nothing is padded.
   *
   * @param lengths I32 (batch), each 1 to time; or null
   */
  static Packing of(Tensor ids, Tensor lengths) {
    if (lengths == null) {
      return null;
    }
    if (!lengths.shape().equals(Shape.of(ids.dim(0)))) {
      throw new IllegalArgumentException(
          "bert: there must be a length for each sequence: "
              + lengths.shape()
              + " for tokens "
              + ids.shape());
    }
    int[] values = lengths.toInts();
    boolean padded = false;
    for (int b = 0; b < values.length; b++) {
      if (values[b] < 1 || values[b] > ids.dim(1)) {
        throw new IllegalArgumentException(
            "bert: lengths must be 1 to "
                + ids.dim(1)
                + ": "
                + values[b]
                + " of sequence "
                + b
                + (values[b] < 1
                    ? "; give an empty text a token"
                    : "; cut the text or add padding"));
      }
      padded |= values[b] < ids.dim(1);
    }
    return padded ? new Packing(values, ids) : null;
  }

  /** From (batch, time) to (1, tokens). */
  Tensor pack(Tensor x) {
    return Shapes.reshape(Indexing.takeRows(Shapes.reshape(x, batch * time), rows), 1, -1);
  }

  /** From (1, tokens, n) to (batch, time, n), with 0 where there is padding. */
  Tensor unpack(Tensor x) {
    Tensor y = Indexing.addRows(Shapes.reshape(x, x.dim(1), x.dim(2)), rows, batch * time);
    return Shapes.reshape(y, batch, time, x.dim(2));
  }

  /** The first token of each sequence: from (1, tokens, n) to (batch, 1, n). */
  Tensor firsts(Tensor x) {
    Tensor y = Indexing.takeRows(Shapes.reshape(x, x.dim(1), x.dim(2)), firsts);
    return Shapes.reshape(y, batch, 1, x.dim(2));
  }

  /** Where each token stands in its sequence, I32 (1, tokens). */
  Tensor positions() {
    return positions;
  }

  /** The sequence that each token belongs to, I32 (1, tokens). */
  Tensor documents() {
    return documents;
  }
}
