//! Our `oci` under others: podman and containerd of a Debian userland in a machine without Kubernetes run the scripts of
//! `tests/cases/callers`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kit::{Context, Error, Result};

use crate::applet_cases;
use crate::case::{Case, Outcome, X86};
use crate::script::judge;
use crate::world::{Kind, Node, World};

/// The cases: one a script.
pub const CASES: &[Case] = &[
    Case { name: "containerd", boards: X86, run: |world, board| script(world, board, "containerd") },
    Case { name: "podman", boards: X86, run: |world, board| script(world, board, "podman") },
];

/// Directory of the scripts in the guest.
const DIRECTORY: &str = "/tmp/callers";
/// Each call of podman takes two or three seconds under emulation, several times that on a busy machine.
const LIMIT: Duration = Duration::from_mins(30);
fn script(world: &mut World, board: &str, name: &str) -> Outcome {
    let (node, _) = world.node(board, Kind::Callers)?;
    settle(node)?;
    let guest = &node.vm.guest;
    let argv = ["/bin/sh", &format!("{DIRECTORY}/{name}.sh")];
    let output = guest.exec_within(&argv, b"", LIMIT)?;
    judge(&output)
}

/// Bring the scripts, the image and the userland, at the first use.
fn settle(node: &Node) -> Result<()> {
    let guest = &node.vm.guest;
    guest.sh(lab::debian::SETUP)?;
    for file in fs::read_dir(applet_cases::directory().join("callers")).doing("list the scripts")? {
        let path = file.doing("list the scripts")?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        guest.write(&format!("{DIRECTORY}/{name}"), &read(&path)?, 0o755)?;
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
    use super::*;
    use crate::script::without_case;

    #[test]
    fn every_script_has_its_case() {
        assert_eq!(without_case("callers", CASES, "score.sh"), [""; 0]);
    }
}
