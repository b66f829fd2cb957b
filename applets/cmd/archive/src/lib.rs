//! Commands that pack, unpack and compress. One file a command.

mod bzip2;
mod codec;
mod cpio;
mod files;
pub mod fuzz;
mod gzip;
mod lines;
mod squeeze;
mod tar;
mod unzip;
mod xz;
mod zstd;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    bzip2::BUNZIP2,
    bzip2::BZCAT,
    bzip2::BZIP2,
    cpio::CPIO,
    gzip::GUNZIP,
    gzip::GZIP,
    xz::LZCAT,
    xz::LZMA,
    tar::TAR,
    gzip::UNCOMPRESS,
    xz::UNLZMA,
    xz::UNXZ,
    unzip::UNZIP,
    zstd::UNZSTD,
    xz::XZ,
    xz::XZCAT,
    gzip::ZCAT,
    zstd::ZSTD,
    zstd::ZSTDCAT,
];
