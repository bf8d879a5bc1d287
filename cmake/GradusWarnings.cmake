# gradus_warnings: what every C++ file of ours is compiled with.
add_library(gradus_warnings INTERFACE)
if(MSVC)
  target_compile_options(gradus_warnings INTERFACE /W4 /WX)
else()
  target_compile_options(gradus_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Werror>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra --Werror=all-warnings>)
endif()
