#!/bin/sh
# A device that no rule allows can't be opened, in the first process and in an exec, for root and others.
. "$(dirname "$0")/bundle.sh"

DENY='"devices":[{"allow":false,"access":"rwm"}]'
# 1:11 is /dev/kmsg, which any guest has; the node is readable by all, so that only the filter stands before it.
TRY='mknod /tmp/kmsg-$(id -u) c 1 11; chmod 666 /tmp/kmsg* 2>/dev/null; head -c 1 /tmp/kmsg-0 > /dev/null && echo open; head -c 1 /dev/zero | wc -c; echo done'
for how in none deny; do
    for uid in 0 1000; do
        if [ $how = deny ]; then rules=$DENY; else rules=; fi
        RESOURCES=$rules USER_JSON="{\"uid\":$uid,\"gid\":0}" make_bundle "$how$uid" '["sleep","1000"]'
        cp -a /dev/kmsg "$WORK/$how$uid/rootfs/tmp/kmsg-0" 2>/dev/null || mknod "$WORK/$how$uid/rootfs/tmp/kmsg-0" c 1 11
        chmod 666 "$WORK/$how$uid/rootfs/tmp/kmsg-0"
        sed -i "s|\"args\":\\[\"sleep\",\"1000\"\\]|\"args\":[\"sh\",\"-c\",\"head -c 1 /tmp/kmsg-0 >/dev/null \&\& echo open; head -c 1 /dev/zero \| wc -c; echo done; sleep 1000\"]|" "$WORK/$how$uid/config.json"
        begin "$how$uid"
        until_there grep -q done "$WORK/$how$uid/out"
        OUT=$(cat "$WORK/$how$uid/out")
        case "$OUT" in *open*) fail "$how$uid: first process" "$OUT" ;; *"not permitted"*) pass "$how$uid: first process is refused" ;; *) fail "$how$uid: first process" "$OUT" ;; esac
        holds "$how$uid: default devices work" "$OUT" "1"
        OUT=$($OCI exec "$how$uid" sh -c "$TRY" 2>&1)
        case "$OUT" in *open*) fail "$how$uid: exec" "$OUT" ;; *"not permitted"*) pass "$how$uid: exec is refused" ;; *) fail "$how$uid: exec" "$OUT" ;; esac
        $OCI update --pids-limit 50 "$how$uid"
        case "$($OCI exec "$how$uid" sh -c "$TRY" 2>&1)" in *open*) fail "$how$uid: after an update" open ;; *) pass "$how$uid: still refused after an update" ;; esac
        $OCI delete --force "$how$uid"
    done
done
RESOURCES='"devices":[{"allow":true,"access":"rwm"}]' make_bundle all '["sh","-c","mknod /tmp/kmsg c 1 11; head -c 1 /tmp/kmsg > /dev/null && echo open"]'
run_it all
holds "all allowed" "$OUT" open
RESOURCES='"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"minor":11,"access":"r"}]' \
    make_bundle one '["sh","-c","mknod /tmp/kmsg c 1 11; head -c 1 /tmp/kmsg > /dev/null && echo open; echo x > /tmp/kmsg || echo refused"]'
run_it one
holds "one allowed to read" "$OUT" open
holds "and not to write" "$OUT" refused
RESOURCES='"devices":[{"allow":true,"type":"z"}]' make_bundle broken '["echo","ran"]'
run_it broken
holds "a broken rule is refused" "$OUT" "device type"
finish
