# gradus_floating: the rules of floating point that every backend is compiled with.
#
# No -ffast-math: at link time it changes the floating point of the whole JVM. These three are the parts
# of it that keep NaN, infinity and signed zero.
add_library(gradus_floating INTERFACE)
if(NOT MSVC)
  target_compile_options(gradus_floating INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno -fno-trapping-math -ffp-contract=fast>)
endif()

# gradus_add_backend(<name> SOURCES <file>... [SYMBOL <symbol>] [COMPONENT <component>] [OPTIONS <flag>...])
#
# A backend: a shared library with one exported symbol, gradus_backend unless another is named, that Java
# opens at run time. It is installed with its component, which is cpu unless another is named.
function(gradus_add_backend name)
  cmake_parse_arguments(ARG "" "SYMBOL;COMPONENT" "SOURCES;OPTIONS" ${ARGN})
  if(NOT ARG_SYMBOL)
    set(ARG_SYMBOL gradus_backend)
  endif()
  if(NOT ARG_COMPONENT)
    set(ARG_COMPONENT cpu)
  endif()
  string(REGEX REPLACE "^gradus_[a-z]+_" "" level ${name})

  add_library(${name} MODULE ${ARG_SOURCES})
  target_compile_definitions(${name} PRIVATE GRADUS_LEVEL="${level}")
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_link_libraries(${name} PRIVATE gradus_headers gradus_warnings gradus_floating gradus_openblas
                                        Threads::Threads ${CMAKE_DL_LIBS})
  gradus_export_only(${name} ${ARG_SYMBOL})

  install(TARGETS ${name} LIBRARY DESTINATION . COMPONENT ${ARG_COMPONENT})
endfunction()

# Hides everything else, even the standard library's inline code: a copy of it that was compiled for
# AVX-512 must never serve a library of a lower level.
function(gradus_export_only target)
  if(APPLE)
    foreach(symbol ${ARGN})
      target_link_options(${target} PRIVATE -Wl,-exported_symbol,_${symbol})
    endforeach()
  elseif(UNIX)
    list(JOIN ARGN "; " symbols)
    set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}.map)
    file(CONFIGURE OUTPUT ${script} CONTENT "{ global: ${symbols}; local: *; };\n")
    target_link_options(${target} PRIVATE -Wl,--version-script=${script} -Wl,--no-undefined)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${script})
  endif()
endfunction()
