#!/bin/bash
# BusyBox's ash cases against a shell: ash.sh SHELL [SOURCE] [PATTERN]
#
# SHELL is a program or link called sh (its name decides the language). SOURCE is an unpacked source of BusyBox; without
# one Debian's source package is fetched into a directory of its own (it is GPL: it is used, never kept here). Prints the cases that
# fail and a line of figures. Some cases kill what they find, so all run in a PID namespace of their own.
set -u
# What a caller left open would be counted by the cases that look for leaks.
for fd in /proc/$$/fd/*; do
    number=${fd##*/}
    [ "$number" -gt 2 ] && [ "$number" -ne 255 ] && eval "exec $number>&-"
done
here=$(cd "${0%/*}" && pwd)
shell=${1:?name a shell} source=${2:-} pattern=${3:-}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
if [ -z "$source" ]; then
    "$here/source.sh" "$work" || exit 3
    source=$work/source
fi
cp -r "$source/shell/ash_test" "$work/suite" && cd "$work/suite" || exit 3
for tool in printenv recho zecho; do cc -O1 -w -o "$tool" "$tool.c" || exit 3; done
mkdir bin
printf '#!/bin/sh\nexec "$@"\n' >bin/busybox && chmod +x bin/busybox
ln -s "$(readlink -f "$shell")" "bin/${shell##*/}"
PATH=$work/suite:$work/suite/bin:$PATH; export PATH
unset LANG LC_ALL LC_CTYPE
export CONFIG_FEATURE_FANCY_ECHO=y
find . -name '*.tests' | sort | grep -e "$pattern" | while read -r case; do
    [ -f "${case%.tests}.right" ] && echo "$case"
done >cases
space='unshare --user --map-root-user --pid --fork --mount-proc'
$space true 2>/dev/null || space='unshare --pid --fork --mount-proc'
$space true 2>/dev/null || space=
$space sh -c 'while read -r case; do sh "$1/ash-one.sh" "$2" "$case" <&-; done <cases' sh "$here" "$work/suite/bin/${shell##*/}" >results 2>&1
grep -v '^PASS ' results
sed -n 's/^FAIL //p' results | while read -r case; do
    grep -q "^\"$case\"" "$here/ash-known.toml" || echo "not known to fail: $case"
done
echo "ash: $(grep -c '^PASS ' results) passed, $(grep -c '^FAIL ' results) failed"
