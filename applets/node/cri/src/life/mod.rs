//! Life cycle of sandboxes and containers, below the RPCs: several of those, and the server's start, need the same steps.
//!
//! Each step looks at what is there and does what is missing, so that it may be repeated after any failure.

pub mod bandwidth;
pub mod container;
pub mod image_volumes;
pub mod log_quota;
pub mod network;
mod overlay;
pub mod recover;
pub mod rootfs;
pub mod sandbox;
pub mod sandbox_dir;
pub mod volumes;
pub mod watch;

/// Settles how long a monitor may take for what it does at once: making a container under emulation takes seconds when all is busy.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);
