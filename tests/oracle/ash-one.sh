#!/bin/sh
# Runs one case of BusyBox's ash suite: ash-one.sh SHELL CASE.tests; prints PASS or FAIL and the case.
# The shell's errors name it by its path in the suite's expectations; they are compared as they are.
shell=$1 case=$2
dir=${case%/*} name=${case##*/}
cd "$dir" || exit 1
export THIS_SH="$shell"
out=$(mktemp)
timeout -s KILL "${CASE_TIMEOUT:-30}" setsid "$shell" "./$name" >"$out" 2>&1 </dev/null
if cmp -s "$out" "${name%.tests}.right"; then
    echo "PASS ${case#./}"
else
    echo "FAIL ${case#./}"
    [ -n "$SHOW" ] && diff -u "${name%.tests}.right" "$out"
fi
rm -f "$out"
