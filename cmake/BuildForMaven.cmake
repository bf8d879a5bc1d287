# Configures, builds and installs native/ in one step, for java/core/pom.xml:
#
#   cmake -DSOURCE=native -DBUILD=... -DINSTALL=... -DOPENBLAS=... -DLEVELS="v3;v4" -P cmake/BuildForMaven.cmake
#
# A script rather than three calls in the POM, because it picks the generator and the number of jobs.

find_program(ninja NAMES ninja ninja-build)
if(ninja AND NOT EXISTS ${BUILD}/CMakeCache.txt)  # a build folder keeps the generator it began with
  set(generator -G Ninja)
endif()
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)

execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} ${generator} -DCMAKE_BUILD_TYPE=Release
          "-DGRADUS_LEVELS=${LEVELS}" "-DGRADUS_OPENBLAS=${OPENBLAS}" -DGRADUS_CUDA=OFF
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${CMAKE_COMMAND} --build ${BUILD} --config Release --parallel ${cores}
  COMMAND_ERROR_IS_FATAL ANY)
# A level that is no longer built must not stay behind: Java would open it.
file(GLOB installed ${INSTALL}/*gradus_*)
if(installed)
  file(REMOVE ${installed})
endif()
execute_process(
  COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config Release --prefix ${INSTALL}
  COMMAND_ERROR_IS_FATAL ANY)
