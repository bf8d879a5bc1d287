# Configures, builds and installs native/ in one step, for java/core/pom.xml:
#
#   cmake -DSOURCE=native -DBUILD=... -DOPENBLAS=... -DLEVELS="v3;v4" -DCUDA=AUTO
#         -DINSTALL=... -DINSTALL_CUDA=... -DMODULE_CUDA=... -P cmake/BuildForMaven.cmake
#
# A script rather than three calls in the POM, because it picks the generator and the number of jobs.

find_program(ninja NAMES ninja ninja-build)
if(ninja AND NOT EXISTS ${BUILD}/CMakeCache.txt)  # a build folder keeps the generator it began with
  set(generator -G Ninja)
endif()
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)

execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} ${generator} -DCMAKE_BUILD_TYPE=Release
          "-DGRADUS_LEVELS=${LEVELS}" "-DGRADUS_OPENBLAS=${OPENBLAS}" -DGRADUS_CUDA=${CUDA}
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
  COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config Release --component cpu --prefix ${INSTALL}
  COMMAND_ERROR_IS_FATAL ANY)

# The CUDA library has a jar of its own. Where it was not built its folder is missing, and so is the jar.
# INSTALL_CUDA holds all of the jar, and beside it lies the source of its module descriptor.
set(platform_cuda ${INSTALL_CUDA}/io/gradus/backend/linux-x86_64-cuda)
file(REMOVE_RECURSE ${INSTALL_CUDA} ${INSTALL_CUDA}-module)
execute_process(
  COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config Release --component cuda --prefix ${platform_cuda}
  COMMAND_ERROR_IS_FATAL ANY)
if(EXISTS ${platform_cuda})
  file(COPY ${SOURCE}/../LICENSE ${SOURCE}/../NOTICE DESTINATION ${INSTALL_CUDA}/META-INF)
  file(COPY ${MODULE_CUDA}/ DESTINATION ${INSTALL_CUDA}-module)
endif()
