package io.gradus.hub;

/** Rewrites text before it is cut into words. */
interface Normalizer {

  String normalize(String text);
}
