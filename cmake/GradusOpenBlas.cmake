# gradus_openblas: the headers of OpenBLAS as they lie in the Maven jar, unpacked. Its library is opened
# at run time, so nothing links it.
set(GRADUS_OPENBLAS "" CACHE PATH "Folder with OpenBLAS' include/ and libopenblas, from the Maven jar")

if(NOT EXISTS ${GRADUS_OPENBLAS}/include/cblas.h)
  message(FATAL_ERROR "openblas: no include/cblas.h in '${GRADUS_OPENBLAS}'; "
    "run mvn -pl java/core initialize, which unpacks it from the Maven jar to java/core/target/openblas, "
    "or name the folder with -DGRADUS_OPENBLAS=...")
endif()

add_library(gradus_openblas INTERFACE)
target_include_directories(gradus_openblas SYSTEM INTERFACE ${GRADUS_OPENBLAS}/include)
