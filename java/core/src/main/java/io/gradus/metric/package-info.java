/** How good predictions are. */
package io.gradus.metric;
