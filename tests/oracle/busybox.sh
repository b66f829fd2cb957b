#!/bin/bash
# BusyBox's cases for commands against ours: busybox.sh KUTTIES [SOURCE] [COMMAND...]
#
# SOURCE is an unpacked source of BusyBox; without one (or with an empty word) it is fetched. Without
# COMMANDs each command that has cases there and a link here has its turn. Prints a line of figures
# for each; SHOW=1 prints what differs. The status is 1 when a case fails that busybox-known.toml does
# not hold. DEBIAN=1 runs this machine's programs instead of ours, to see what they fail as well. Some
# cases kill what they find: all run in a PID namespace of their own.
set -u
here=$(cd "${0%/*}" && pwd)
if [ "$1" = --one ]; then
    command=$2
    : >"results/$command"
    if [ -f "$command.tests" ]; then
        timeout -s KILL 300 setsid "./$command.tests" </dev/null >>"results/$command" 2>&1
        [ $? -ne 137 ] || echo "FAIL: too slow" >>"results/$command"
    fi
    for case in "$command"/*; do
        [ -f "$case" ] || continue
        rm -rf scratch && mkdir scratch
        if (cd scratch && d=$tsdir timeout -s KILL 60 setsid sh -x -e "../$case" </dev/null \
            >../../said 2>&1); then
            echo "PASS: ${case##*/}"
        else
            echo "FAIL: ${case##*/}" && [ -n "$VERBOSE" ] && cat ../said
        fi >>"results/$command"
    done
    exit 0
fi
binary=$(readlink -f "${1:?name the binary kutties}") source=${2:-}
shift; shift
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
if [ -z "$source" ]; then
    "$here/source.sh" "$work" || exit 3
    source=$work/source
fi
mkdir "$work/suite" "$work/bin" && cp -r "$source/testsuite" "$work/suite" || exit 3
cd "$work/suite/testsuite" && mkdir results || exit 3
for name in $("$binary" --list); do
    program=$binary
    [ -z "${DEBIAN:-}" ] || program=$(type -P "$name") || continue
    ln -s "$program" "$work/bin/$name"
done
# Cases call it with a command's name, some pack its bytes; of ours alone, some words are crictl's.
{ printf '#!/bin/sh\nexec "$@"\n' && cat "$binary"; } >"$work/bin/busybox"
chmod +x "$work/bin/busybox"
cp "$binary" ../busybox || exit 3
# Cases that bring archives need a program that few machines have, for its base64 form.
cat >"$work/bin/uudecode" <<'UUDECODE' && chmod +x "$work/bin/uudecode"
#!/bin/sh
[ "$1" = -o ] && out=$2
read -r begin mode name
sed '/^====/,$d' | base64 -d >"${out:-$name}"
UUDECODE
# Features are parts of BusyBox's configuration: all of them are on.
features=$(cat -- *.tests | sed -n 's/^optional \([A-Z_0-9 ]*\).*/\1/p' | tr ' ' '\n' | sort -u)
printf 'CONFIG_%s=y\n' $features UNICODE_SUPPORT >../.config
export tsdir=$PWD bindir=$work/suite VERBOSE=${SHOW:-} SKIP='' ECHO=/bin/echo
export OPTIONFLAGS=:$(echo $features | tr ' ' ':'):
export PATH=$work/bin:$PWD:$PATH
unset LANG LC_ALL LC_CTYPE
if [ $# -eq 0 ]; then
    # The shell's cases have a script of their own.
    set -- $(for name in $("$binary" --list | grep -vxE 'ash|sh'); do
        if [ -f "$name.tests" ] || [ -d "$name" ]; then echo "$name"; fi
    done)
fi
space='unshare --mount --pid --fork --mount-proc'
$space true 2>/dev/null || space="unshare --user --map-root-user${space#unshare}"
$space true 2>/dev/null || space=
all=0 good=0 excused=0 status=0
for command; do
    $space bash "$here/busybox.sh" --one "$command"
    passed=$(grep -ac '^PASS: ' "results/$command") failed=$(grep -ac '^FAIL: ' "results/$command")
    before=$excused
    [ -z "$VERBOSE" ] || grep -av '^PASS: \|^SKIPPED: \|^UNTESTED: ' "results/$command"
    tr -d '"\\' <"results/$command" | sed -n 's/^FAIL: //p' >failed
    while read -r case; do
        grep -qF "\"$command: $case\" = " "$here/busybox-known.toml" && excused=$((excused + 1)) && continue
        echo "not known to fail: $command: $case" && status=1
    done <failed
    printf 'busybox: %-10s %3d passed, %d failed, of which %d are known\n' \
        "$command" "$passed" "$failed" $((excused - before))
    sed -n "s/^\"$command: \(.*\)\" = \".*/\1/p" "$here/busybox-known.toml" >known
    while read -r known; do
        grep -aqxF "$known" failed || echo "known to fail, and does not: $command: $known"
    done <known
    all=$((all + passed + failed)) good=$((good + passed))
done
echo "busybox: $good of $all passed, $excused fail and are known"
exit $status
