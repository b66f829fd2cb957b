#!/bin/sh
# A device that no rule allows can't be opened, in the first process and in an exec, for root and others.
. "$(dirname "$0")/bundle.sh"

# refused NAME OUTPUT: nothing was opened, and the filter said so
refused() {
    case "$2" in *OPENED*) fail "$1" "$2" ;; *"not permitted"*) pass "$1 is refused" ;; *) fail "$1" "$2" ;; esac
}

DENY='"devices":[{"allow":false,"access":"rwm"}]'
# 7:0 is /dev/vcs, which opens without any capability; the node is for all, so that only the filter stands before it.
TRY='true < /tmp/vcs && echo OPENED; mknod /tmp/mine-$(id -u) c 7 0 && true < /tmp/mine-$(id -u) && echo OPENED; head -c 1 /dev/zero | wc -c; echo done'
for how in none deny; do
    for uid in 0 1000; do
        if [ $how = deny ]; then rules=$DENY; else rules=; fi
        name=$how$uid
        RESOURCES=$rules USER_JSON="{\"uid\":$uid,\"gid\":0}" make_bundle "$name" "[\"sh\",\"-c\",\"$TRY; sleep 1000\"]"
        mknod "$WORK/$name/rootfs/tmp/vcs" c 7 0
        chmod 666 "$WORK/$name/rootfs/tmp/vcs"
        begin "$name"
        until_there grep -q done "$WORK/$name/out"
        refused "$name: first process" "$(cat "$WORK/$name/out")"
        holds "$name: default devices work" "$(cat "$WORK/$name/out")" "1"
        rm -f "$WORK/$name/rootfs/tmp/mine-$uid"
        refused "$name: exec" "$($OCI exec "$name" sh -c "$TRY" 2>&1)"
        $OCI update --pids-limit 50 "$name"
        rm -f "$WORK/$name/rootfs/tmp/mine-$uid"
        refused "$name: after an update" "$($OCI exec "$name" sh -c "$TRY" 2>&1)"
        $OCI delete --force "$name"
    done
done
RESOURCES='"devices":[{"allow":true,"access":"rwm"}]' make_bundle all '["sh","-c","mknod /tmp/vcs c 7 0; true < /tmp/vcs && echo OPENED"]'
run_it all
holds "all allowed" "$OUT" OPENED
RESOURCES='"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":7,"minor":0,"access":"r"}]' \
    make_bundle one '["sh","-c","mknod /tmp/vcs c 7 0; true < /tmp/vcs && echo OPENED; true 1<> /tmp/vcs || echo refused"]'
run_it one
holds "one allowed to read" "$OUT" OPENED
holds "and not to write" "$OUT" refused
RESOURCES='"devices":[{"allow":true,"type":"z"}]' make_bundle broken '["echo","ran"]'
run_it broken
holds "a broken rule is refused" "$OUT" "device type"
finish
