//! The root file system of a container, prepared through descriptors that cannot leave it: an image names its own links, and a
//! path that is joined and followed by the host would lead where the image says (CVE-2026-41579 and those before it).

mod detached;
mod dev;
mod finish;
mod mounts;
mod options;
mod place;

pub use dev::console;
pub use finish::finish;
pub use mounts::prepare;
pub use options::words;
