/** Tokenizers in Hugging Face's format, in plain Java. */
module io.gradus.hub {
  requires com.fasterxml.jackson.core;
  requires transitive io.gradus;

  exports io.gradus.hub;
}
