//! Commands that pack, unpack and compress. One file a command.

mod gzip;
mod tar;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[gzip::GUNZIP, gzip::GZIP, tar::TAR, gzip::ZCAT];
