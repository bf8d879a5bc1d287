/** Gradients: tapes that record ops, and what follows from the record. */
package io.gradus.autograd;
