// What a test sees of fake_cublas_lt.cpp, and tells it, through its symbol `fakeCublasLt`.
#pragma once

struct FakeCublasLt {
  int heuristics = 0;    // times that algorithms were asked for
  int products = 0;      // times that one ran
  int violations = 0;    // calls that the real library would not take
  int epilogue = 0;      // of the last product
  int algorithm = 0;     // of the last product: 0, 1 or 2
  bool offers = true;    // whether there are algorithms at all
  int fast = -1;         // the algorithm that is faster than the others, by a millisecond
  int slow = -1;         // the epilogue that costs five milliseconds
  char violation[80]{};  // the last one
};
