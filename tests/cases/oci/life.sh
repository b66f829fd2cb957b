#!/bin/sh
# A container's life: create, start, state, exec, kill, delete, and runc's words where something is wrong.
. "$(dirname "$0")/bundle.sh"

make_bundle life '["sleep","1000"]'
$OCI create --bundle "$WORK/life" --pid-file "$WORK/life/pid" life < /dev/null > /dev/null 2>&1
same "create" 0 $?
holds "state after create" "$($OCI state life)" '"status": "created"'
same "pid file" "$($OCI state life | tr -dc '0-9"pid:\n' | grep '"pid"' | tr -dc 0-9)" "$(cat "$WORK/life/pid")"
holds "a name is taken once" "$($OCI create --bundle "$WORK/life" life 2>&1)" "already exists"
holds "no exec before start" "$($OCI exec life true 2>&1)" "not been started"
$OCI start life
same "start" 0 $?
holds "state after start" "$($OCI state life)" '"status": "running"'
holds "no second start" "$($OCI start life 2>&1)" "already running"
holds "list" "$($OCI list)" "running"
holds "list as JSON" "$($OCI list -f json)" '"id":"life"'
same "list names" life "$($OCI list -q)"
holds "ps" "$($OCI ps life)" "sleep 1000"
same "exec's exit status" 7 "$($OCI exec life sh -c 'exit 7'; echo $?)"
same "exec sees the process" "1" "$($OCI exec life sh -c 'cat /proc/1/cmdline | tr "\0" " " | grep -c sleep')"
same "exec's environment" "there" "$($OCI exec -e HELLO=there life sh -c 'echo $HELLO')"
same "exec's directory" "/tmp" "$($OCI exec --cwd /tmp life sh -c 'pwd')"
same "exec as another user" "1000 1000" "$($OCI exec -u 1000:1000 life sh -c 'echo $(id -u) $(id -g)')"
USER_JSON='{"uid":5,"gid":6,"additionalGids":[7],"umask":63}' make_bundle groups '["sleep","1000"]'
begin groups
who='echo $(id -u) $(id -g) $(sed -n "s/^Groups:[[:space:]]*//p" /proc/self/status) $(umask)'
same "exec keeps group, further groups and mask of the container" "1000 6 7 0077" "$($OCI exec -u 1000 groups sh -c "$who")"
same "exec with a group of its own" "1000 8 7 0077" "$($OCI exec -u 1000:8 groups sh -c "$who")"
same "exec with further groups" "5 6 7 9 0077" "$($OCI exec -g 9 groups sh -c "$who")"
$OCI delete --force groups
holds "exec of nothing" "$($OCI exec life no-such-program 2>&1)" 'exec: "no-such-program": executable file not found in $PATH'
holds "exec of no file" "$($OCI exec life /no/such 2>&1)" 'exec: "/no/such": stat /no/such: no such file or directory'
holds "exec with a terminal" "$($OCI exec -t life sh -c 'test -t 1 && echo terminal')" terminal
holds "exec with a capability more" "$($OCI exec --cap CAP_NET_ADMIN life grep CapEff /proc/self/status)" "00000000080014eb"
holds "exec with no_new_privs" "$($OCI exec --no-new-privs life grep NoNewPrivs /proc/self/status)" 1
echo '{"args":["sh","-c","id -u"],"cwd":"/","env":["PATH=/bin"],"user":{"uid":7,"gid":7}}' > "$WORK/process.json"
same "exec of a process file" 7 "$($OCI exec --process "$WORK/process.json" life)"
$OCI exec -d --pid-file "$WORK/exec.pid" life sleep 500 > /dev/null 2>&1 < /dev/null
holds "detached exec" "$($OCI ps life)" "sleep 500"
same "exec leaves nothing behind" 0 "$(ls /run/kutties/oci/life | grep -c exec-)"
holds "no delete of a running one" "$($OCI delete life 2>&1)" "not stopped"
$OCI pause life
holds "paused" "$($OCI state life)" '"status": "paused"'
holds "no exec in a paused one" "$($OCI exec life true 2>&1)" "paused"
$OCI resume life
holds "resumed" "$($OCI state life)" '"status": "running"'
$OCI update --memory 50000000 --pids-limit 77 life
same "update" "77" "$(cat /sys/fs/cgroup/oci-cases/life/pids.max)"
mkdir -p /sys/fs/cgroup/oci-cases/life/below/deeper
same "cgroups below it" 0 $?
$OCI kill life KILL
same "kill" 0 $?
until_there sh -c "$OCI state life | grep -q stopped"
same "stopped" 0 $?
holds "no kill of a stopped one" "$($OCI kill life 2>&1)" "container not running"
$OCI delete life
same "delete" 0 $?
holds "gone" "$($OCI state life 2>&1)" 'container "life" does not exist'
same "no error with --force" 0 "$($OCI delete --force life; echo $?)"
same "cgroup gone" no "$([ -e /sys/fs/cgroup/oci-cases/life ] && echo yes || echo no)"
same "state gone" no "$([ -e /run/kutties/oci/life ] && echo yes || echo no)"

make_bundle fg '["sh","-c","echo out; exit 3"]'
run_it fg
same "run's exit status" 3 "$CODE"
same "run's output" out "$OUT"
USER_JSON='{"uid":1000,"gid":1000}' make_bundle plain '["sh","-c","echo again > /dev/stdout; umask; grep -E SigIgn /proc/self/status; echo $LAST"]'
sed -i 's|"env":\["|"env":["LAST=first","LAST=second","|' "$WORK/plain/config.json"
# Variables need not be text; a shell that can't hold such bytes goes without.
if (BYTES=$(printf '\377\376')) 2> /dev/null; then BYTES=$(printf '\377\376') && export BYTES; fi
OUT=$($OCI run --bundle "$WORK/plain" plain 2>&1 < /dev/null | cat)
unset BYTES
holds "a user opens its output again" "$OUT" again
holds "umask" "$OUT" 0022
USER_JSON='{"uid":1000,"gid":1000}' make_bundle ignoring '["grep","SigIgn","/proc/self/status"]'
IGNORING=$(trap '' HUP INT TERM USR1; $OCI run --bundle "$WORK/ignoring" ignoring 2>&1 < /dev/null)
holds "nor one that the caller ignores" "$IGNORING" 0000000000000000
holds "no signal is ignored" "$OUT" 0000000000000000
holds "the last of two variables counts" "$OUT" second

TOP="\"hooks\":{\"createRuntime\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat > $WORK/hook\"]}],\"poststop\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat > $WORK/hook-after\"]}]}" \
    make_bundle hooked '["true"]'
run_it hooked
same "a container with hooks runs" 0 "$CODE"
holds "hook at creation" "$(cat "$WORK/hook")" '"id":"hooked"'
holds "hook after the end" "$(cat "$WORK/hook-after")" '"id":"hooked"'

NS='{"type":"mount"}' TOP= make_bundle killed '["sh","-c","kill -9 $$"]'
sed -i 's/"hostname":"box",//' "$WORK/killed/config.json"
run_it killed
same "a killed one's exit status" 137 "$CODE"

make_bundle lost '["no-such-program"]'
LOG=$WORK/log.json
OUT=$($OCI --log "$LOG" --log-format json create --bundle "$WORK/lost" lost 2>&1 < /dev/null)
same "create without a program fails" 1 $?
holds "and says which" "$OUT" 'exec: "no-such-program": executable file not found in $PATH'
holds "in the log too" "$(cat "$LOG")" '"level":"error"'
same "and leaves nothing" 0 "$($OCI list -q | grep -c lost)"
echo "not a program" > "$WORK/lost/rootfs/bin/text"
chmod 755 "$WORK/lost/rootfs/bin/text"
make_bundle lost '["text"]'
$OCI create --bundle "$WORK/lost" lost < /dev/null > /dev/null 2>&1
holds "start tells what exec said" "$($OCI start lost 2>&1)" "exec format error"
$OCI delete --force lost

TERMINAL=true make_bundle term '["sh","-c","test -t 0 && echo terminal; test -c /dev/console && echo console"]'
holds "a terminal needs a socket" "$($OCI create --bundle "$WORK/term" term 2>&1 < /dev/null)" "console socket"
run_it term
holds "run relays a terminal" "$OUT" terminal
holds "features" "$($OCI features)" '"SCMP_ACT_ERRNO"'
finish
