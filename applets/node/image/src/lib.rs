//! Images: OCI layouts and archives, their layers unpacked safely, and the store that holds them.
//!
//! The store is a directory that `kutties image` and the CRI server both write, one at a time, under one lock file.

mod archive;
mod candidate;
mod cli;
mod compression;
mod configuration;
mod export;
pub mod fuzz;
mod hash;
mod layer;
mod pipe;
mod place;
mod reference;
pub mod registry;
pub mod room;
mod shared;
pub mod step;
mod store;
mod tarball;

pub use cli::IMAGE;
pub use reference::Reference;
pub use store::{Image, Store, Usage};

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[IMAGE];
