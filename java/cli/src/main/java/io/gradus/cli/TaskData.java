package io.gradus.cli;

import io.gradus.data.Dataset;
import io.gradus.data.Order;
import io.gradus.hub.Tokenizer;
import java.util.List;

/**
 * All that a network learns from, as it sees it.
 *
 * @param name for people
 * @param unit what an example is: images or texts
 * @param validation held out of what there is to train; null for none
 * @param order of the examples to train; null for shuffled
 * @param format how others become like these
 * @param classes their names, in the order of their numbers
 * @param tokenizer of texts; null for images
 * @param inMemory whether reading them takes no time
 */
record TaskData(
    String name,
    String unit,
    Dataset train,
    Dataset validation,
    Dataset test,
    Order order,
    InputFormat format,
    List<String> classes,
    Tokenizer tokenizer,
    boolean inMemory) {

  /** What the network is tested on after each epoch. */
  Dataset evaluated() {
    return validation == null ? test : validation;
  }
}
