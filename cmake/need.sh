# need.sh - what a build needs and how to get it: sourced by tests/run, perf/run, .ci/run.
# Nothing is installed, and apt is not even asked, when nothing is missing.
# SPDX-License-Identifier: MIT

need_missing=''

step() { printf '== %s\n' "$*"; }

# need_command COMMAND PACKAGE
need_command() {
    command -v "$1" >/dev/null 2>&1 || need_missing="$need_missing $2"
}

# need_pkg PKG-CONFIG-MODULE PACKAGE
need_pkg() {
    if ! command -v pkg-config >/dev/null 2>&1 || ! pkg-config --exists "$1"; then
        need_missing="$need_missing $2"
    fi
}

# need_build CC: a compiler, cmake, and the libraries of the engine.
need_build() {
    case ${1:-cc} in
    clang*) need_command "$1" clang ;;
    cc) command -v cc >/dev/null 2>&1 || need_command gcc gcc ;;
    *) need_command "$1" gcc ;;
    esac
    [ -e /usr/include/stdio.h ] || need_missing="$need_missing libc6-dev"
    need_command cmake cmake
    if ! command -v make >/dev/null 2>&1; then
        need_command ninja ninja-build
    fi
    need_command pkg-config pkg-config
    need_pkg liburcu-bp liburcu-dev
    need_pkg liburcu-cds liburcu-dev
    need_pkg ck libck-dev
}

# need_install: installs what the calls above found missing, or says what it is.
need_install() {
    need_missing=$(printf '%s\n' $need_missing | sort -u | tr '\n' ' ')
    [ -n "${need_missing% }" ] || return 0
    step "missing: $need_missing"
    need_sudo=''
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "There is no apt-get here. Please install these (Debian names): $need_missing" >&2
        exit 2
    fi
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "Neither root nor sudo. Please run, as root:" >&2
            echo "    apt-get install $need_missing" >&2
            exit 2
        fi
        need_sudo=sudo
    fi
    step "apt-get install $need_missing"
    need_apt="$need_sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120"
    if ! $need_apt -q update || ! $need_apt -q -y install $need_missing; then
        echo "apt-get failed. Please install these by hand: $need_missing" >&2
        exit 2
    fi
}

need_generator() {
    if command -v ninja >/dev/null 2>&1; then echo Ninja; else echo 'Unix Makefiles'; fi
}

# need_quiet LOG COMMAND...: output only when it fails.
need_quiet() {
    need_log=$1
    shift
    mkdir -p "$(dirname "$need_log")"
    if ! "$@" >"$need_log" 2>&1; then
        cat "$need_log"
        echo "failed: $*" >&2
        exit 1
    fi
}

# need_foreign ARCH DIR PACKAGE...: packages of another machine, unpacked under DIR. The
# system is left as it is: some of them cannot be installed beside its own.
need_foreign() {
    need_arch=$1 need_dir=$2
    shift 2
    [ "$(cat "$need_dir/.have" 2>/dev/null)" != "$*" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "There is no apt-get here. Please unpack these ($need_arch) in $need_dir: $*" >&2
        exit 2
    fi
    step "apt-get download, for $need_arch: $*"
    rm -rf "$need_dir"
    mkdir -p "$need_dir/apt/lists/partial" "$need_dir/apt/archives/partial"
    if ! (
        cd "$need_dir/apt"
        need_apt="apt-get -q -o APT::Architecture=$need_arch -o APT::Architectures=$need_arch
            -o Dir::State=$PWD -o Dir::State::status=/dev/null -o Dir::Cache=$PWD
            -o APT::Sandbox::User="
        $need_apt update && $need_apt download "$@" || exit 1
        for deb in *.deb; do
            dpkg-deb -x "$deb" "$need_dir" || exit 1
        done
    ) >"$need_dir.log" 2>&1; then
        cat "$need_dir.log" >&2
        echo "Not to be had. Please unpack these ($need_arch) in $need_dir: $*" >&2
        exit 2
    fi
    rm -rf "$need_dir/apt"
    echo "$*" >"$need_dir/.have"
}

# need_aarch64 DIR: a compiler for aarch64, who runs what it makes, and the libraries.
need_aarch64() {
    if [ "$(uname -m)" = aarch64 ]; then
        echo "This is an aarch64 machine: run without --arm." >&2
        exit 2
    fi
    need_command aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    command -v qemu-aarch64-static >/dev/null 2>&1 || need_command qemu-aarch64 qemu-user
    need_install
    need_foreign arm64 "$1" liburcu8 liburcu-dev libck0 libck-dev libcmocka0 libcmocka-dev
}
