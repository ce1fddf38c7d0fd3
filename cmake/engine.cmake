# The library: every engine/<layer>/*.c and the context switch that fits the machine.
# SPDX-License-Identifier: MIT
find_package(PkgConfig REQUIRED)
pkg_check_modules(URCU REQUIRED liburcu-bp liburcu-cds)
pkg_check_modules(CK REQUIRED ck)
find_package(Threads REQUIRED)

file(GLOB leat_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/engine/*/*.c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    set(leat_arch x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(leat_arch aarch64)
else()
    set(leat_arch none) # engine/arch/ctx.h takes the portable way by itself
endif()
set(leat_definitions "")
if(LEAT_UCONTEXT)
    list(APPEND leat_definitions LEATI_UCONTEXT)
else()
    file(GLOB leat_assembly CONFIGURE_DEPENDS
         ${PROJECT_SOURCE_DIR}/engine/arch/*_${leat_arch}.S)
    list(APPEND leat_sources ${leat_assembly})
endif()
if(LEAT_DEBUG)
    list(APPEND leat_definitions LEATI_DEBUG)
endif()
if(LEAT_COUNT_RMW)
    list(APPEND leat_definitions LEATI_COUNT_RMW)
endif()

# One set of position-independent objects serves both libraries: all but the API is
# hidden, so code and thread-locals are reached directly (initial-exec, which the linker
# turns into local-exec in a static link).
function(leat_compile target)
    target_include_directories(${target}
        PRIVATE ${PROJECT_SOURCE_DIR}/engine
        PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_include_directories(${target} SYSTEM PRIVATE
        ${URCU_INCLUDE_DIRS} ${CK_INCLUDE_DIRS})
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE ${leat_definitions})
    target_compile_options(${target} PRIVATE
        $<$<COMPILE_LANGUAGE:C>:-fno-semantic-interposition -ftls-model=initial-exec>)
    set_target_properties(${target} PROPERTIES
        POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    target_link_libraries(${target} PRIVATE
        $<BUILD_INTERFACE:leat_flags> $<BUILD_INTERFACE:leat_strict>)
endfunction()

set(leat_libraries ${URCU_LIBRARIES} ${CK_LIBRARIES} Threads::Threads)

add_library(leat_objects OBJECT ${leat_sources})
leat_compile(leat_objects)

add_library(leat SHARED $<TARGET_OBJECTS:leat_objects>)
add_library(leat_static STATIC $<TARGET_OBJECTS:leat_objects>)
set_target_properties(leat PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C)
set_target_properties(leat_static PROPERTIES
    OUTPUT_NAME leat EXPORT_NAME leat-static LINKER_LANGUAGE C)
target_link_options(leat PRIVATE -Wl,-Bsymbolic-functions)
if(NOT LEAT_SAN)
    target_link_options(leat PRIVATE -Wl,-z,defs)
endif()
foreach(target leat leat_static)
    target_include_directories(${target} PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_directories(${target} PRIVATE ${URCU_LIBRARY_DIRS} ${CK_LIBRARY_DIRS})
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:leat_flags> ${leat_libraries})
endforeach()
add_library(leat::leat ALIAS leat)
add_library(leat::leat-static ALIAS leat_static)

# leat_internal: the static library for those who look inside (tests, bench). With a
# further name: the same engine compiled with other definitions, leat_internal_<name>.
function(leat_internal name)
    if(name STREQUAL "")
        set(target leat_internal)
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE leat_static leat_flags)
        set(scope INTERFACE)
    else()
        set(target leat_internal_${name})
        add_library(${target} STATIC EXCLUDE_FROM_ALL ${leat_sources})
        leat_compile(${target})
        target_link_libraries(${target} PUBLIC leat_flags ${leat_libraries})
        set(scope PUBLIC)
        target_compile_definitions(${target} PUBLIC ${ARGN})
    endif()
    target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR}/engine)
    target_include_directories(${target} SYSTEM ${scope}
        ${URCU_INCLUDE_DIRS} ${CK_INCLUDE_DIRS})
    target_compile_definitions(${target} ${scope} _GNU_SOURCE ${leat_definitions})
endfunction()
leat_internal("")
