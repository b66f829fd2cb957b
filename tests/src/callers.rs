//! Our `oci` under others: podman and containerd of a Debian userland in a machine without Kubernetes run the scripts of
//! `tests/cases/callers`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kit::{Context, Error, Result};

use crate::applet_cases;
use crate::case::{Case, Outcome, X86, ensure};
use crate::world::{Kind, Node, World};

/// The cases: one a script.
pub const CASES: &[Case] = &[
    Case { name: "containerd", boards: X86, run: |world, board| script(world, board, "containerd") },
    Case { name: "podman", boards: X86, run: |world, board| script(world, board, "podman") },
];

/// Where the scripts are in the guest.
const FOLDER: &str = "/tmp/callers";
/// Each call of podman takes two or three seconds under emulation, several times that on a busy machine.
const LIMIT: Duration = Duration::from_mins(30);
fn script(world: &mut World, board: &str, name: &str) -> Outcome {
    let (node, _) = world.node(board, Kind::Callers)?;
    settle(node)?;
    let guest = &node.vm.guest;
    let argv = ["/bin/sh", &format!("{FOLDER}/{name}.sh")];
    let output = guest.exec_within(&argv, b"", LIMIT)?;
    let failed: Vec<&str> = output.stdout.lines().filter(|line| !line.starts_with("PASS")).collect();
    ensure(output.ok() && failed.is_empty(), || {
        format!("it ended with {}:\n{}\n{}", output.code, failed.join("\n"), output.stderr)
    })?;
    if output.stdout.contains("PASS") { Ok(()) } else { Err(Error::new("the script looked at nothing").into()) }
}

/// Bring the scripts, the image and the userland, at the first use.
fn settle(node: &Node) -> Result<()> {
    let guest = &node.vm.guest;
    guest.sh(lab::debian::SETUP)?;
    for file in fs::read_dir(applet_cases::folder().join("callers")).doing("list the scripts")? {
        let path = file.doing("list the scripts")?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        guest.write(&format!("{FOLDER}/{name}"), &read(&path)?, 0o755)?;
    }
    let arch = firmware::board::Board::load("x86_64-qemu").map_err(|e| Error::new(format!("{e:#}")))?.arch;
    let image = firmware::test_image::build(arch).map_err(|e| Error::new(format!("{e:#}")))?;
    guest.write("/debian/tmp/busybox.tar", &read(&image)?, 0o644)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).on("read", path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn every_script_has_its_case() {
        for entry in fs::read_dir(applet_cases::folder().join("callers")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let known = CASES.iter().any(|case| name == format!("{}.sh", case.name));
            assert!(known || name == "score.sh", "{name} has no case");
        }
    }
}
