package io.gradus.autograd;

/**
 * One step of a {@link Graph}.
 *
 * @param name the kernel, or several joined by {@code +}
 * @param shape element type and sizes, as {@code f32 256x768x768 nt}: a product's are m, n, k and
 *     which operands are transposed
 * @param flops floating-point operations
 * @param bytes read and written; at least, for tensors that were made outside the graph
 */
public record GraphStep(String name, String shape, double flops, double bytes) {}
