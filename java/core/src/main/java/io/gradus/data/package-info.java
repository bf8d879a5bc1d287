/** Data sets, batches and orders of them, and files: images, tables, texts, IDX, safetensors. */
package io.gradus.data;
