//! The OCI runtime by runc's command line: the scripts in `tests/cases/oci`, run in a machine without Kubernetes.

use std::fs;
use std::time::Duration;

use kit::Context;
use lab::appliance::Appliance;

use crate::applet_cases;
use crate::case::{BOTH, Case, Outcome, X86};
use crate::script::judge;
use crate::world::World;

/// The cases: one a script.
pub const CASES: &[Case] = &[
    Case { name: "life", boards: BOTH, run: |world, board| script(world, board, "life") },
    Case { name: "seccomp", boards: BOTH, run: |world, board| script(world, board, "seccomp") },
    Case { name: "devices", boards: BOTH, run: |world, board| script(world, board, "devices") },
    Case { name: "limits", boards: BOTH, run: |world, board| script(world, board, "limits") },
    Case { name: "roots", boards: X86, run: |world, board| script(world, board, "roots") },
    Case { name: "hooks", boards: X86, run: |world, board| script(world, board, "hooks") },
    Case { name: "errors", boards: X86, run: |world, board| script(world, board, "errors") },
    Case { name: "escapes", boards: X86, run: |world, board| script(world, board, "escapes") },
    Case { name: "root-walk", boards: BOTH, run: root_walk },
];

/// Directory of the scripts in the guest.
const DIRECTORY: &str = "/tmp/oci";
/// Directory of bundles in the guest.
const WORK: &str = "/tmp/oci-work";
/// A script makes some tens of containers; each takes about a second under emulation.
const LIMIT: Duration = Duration::from_mins(20);

/// Run a script; it prints a line `PASS …` or `FAIL …` for each thing that it looks at.
fn script(world: &mut World, board: &str, name: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    for file in ["bundle", name] {
        let path = applet_cases::directory().join("oci").join(format!("{file}.sh"));
        let text = fs::read(&path).on("read", &path)?;
        guest.write(&format!("{DIRECTORY}/{file}.sh"), &text, 0o755)?;
    }
    // /run, where the scripts work else, takes no device nodes.
    guest.sh(&format!("mkdir -p {WORK} && {{ mountpoint -q {WORK} || mount -t tmpfs -o mode=0755 oci {WORK}; }}"))?;
    let work = format!("WORK={WORK}/{name}");
    let argv = ["/bin/env", "OCI=kutties oci", &work, "sh", &format!("{DIRECTORY}/{name}.sh")];
    let output = guest.exec_within(&argv, b"", LIMIT)?;
    judge(&output)
}

/// A script that needs the test image's program, too.
fn root_walk(world: &mut World, board: &str) -> Outcome {
    let path = Appliance::open(board)?.probe();
    let probe = fs::read(&path).on("read", &path)?;
    world.bare(board)?.vm.guest.write(&format!("{DIRECTORY}/probe"), &probe, 0o755)?;
    script(world, board, "root-walk")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::without_case;

    #[test]
    fn every_script_has_its_case() {
        assert_eq!(without_case("oci", CASES, "bundle.sh"), [""; 0]);
    }
}
