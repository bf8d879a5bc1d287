/** Data sets, batches, and files: IDX and safetensors. */
package io.gradus.data;
