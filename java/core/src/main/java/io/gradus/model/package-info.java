/** Whole networks made of layers. */
package io.gradus.model;
