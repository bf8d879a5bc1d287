/** Modules: layers with named parameters, and their first values. */
package io.gradus.nn;
