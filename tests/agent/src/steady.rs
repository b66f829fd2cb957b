//! Has the kernel patch the branches of its scheduler once, while nothing happens: the first limit of processor time in any cgroup
//! switches them all over, and the last that goes switches them back. QEMU 7.2's TCG now and then executes the breakpoint that stands
//! there meanwhile, of which the guest dies, when another processor is busy.

use std::fs;
use std::path::Path;

/// A cgroup that nobody is ever in.
const CGROUP: &str = "/sys/fs/cgroup/test-steady";

/// Keep one limit from now on. Without cgroups nobody else can set one either.
pub fn hold() {
    let _ = fs::create_dir(CGROUP);
    let _ = fs::write(Path::new(CGROUP).join("cpu.max"), "100000 100000");
}
