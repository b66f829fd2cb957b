//! Trees of files to newc archives, the same bytes every time.
//!
//! [`Archive`] is what will be in a segment; [`list`] fills one from a list in `initramfs/lists/`, [`core`] adds the binary and its
//! links. Compression is the caller's.

mod archive;
pub mod core;
pub mod list;
mod newc;

pub use archive::{Archive, Error, Node};
