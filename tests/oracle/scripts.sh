#!/bin/sh
# Small scripts under two shells: scripts.sh SHELL OTHER TABLE, where TABLE is a file of scripts/ (bash.txt for bash, posix.txt for dash).
# Lines of four dashes separate the scripts. Output and status must be the same.
set -eu
shell=$(readlink -f "${1:?name a shell}") other=${2:?name another} table=$(readlink -f "${3:?name a table}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$shell" "$work/${1##*/}"
cd "$work"
mkdir scripts
awk -v n=1 '/^----$/ { n++; next } { print > ("scripts/" n) }' "$table"
passed=0 failed=0
for script in scripts/*; do
    for turn in ours theirs; do
        [ $turn = ours ] && program=$work/${1##*/} || program=$other
        rm -rf run && mkdir run && cp "$script" run.sh
        status=0
        (cd run && timeout -s KILL 10 "$program" ../run.sh </dev/null >"../$turn" 2>/dev/null) || status=$?
        echo "status $status" >>$turn
    done
    if cmp -s ours theirs; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "differs:" && cat "$script" && { diff theirs ours || :; }
    fi
done
echo "scripts: $passed passed, $failed failed"
