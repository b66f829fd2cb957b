#!/bin/sh
# A filter holds in the first process and in execs, for root and others, with and without no_new_privs, and takes nothing
# and gives nothing else; a broken profile refuses the container.
. "$(dirname "$0")/bundle.sh"

NO_MKDIR='"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}'
TRY='mkdir /tmp/x 2>&1; grep -E "^(Seccomp|NoNewPrivs|Cap)" /proc/self/status | tr "\t\n" "  "'

for uid in 0 1000; do
    for nnp in false true; do
        name=user$uid-nnp-$nnp
        USER_JSON="{\"uid\":$uid,\"gid\":$uid}" PROCESS="\"noNewPrivileges\":$nnp" LINUX=$NO_MKDIR \
            make_bundle "$name" "[\"sh\",\"-c\",\"$(echo "$TRY" | sed 's/\\/\\\\/g; s/"/\\"/g'); sleep 1000\"]"
        begin "$name"
        until_there grep -q Seccomp_filters "$WORK/$name/out"
        OUT=$(cat "$WORK/$name/out")
        holds "$name: first process" "$OUT" "Operation not permitted"
        holds "$name: filter is on" "$OUT" "Seccomp: 2"
        holds "$name: no_new_privs" "$OUT" "NoNewPrivs: $([ $nnp = true ] && echo 1 || echo 0)"
        # CAP_SYS_ADMIN is bit 21: the addition must be gone from every set.
        case "$OUT" in *[2367abef]?????" Cap"*) fail "$name: no added capability" "$OUT" ;; *) pass "$name: no added capability" ;; esac
        if [ $uid = 0 ]; then holds "$name: own capabilities" "$OUT" "CapEff: 00000000080004eb"; else holds "$name: own capabilities" "$OUT" "CapEff: 0000000000000000"; fi
        OUT=$($OCI exec "$name" sh -c "$TRY")
        holds "$name: exec" "$OUT" "Operation not permitted"
        holds "$name: exec's user" "$($OCI exec "$name" id -u)" "$uid"
        OUT=$($OCI exec -u 0 "$name" sh -c "$TRY")
        holds "$name: exec as root" "$OUT" "Operation not permitted"
        OUT=$($OCI exec -u 1234 "$name" sh -c "$TRY")
        holds "$name: exec as another" "$OUT" "Seccomp: 2"
        $OCI delete --force "$name"
    done
done

# All capabilities, as a privileged container with a filter has them.
CAPS='"CAP_SYS_ADMIN","CAP_CHOWN"' LINUX=$NO_MKDIR make_bundle admin '["sh","-c","mkdir /tmp/x 2>&1; grep CapEff /proc/self/status"]'
run_it admin
holds "SYS_ADMIN stays where it belongs" "$OUT" "0000000000200001"
# Ambient capabilities survive for a user.
USER_JSON='{"uid":1000,"gid":1000}' CAPS='"CAP_NET_BIND_SERVICE"' AMBIENT='"CAP_NET_BIND_SERVICE"' LINUX=$NO_MKDIR \
    make_bundle ambient '["grep","CapEff","/proc/self/status"]'
run_it ambient
holds "ambient capabilities survive" "$OUT" "0000000000000400"

# Allow-list, errno of the default, a call newer than the profile.
ARGS='"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["kill"],"action":"SCMP_ACT_ERRNO","errnoRet":13,"args":[{"index":1,"value":10,"op":"SCMP_CMP_EQ"}]}]}'
LINUX=$ARGS make_bundle args '["sh","-c","trap : 10 12; kill -12 $$ && echo usr2; kill -10 $$ 2>&1"]'
run_it args
holds "an argument that is allowed" "$OUT" "usr2"
holds "an argument that is not" "$OUT" "ermission denied"
KILLER='"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_KILL_PROCESS"}]}'
LINUX=$KILLER make_bundle killer '["mkdir","/tmp/x"]'
run_it killer
same "a call that kills" 159 "$CODE"

n=0
for broken in '{}' '{"defaultAction":"SCMP_ACT_NONE"}' '{"defaultAction":"SCMP_ACT_NOTIFY"}' \
    '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_Z80"]}' \
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":9999}]}' \
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_ERRNO"}]}' \
    '{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/x"}' '"text"'; do
    n=$((n + 1))
    LINUX="\"seccomp\":$broken" make_bundle broken '["echo","ran"]'
    run_it broken
    case "$CODE/$OUT" in *ran*) fail "broken profile $n" "it ran" ;; 1/*seccomp*) pass "broken profile $n is refused" ;; *) fail "broken profile $n" "$CODE $OUT" ;; esac
done
finish
