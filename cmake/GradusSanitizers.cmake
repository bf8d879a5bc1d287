# Builds everything below with the sanitizers named in GRADUS_SANITIZE, such as "address,undefined".
set(GRADUS_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

if(GRADUS_SANITIZE)
  # Lines are all that a finding names, and compile faster than variables.
  add_compile_options(-fsanitize=${GRADUS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${GRADUS_SANITIZE})
endif()
