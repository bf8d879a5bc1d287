/** Training: the loop with all that stands around it, and checkpoints from which it goes on. */
package io.gradus.train;
