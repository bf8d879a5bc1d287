/** What a training run needs around the loop: evaluation and its figures. */
package io.gradus.train;
