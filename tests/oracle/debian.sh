#!/bin/sh
# Debian's maintainer and init scripts of this machine under two shells: debian.sh SHELL [OTHER]
#
# Each script runs in a throw-away root: an overlay of this machine's in mount, PID and network namespaces, where each program is a stub that writes
# down its name and arguments. Calls (in any order, as parts of a pipeline have none), output and status must be the same with both shells;
# OTHER is dash unless it is said. SHELL must be static. Needs root and cc.
set -eu
here=$(cd "${0%/*}" && pwd)
if [ "${1:-}" != --inside ]; then
    shell=$(readlink -f "${1:?name a shell}") other=$(readlink -f "${2:-/bin/dash}")
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cc -O1 -static -w -o "$work/stub" "$here/stub.c"
    for kind in 'postinst configure 1.0' 'preinst install' 'prerm remove' 'postrm purge'; do
        for file in /var/lib/dpkg/info/*."${kind%% *}"; do echo "$file ${kind#* }"; done
    done >"$work/all"
    for file in /etc/init.d/*; do for what in start stop status; do echo "$file $what"; done; done >>"$work/all"
    while read -r file what; do
        if head -n 1 "$file" 2>/dev/null | grep -q '/\(da\)\?sh'; then echo "$file $what"; fi
    done <"$work/all" >"$work/list"
    for turn in other shell; do
        eval "program=\$$turn"
        unshare --mount --pid --net --fork sh "$0" --inside "$program" "$work" "$work/$turn"
    done
    same=0 differ=0
    for run in "$work"/other/*; do
        if cmp -s "$run" "$work/shell/${run##*/}"; then same=$((same + 1)); else
            differ=$((differ + 1))
            echo "differs: $(head -n 1 "$run")"
            [ -z "${SHOW:-}" ] || diff -u "$run" "$work/shell/${run##*/}" || :
        fi
    done
    echo "debian: $same the same, $differ differ"
    exit 0
fi
program=$2 work=$3 out=$4
mount --make-rprivate /
mkdir -p "$out" "$work/t"
mount -t tmpfs none "$work/t"
cd "$work/t"
mkdir up work root bin
mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root
cp "$work/stub" bin/.stub
for name in $(ls /usr/bin /usr/sbin | sort -u); do
    case $name in sh | dash | bash | *:) ;; *) ln -f bin/.stub "bin/$name" 2>/dev/null || : ;; esac
done
cp "$program" bin/sh
mount --bind bin root/usr/bin
mount --bind bin root/usr/sbin
number=0
while read -r file what; do
    number=$((number + 1))
    : >root/calls
    status=0
    env -i PATH=/usr/sbin:/usr/bin HOME=/root DPKG_MAINTSCRIPT_PACKAGE=pkg DEBIAN_HAS_FRONTEND=1 \
        timeout -s KILL 10 chroot root /usr/bin/sh "$file" $what </dev/null >said 2>/dev/null || status=$?
    { echo "$file $what: $status"; sort root/calls; echo --; cat said; } >"$out/$number"
done <"$work/list"
