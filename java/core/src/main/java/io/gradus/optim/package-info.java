/** Optimizers over flat buffers, and learning rate schedules. */
package io.gradus.optim;
