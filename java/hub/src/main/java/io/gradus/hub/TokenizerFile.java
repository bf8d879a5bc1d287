package io.gradus.hub;

import java.util.List;
import java.util.Map;

/**
 * What a tokenizer.json says. Parts that are small stay the JSON that they were, so that a file is
 * written as it was read.
 *
 * @param parts all but the model and the added tokens, by name
 * @param added the added tokens
 * @param model the model's settings, without vocabulary and merges
 * @param vocabulary the model's tokens and their ids
 * @param merges left and right halves of the pairs, in turn
 */
record TokenizerFile(
    Map<String, Object> parts,
    List<AddedToken> added,
    Map<String, Object> model,
    Map<String, Integer> vocabulary,
    List<String> merges) {}
