# Builds for aarch64 on another machine and runs what it built through qemu's user mode.
# LEAT_AARCH64_ROOT: where the libraries are unpacked (need_aarch64 in need.sh).
# SPDX-License-Identifier: MIT
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LEAT_AARCH64_ROOT)

set(aarch64_lib ${LEAT_AARCH64_ROOT}/usr/lib/aarch64-linux-gnu)
set(aarch64_include ${LEAT_AARCH64_ROOT}/usr/include)
string(CONCAT CMAKE_C_FLAGS_INIT
    "-isystem ${aarch64_include}/aarch64-linux-gnu -isystem ${aarch64_include}")
string(CONCAT link_flags "-L${aarch64_lib} -Wl,-rpath,${aarch64_lib}")
set(CMAKE_EXE_LINKER_FLAGS_INIT ${link_flags})
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${link_flags})

set(CMAKE_FIND_ROOT_PATH ${LEAT_AARCH64_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${aarch64_lib}/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${LEAT_AARCH64_ROOT})

find_program(LEAT_QEMU NAMES qemu-aarch64-static qemu-aarch64 REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR ${LEAT_QEMU};-L;/usr/aarch64-linux-gnu)
