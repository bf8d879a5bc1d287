/** Memory and shape: tensors, types, devices, and the scopes that free them. */
package io.gradus.tensor;
