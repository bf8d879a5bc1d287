package io.gradus.hub;

/** Turns one word into tokens. */
interface Model {

  int[] encode(String word);
}
