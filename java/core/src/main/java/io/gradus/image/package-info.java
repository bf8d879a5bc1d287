/** Images, and what changes them before a model sees them: crops, flips, colors and others. */
package io.gradus.image;
