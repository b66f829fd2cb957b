//! Images that come with the initramfs, and archives that are none.

use std::time::Duration;

use lab::test_image;

use crate::case::{Case, Outcome, X86, ensure};
use crate::world::{CORRUPT_IMAGE, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "preloaded-image-is-listed", boards: X86, run: preloaded },
    Case { name: "corrupt-archive-is-named", boards: X86, run: corrupt },
    Case { name: "import-refuses-what-is-no-archive", boards: X86, run: import },
];

/// Importing the test image takes a second under emulation.
const IMPORT: Duration = Duration::from_mins(1);

fn preloaded(world: &mut World, board: &str) -> Outcome {
    // The corrupt archive beside it must not keep it out.
    let guest = &world.bare(board)?.vm.guest;
    let (name, _) = test_image::NAME.split_once(':').unwrap_or_default();
    guest.sh_until(&format!("kutties image list | grep {name}"), IMPORT)?;
    Ok(())
}

fn corrupt(world: &mut World, board: &str) -> Outcome {
    let node = world.bare(board)?;
    let log = format!("{}/cri.log", kit::paths::LOGS);
    node.vm.guest.sh_until(&format!("grep {CORRUPT_IMAGE} {log}"), IMPORT)?;
    let said = node.service_log("cri");
    ensure(!said.contains("panicked"), || said)
}

fn import(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    guest.write("/tmp/garbage.tar", &[0x5a; 4096], 0o644)?;
    let output = guest.exec(&["/bin/kutties", "image", "import", "/tmp/garbage.tar"])?;
    ensure(output.code != 0 && output.stderr.contains("garbage.tar") && !output.stderr.contains("panicked"), || {
        format!("{output:?}")
    })
}
