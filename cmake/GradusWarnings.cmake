# gradus_warnings: what every C++ file of ours is compiled with.
add_library(gradus_warnings INTERFACE)
if(MSVC)
  target_compile_options(gradus_warnings INTERFACE /W4 /WX)
else()
  target_compile_options(gradus_warnings INTERFACE -Wall -Wextra -Werror)
endif()
