//! Room `image`.

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[];
