#!/bin/sh
# A container with CAP_SYS_ADMIN and CAP_SYS_CHROOT unmounts "/" and enters its mount namespace again: it lands on what lies at the
# top of the tree of mounts. On a node that must be an empty directory, and stay one.
. "$(dirname "$0")/bundle.sh"

# walk NAME CAPS: a container that goes there; OUT and CODE tell what came
walk() {
    CAPS="$DEFAULT_CAPS$2" make_bundle "$1" '["/bin/probe","below"]'
    cp "$(dirname "$0")/probe" "$WORK/$1/rootfs/bin/probe"
    run_it "$1"
}

walk both ',"CAP_SYS_ADMIN","CAP_SYS_CHROOT"'
same "nothing lies below the root" "entries: " "$(echo "$OUT" | head -n 1)"
holds "its mount can be made writable" "$OUT" "mount writable: done"
holds "nothing can be made there even so" "$OUT" "create: EPERM"
same "nothing was made" 0 "$CODE"

# With every capability but the one that takes an immutable flag away.
walk most ',"CAP_SYS_ADMIN","CAP_SYS_CHROOT","CAP_DAC_READ_SEARCH","CAP_SYS_RAWIO","CAP_SYS_RESOURCE","CAP_SYS_PTRACE","CAP_SETFCAP"'
same "more capabilities don't help" 0 "$CODE"

# Without them there is no such way.
walk chroot ',"CAP_SYS_CHROOT"'
holds "without CAP_SYS_ADMIN" "$OUT" "not permitted"
walk admin ',"CAP_SYS_ADMIN"'
holds "without CAP_SYS_CHROOT" "$OUT" "not permitted"

finish
