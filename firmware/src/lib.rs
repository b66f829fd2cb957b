//! Builds what boots: the binary, the kernel, the initramfs segments. Each file here is one part or one kind of image.
//!
//! The way in for others (the lab, tests, benchmarks): [`board::Board::load`], then [`image::build`].
#![expect(clippy::print_stdout, reason = "a builder shows a person its progress")]

pub mod apt;
pub mod binary;
pub mod bios;
pub mod board;
pub mod bundle;
pub mod control_plane;
pub mod disk;
pub mod elf;
pub mod fit;
pub mod image;
pub mod iso;
pub mod kernel;
pub mod kind;
pub mod kinds;
pub mod kube;
pub mod manifest;
pub mod modules;
pub mod netboot;
pub mod netfilter;
pub mod notes;
pub mod oci_image;
pub mod outputs;
pub mod pack_images;
pub mod packed;
pub mod pause;
pub mod payload;
pub mod place;
pub mod qcow2;
pub mod release;
pub mod rom;
pub mod run;
pub mod rust_std;
pub mod sbom;
pub mod sdcard;
pub mod segment;
pub mod sign;
pub mod sizes;
pub mod small;
pub mod squash;
pub mod sum;
pub mod symbols;
pub mod test_image;
pub mod tools;
pub mod treemap;
pub mod uki;
pub mod version;
