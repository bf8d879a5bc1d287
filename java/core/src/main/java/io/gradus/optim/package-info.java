/** Optimizers over flat buffers, learning rate schedules, and averages of models. */
package io.gradus.optim;
