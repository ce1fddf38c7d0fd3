# What `cmake --install` puts where: headers, both libraries, leat.pc, leat-config.cmake.
# SPDX-License-Identifier: MIT
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/leat
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS leat leat_static EXPORT leat-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(leat_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leat)
install(EXPORT leat-targets NAMESPACE leat:: DESTINATION ${leat_cmake_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/leat-config.cmake.in
    ${PROJECT_BINARY_DIR}/leat-config.cmake INSTALL_DESTINATION ${leat_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/leat-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/leat-config.cmake
              ${PROJECT_BINARY_DIR}/leat-config-version.cmake
        DESTINATION ${leat_cmake_dir})

configure_file(${CMAKE_CURRENT_LIST_DIR}/leat.pc.in ${PROJECT_BINARY_DIR}/leat.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/leat.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
