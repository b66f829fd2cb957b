//! The OCI runtime by runc's command line, in a machine without Kubernetes.

use std::time::Duration;

use lab::guest::Guest;
use lab::until;
use serde_json::{Value, json};

use crate::case::{BOTH, Case, Failure, Outcome, ensure};
use crate::world::World;

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "life-of-a-container", boards: BOTH, run: life },
    Case { name: "broken-seccomp-profile-refuses", boards: BOTH, run: broken_profile },
];

/// The bundle in the guest.
const BUNDLE: &str = "/tmp/bundle";
/// The runtime's words before the verb.
const OCI: &str = "kutties oci --root /tmp/oci";

/// Make a bundle whose process is a shell script run by our own binary, with a change to its configuration.
fn bundle(guest: &Guest, script: &str, change: impl FnOnce(&mut Value)) -> Outcome {
    guest.sh(&format!(
        "rm -rf {BUNDLE} && mkdir -p {BUNDLE}/rootfs/bin {BUNDLE}/rootfs/proc {BUNDLE}/rootfs/dev {BUNDLE}/rootfs/sys {BUNDLE}/rootfs/tmp && \
         cp /bin/kutties {BUNDLE}/rootfs/bin/kutties && ln -s kutties {BUNDLE}/rootfs/bin/sh && ln -s kutties {BUNDLE}/rootfs/bin/sleep && \
         cd {BUNDLE} && {OCI} spec"
    ))?;
    let path = format!("{BUNDLE}/config.json");
    let mut config: Value = serde_json::from_slice(&guest.read(&path)?).map_err(|e| Failure::Failed(format!("oci spec: {e}")))?;
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["/bin/sh", "-c", script]);
    change(&mut config);
    guest.write(&path, config.to_string().as_bytes(), 0o644)?;
    Ok(())
}

fn status(guest: &Guest, id: &str) -> kit::Result<String> {
    let state = guest.sh(&format!("{OCI} state {id}"))?;
    let state: Value = serde_json::from_str(&state).map_err(|e| kit::Error::new(format!("oci state: {e}: {state}")))?;
    Ok(state["status"].as_str().unwrap_or_default().to_owned())
}

fn wait_status(guest: &Guest, id: &str, wanted: &str) -> kit::Result<()> {
    until(Duration::from_secs(30), || match status(guest, id)? {
        now if now == wanted => Ok(()),
        now => Err(kit::Error::new(format!("it is {now}, not {wanted}"))),
    })
}

fn life(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    bundle(guest, "trap 'exit 0' TERM; while :; do sleep 1; done", |_| {})?;
    // The container keeps its creator's output: it must not keep the agent's.
    guest.sh(&format!(
        "{OCI} create --bundle {BUNDLE} --pid-file /tmp/pid one </dev/null >/tmp/out 2>&1 || {{ cat /tmp/out; false; }}"
    ))?;
    wait_status(guest, "one", "created")?;
    guest.sh("kill -0 $(cat /tmp/pid)")?;
    guest.sh(&format!("{OCI} start one"))?;
    wait_status(guest, "one", "running")?;
    let listed = guest.sh(&format!("{OCI} list"))?;
    ensure(listed.contains("one") && listed.contains("running"), || format!("list: {listed}"))?;
    let inside = guest.exec(&["/bin/sh", "-c", &format!("{OCI} exec one /bin/sh -c 'exit 3'")])?;
    ensure(inside.code == 3, || format!("exec: {inside:?}"))?;
    guest.sh(&format!("{OCI} kill one KILL"))?;
    wait_status(guest, "one", "stopped")?;
    guest.sh(&format!("{OCI} delete one"))?;
    let gone = guest.exec(&["/bin/sh", "-c", &format!("{OCI} state one")])?;
    ensure(gone.code != 0 && !gone.stderr.is_empty(), || format!("state after delete: {gone:?}"))
}

fn broken_profile(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    bundle(guest, "touch /tmp/ran", |config| {
        config["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "architectures": ["SCMP_ARCH_NO_SUCH"],
            "syscalls": [{ "names": ["no_such_call"], "action": "SCMP_ACT_NO_SUCH" }],
        });
    })?;
    let output = guest.exec(&["/bin/sh", "-c", &format!("{OCI} run --bundle {BUNDLE} broken </dev/null")])?;
    ensure(output.code != 0 && !output.stderr.is_empty(), || format!("run: {output:?}"))?;
    ensure(!output.stderr.contains("panicked"), || output.stderr.clone())?;
    let ran = guest.exec(&["/bin/sh", "-c", &format!("[ -e {BUNDLE}/rootfs/tmp/ran ]")])?;
    ensure(ran.code != 0, || "the process ran".into())
}
