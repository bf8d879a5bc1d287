// OpenBLAS, opened at run time from a path that Java gives, and held at one thread: its own workers
// spin for 110 ms after each call, and our pool shares the work out anyway.
#pragma once

#include <string>

#include "cpu/gemm.h"

namespace gradus {

/**
 * What multiplies matrices. Own is the default: its bits are the same in every run. Auto times both
 * at the first product of a shape and keeps to the faster, so its bits are those of one or the
 * other, for the life of the process.
 */
enum class Engine { Own, OpenBlas, Auto };

/** It only stands by until an engine asks for it. */
void openBlas(const char* path);

/** Any but Own wants an OpenBLAS that is open. */
void setEngine(Engine engine);

/** Whether all products go through OpenBLAS. */
bool usesBlas();

/** Whether no product is. */
bool onlyOwn();

/** Whether this product does. `own` is what else would compute it. */
bool usesBlas(const Product& product, void (*own)(const Product&));

/** For example "OpenBLAS 0.3.31 SkylakeX". */
std::string blasDescription();

/** gemm() of floats by OpenBLAS, block by block. */
void blasGemm(const Product& product);

}  // namespace gradus
