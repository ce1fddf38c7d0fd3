# Warnings and sanitizers. leat_flags: for everything we compile; leat_strict: for the
# engine, on top. SPDX-License-Identifier: MIT
add_library(leat_flags INTERFACE)
target_compile_options(leat_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C,CXX>:-Wall -Wextra -Wshadow -Wundef -Wpointer-arith
                                -Wwrite-strings>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>)
if(LEAT_WERROR)
    target_compile_options(leat_flags INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-Werror>)
endif()

add_library(leat_strict INTERFACE)
target_compile_options(leat_strict INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wconversion -Wno-sign-conversion -Wvla>)

# The flags reach the executables of tests, bench and perf too, through leat_flags.
if(LEAT_SAN)
    string(REPLACE ";" "," leat_san_list "${LEAT_SAN}")
    target_compile_options(leat_flags INTERFACE
        -fsanitize=${leat_san_list} -fno-omit-frame-pointer)
    target_link_options(leat_flags INTERFACE -fsanitize=${leat_san_list})
    if("undefined" IN_LIST LEAT_SAN)
        target_compile_options(leat_flags INTERFACE
            $<$<COMPILE_LANGUAGE:C,CXX>:-fno-sanitize-recover=undefined>)
    endif()
    if("thread" IN_LIST LEAT_SAN AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # gcc says that TSan does not model fences; those of ours are seq_cst RMWs.
        target_compile_options(leat_flags INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-Wno-tsan>)
    endif()
endif()
