/** What computes with tensors: static functions, one class for each family. */
package io.gradus.op;
