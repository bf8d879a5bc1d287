/** Text into tokens and back, as Hugging Face's {@code tokenizer.json} describes it. */
package io.gradus.hub;
