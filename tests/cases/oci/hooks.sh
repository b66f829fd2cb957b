#!/bin/sh
# Hooks: what they are told, where they run, and what follows when one fails.
. "$(dirname "$0")/bundle.sh"

# hook SCRIPT [MEMBERS]: a hook as JSON
hook() { echo "{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"$1\"]${2:+,$2}}"; }

all=
for kind in prestart createRuntime createContainer poststart poststop; do
    all="$all${all:+,}\"$kind\":[$(hook "cat > $WORK/$kind.state; pwd > $WORK/$kind.cwd; env > $WORK/$kind.env" '"timeout":30')]"
done
TOP="\"annotations\":{\"key\":\"value\"},\"hooks\":{$all}" make_bundle told '["true"]'
OUT=$(MARK=ours $OCI run --bundle "$WORK/told" told 2>&1 < /dev/null)
same "a container with all hooks runs" 0 $?
for kind in prestart createRuntime createContainer poststart poststop; do
    state=$(cat "$WORK/$kind.state")
    holds "$kind: bundle" "$state" "\"bundle\":\"$WORK/told\""
    holds "$kind: annotations" "$state" '"key":"value"'
    same "$kind: directory" "$WORK/told" "$(cat "$WORK/$kind.cwd")"
    holds "$kind: environment" "$(cat "$WORK/$kind.env")" MARK=ours
    case $kind in poststart) status=running ;; poststop) status=stopped ;; *) status=creating ;; esac
    holds "$kind: status" "$state" "\"status\":\"$status\""
done
holds "createContainer: its own number" "$(cat "$WORK/createContainer.state")" '"pid":1'
TOP="\"hooks\":{\"createRuntime\":[$(hook "env > $WORK/own" '"env":["ONLY=this"]')]}" make_bundle env '["true"]'
OUT=$(MARK=ours $OCI run --bundle "$WORK/env" env 2>&1 < /dev/null)
holds "an environment of its own" "$(cat "$WORK/own")" ONLY=this
same "and nothing else" 0 "$(grep -c MARK "$WORK/own")"

# A hook that fails before the start: no container, and poststop hooks run.
for kind in prestart createRuntime createContainer; do
    rm -f "$WORK/after"
    TOP="\"hooks\":{\"$kind\":[$(hook 'echo because >&2; exit 3')],\"poststop\":[$(hook "touch $WORK/after")]}" make_bundle fails '["echo","ran"]'
    run_it fails
    same "$kind fails: the create fails" 1 "$CODE"
    holds "$kind fails: it says why" "$OUT" "$kind hook #0: /bin/sh: exit status: 3: because"
    same "$kind fails: nothing is left" "" "$($OCI list -q | grep fails)"
    same "$kind fails: no cgroup is left" no "$([ -e /sys/fs/cgroup/oci-cases/fails ] && echo yes || echo no)"
    same "$kind fails: poststop hooks run" yes "$([ -e "$WORK/after" ] && echo yes)"
done

# A poststart hook that fails stops the container.
TOP="\"hooks\":{\"poststart\":[$(hook 'exit 3')]}" make_bundle late '["sleep","1000"]'
$OCI create --bundle "$WORK/late" --pid-file "$WORK/late/pid" late < /dev/null > /dev/null 2>&1
OUT=$($OCI start late 2>&1)
same "poststart fails: start fails" 1 $?
holds "poststart fails: it says why" "$OUT" "poststart hook #0"
holds "poststart fails: the container is stopped" "$($OCI state late)" '"status": "stopped"'
$OCI delete late
same "poststart fails: delete" 0 $?

# A poststop hook that fails is a warning; the others run and the container is gone.
rm -f "$WORK/after"
TOP="\"hooks\":{\"poststop\":[$(hook 'exit 3'),{\"path\":\"/no/such\"},$(hook "touch $WORK/after")]}" make_bundle gone '["true"]'
$OCI create --bundle "$WORK/gone" gone < /dev/null > /dev/null 2>&1 && $OCI start gone
until_there sh -c "$OCI state gone | grep -q stopped"
OUT=$($OCI delete gone 2>&1)
same "poststop fails: delete" 0 $?
holds "poststop fails: a warning" "$OUT" "poststop hook #0"
same "poststop fails: the others run" yes "$([ -e "$WORK/after" ] && echo yes)"
same "poststop fails: the container is gone" "" "$($OCI list -q | grep gone)"

# A hook that takes too long is killed.
TOP="\"hooks\":{\"createRuntime\":[$(hook "echo \$\$ > $WORK/pid; exec sleep 600" '"timeout":1')]}" make_bundle slow '["echo","ran"]'
run_it slow
same "a late hook: the create fails" 1 "$CODE"
holds "a late hook: it says why" "$OUT" "did not end within 1 s"
same "a late hook is killed" no "$([ -e "/proc/$(cat "$WORK/pid")" ] && echo yes || echo no)"
same "a late hook: nothing is left" "" "$($OCI list -q | grep slow)"
finish
