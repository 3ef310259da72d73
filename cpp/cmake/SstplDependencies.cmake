# Where Eigen and the BLAS come from. Ends with two targets: sstpl_eigen (headers) and sstpl_blas (the
# backend chosen by SSTPL_BLAS, with the macros that cpp/src/blas.cpp reads).

find_package(Python 3.10 COMPONENTS Interpreter)

# Eigen and OpenBLAS may be wheels in Python's site-packages. They are located, never imported:
# importing scipy_openblas32 loads its library for every other module of the process.
function(sstpl_wheel_dir name result)
  set(${result} "" PARENT_SCOPE)
  if(Python_Interpreter_FOUND)
    execute_process(
      COMMAND "${Python_EXECUTABLE}" -c
              "import sys, pathlib; print(next((str(q) for p in sys.path if p for q in [pathlib.Path(p) / '${name}'] if q.is_dir()), ''))"
      OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    set(${result} "${found}" PARENT_SCOPE)
  endif()
endfunction()

sstpl_wheel_dir("cmeel.prefix" eigen_wheel)
if(eigen_wheel)
  list(APPEND CMAKE_PREFIX_PATH "${eigen_wheel}")
endif()
# Eigen 5 answers to a request for 5 only; both are wanted.
find_package(Eigen3 3.4 CONFIG QUIET)
if(NOT Eigen3_FOUND)
  find_package(Eigen3 5 CONFIG REQUIRED)
endif()
add_library(sstpl_eigen INTERFACE)
target_link_libraries(sstpl_eigen INTERFACE Eigen3::Eigen)
target_compile_definitions(sstpl_eigen INTERFACE EIGEN_MPL2_ONLY)

add_library(sstpl_blas INTERFACE)
if(SSTPL_BLAS STREQUAL "openblas")
  include(BundledOpenBLAS)
elseif(SSTPL_BLAS STREQUAL "system")
  find_package(LAPACK REQUIRED) # brings BLAS
  find_path(SSTPL_CBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas openblas-pthread cblas REQUIRED)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES LAPACK::LAPACK)
  check_cxx_source_compiles("extern \"C\" char* openblas_get_config(); int main() { return openblas_get_config() == nullptr; }"
                            SSTPL_SYSTEM_IS_OPENBLAS)
  unset(CMAKE_REQUIRED_LIBRARIES)
  target_link_libraries(sstpl_blas INTERFACE LAPACK::LAPACK)
  target_include_directories(sstpl_blas INTERFACE "${SSTPL_CBLAS_INCLUDE}")
  target_compile_definitions(sstpl_blas INTERFACE SSTPL_BLAS_SYSTEM)
  if(SSTPL_SYSTEM_IS_OPENBLAS)
    target_compile_definitions(sstpl_blas INTERFACE SSTPL_BLAS_IS_OPENBLAS)
  endif()
elseif(SSTPL_BLAS STREQUAL "eigen")
  target_compile_definitions(sstpl_blas INTERFACE SSTPL_BLAS_EIGEN)
  if(SSTPL_OPENMP)
    find_package(OpenMP REQUIRED COMPONENTS CXX)
    target_link_libraries(sstpl_blas INTERFACE OpenMP::OpenMP_CXX)
  endif()
else()
  message(FATAL_ERROR "SSTPL_BLAS must be openblas, system or eigen, got '${SSTPL_BLAS}'")
endif()
if(SSTPL_OPENMP AND NOT SSTPL_BLAS STREQUAL "eigen")
  message(FATAL_ERROR "SSTPL_OPENMP needs SSTPL_BLAS=eigen: OpenBLAS has threads of its own, got '${SSTPL_BLAS}'")
endif()
