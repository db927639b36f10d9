#!/bin/sh
# `make test-install`: a staged `make install`, used as a stranger would: cc and c++ with
# pkg-config, CMake's find_package and FetchContent, Meson, each in C and C++. `make uninstall`
# takes away what it put there and nothing else. Ends with "N passed, N failed".
#
# Debian packages: cmake meson pkg-config g++ git. What is absent is skipped, which in CI
# (CI=true) is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$PWD/build/install
stage=$out/stage
prefix=/opt/lstm
rm -rf "$out"
mkdir -p "$out"
unset MAKEFLAGS MFLAGS PREFIX DESTDIR
passed=0
failed=0

ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}
have() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || bad "$1 is missing"
    return 1
}
# check WHAT COMMAND... - passes when the command does
check() {
    what=$1
    shift
    if "$@" >"$out/log" 2>&1; then ok; else
        bad "$what"
        tail -n 20 "$out/log"
    fi
}
# refuses WHAT COMMAND... - passes when the command fails
refuses() {
    what=$1
    shift
    if "$@" >"$out/log" 2>&1; then bad "accepted: $what"; else ok; fi
}

version=$(printf '#include "lstm.h"\nLSTM_VERSION_MAJOR.LSTM_VERSION_MINOR.LSTM_VERSION_PATCH\n' |
    cc -E -P -Iinclude - | tail -n 1 | tr -d ' ')
case $version in
[0-9]*.[0-9]*.[0-9]*) ok ;;
*) bad "the header's version: $version" ;;
esac
says() { [ "$("$1")" = "lstm.h $version: h = 0.162735" ]; } # PROGRAM

# --- the files --------------------------------------------------------------------------
mkdir -p "$stage$prefix/include"
echo "somebody else's" >"$stage$prefix/include/other.h"
check "make install" make -s install PREFIX=$prefix DESTDIR="$stage"
for header in include/*.h; do
    check "$header as it is in the tree" cmp "$header" "$stage$prefix/$header"
done
(cd "$stage$prefix" && find . -type f | LC_ALL=C sort) >"$out/files.txt"
{
    printf './%s\n' include/*.h include/other.h share/cmake/lstm/lstm-config-version.cmake \
        share/cmake/lstm/lstm-config.cmake share/pkgconfig/lstm.pc
} | LC_ALL=C sort >"$out/wanted.txt"
check "the files that are installed" diff "$out/wanted.txt" "$out/files.txt"
check "no @ is left" sh -c "! grep -r '@[A-Z]*@' '$stage'"
check "readable by all" sh -c "[ -z \"\$(find '$stage' -type f ! -perm -444)\" ]"

# --- pkg-config -------------------------------------------------------------------------
pc() { PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_PATH=$stage$prefix/share/pkgconfig pkg-config "$@"; }
if have pkg-config; then
    check "pkg-config's version" [ "$(pc --modversion lstm)" = "$version" ]
    check "pkg-config's flags" [ "$(pc --cflags --libs lstm | xargs)" = "-I$stage$prefix/include" ]
    # shellcheck disable=SC2046
    check "cc with pkg-config" cc -std=c99 $(pc --cflags lstm) examples/cmake/hello.c -o "$out/pc_c"
    check "what it prints" says "$out/pc_c"
    if have c++; then
        # shellcheck disable=SC2046
        check "c++ with pkg-config" c++ -std=c++11 $(pc --cflags lstm) examples/cmake/hello.cc \
            -o "$out/pc_cxx"
        check "what it prints" says "$out/pc_cxx"
    fi
fi

# --- CMake ------------------------------------------------------------------------------
asks() { # REQUEST - a project that asks for this version
    rm -rf "$out/asks"
    mkdir -p "$out/asks"
    printf 'cmake_minimum_required(VERSION 3.15)\nproject(p NONE)\nfind_package(lstm %s REQUIRED)\n' \
        "$1" >"$out/asks/CMakeLists.txt"
    cmake -S "$out/asks" -B "$out/asks/build" -DCMAKE_PREFIX_PATH="$stage$prefix"
}
builds() { # NAME CMAKE-OPTION... - of examples/cmake/NAME
    name=$1
    shift
    check "cmake: $name" cmake -S "examples/cmake/$name" -B "$out/$name" "$@"
    check "cmake --build: $name" cmake --build "$out/$name"
    check "$name in C" says "$out/$name/in_c"
    check "$name in C++" says "$out/$name/in_cxx"
}
if have cmake; then
    builds find_package -DCMAKE_PREFIX_PATH="$stage$prefix"
    major=${version%%.*}
    series=${version%.*}
    minor=${series#*.}
    patch=${version##*.}
    check "this version" asks "$version"
    check "this version and no other" asks "$version EXACT"
    check "this series" asks "$series"
    refuses "the next patch" asks "$series.$((patch + 1))"
    refuses "the next minor version" asks "$major.$((minor + 1))"
    refuses "the next major version" asks "$((major + 1)).0"
    if [ "$major" -eq 0 ]; then
        refuses "the minor version before" asks "0.$((minor - 1))"
    fi
    # a clone of the tree as it is, with a commit of its own
    if have git; then
        mkdir "$out/clone"
        tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$out/clone"
        git -C "$out/clone" init -q -b main
        git -C "$out/clone" add -A
        git -C "$out/clone" -c user.name=test -c user.email=test@example.org commit -qm tree
        builds fetch_content -DLSTM_REPOSITORY="file://$out/clone" -DLSTM_TAG=main
    fi
fi

# --- Meson ------------------------------------------------------------------------------
meson_setup() {
    PKG_CONFIG_SYSROOT_DIR=$stage meson setup "$out/meson" examples/meson \
        --pkg-config-path "$stage$prefix/share/pkgconfig"
}
if have meson; then
    check "meson setup" meson_setup
    check "ninja" ninja -C "$out/meson"
    check "Meson in C" says "$out/meson/in_c"
    check "Meson in C++" says "$out/meson/in_cxx"
fi

# --- uninstall --------------------------------------------------------------------------
check "make uninstall" make -s uninstall PREFIX=$prefix DESTDIR="$stage"
check "only what is somebody else's is left" \
    [ "$(find "$stage" -type f)" = "$stage$prefix/include/other.h" ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
