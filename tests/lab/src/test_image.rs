//! The test image: `probe` alone, packed here as an OCI archive, so that no registry is needed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use kit::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::vm::Arch;

/// The image's name in a pod's specification.
pub const NAME: &str = "kutties.test/probe:1";

/// Pack `probe` (a static program) for `arch` into an OCI archive at `to`.
pub fn pack(probe: &Path, arch: Arch, to: &Path) -> Result<()> {
    let layer = layer(&std::fs::read(probe).on("read", probe)?).doing("pack a layer")?;
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).on("make", folder)?;
    }
    let out = File::create(to).on("make", to)?;
    archive(&layer, arch, out).on("write", to)
}

fn layer(probe: &[u8]) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for (folder, mode) in [("bin/", 0o755), ("tmp/", 0o1777), ("etc/", 0o755)] {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        tar.append_data(&mut header, folder, io::empty())?;
    }
    file(&mut tar, "bin/probe", 0o755, probe)?;
    file(&mut tar, "etc/passwd", 0o644, b"root:x:0:0:root:/:/bin/probe\nprobe:x:1000:1000:probe:/:/bin/probe\n")?;
    file(&mut tar, "etc/group", 0o644, b"root:x:0:\nprobe:x:1000:\n")?;
    let mut node = Header::new_ustar();
    node.set_entry_type(EntryType::Char);
    node.set_mode(0o666);
    node.set_size(0);
    node.set_device_major(1)?;
    node.set_device_minor(11)?;
    tar.append_data(&mut node, "kmsg", io::empty())?;
    tar.into_inner()
}

fn file(tar: &mut Builder<impl Write>, path: &str, mode: u32, data: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_mode(mode);
    header.set_size(data.len() as u64);
    tar.append_data(&mut header, path, data)
}

fn archive(layer: &[u8], arch: Arch, out: impl Write) -> io::Result<()> {
    let architecture = match arch {
        Arch::X86_64 => "amd64",
        Arch::Aarch64 => "arm64",
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": ["/bin/probe"], "Env": ["PATH=/bin"], "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": [digest(layer)] },
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    })
    .to_string();
    let mut named = descriptor("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    named["annotations"] = json!({ "org.opencontainers.image.ref.name": NAME, "io.containerd.image.name": NAME });
    let index = json!({ "schemaVersion": 2, "manifests": [named] }).to_string();
    let mut tar = Builder::new(out);
    file(&mut tar, "oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    file(&mut tar, "index.json", 0o644, index.as_bytes())?;
    for blob in [config.as_bytes(), manifest.as_bytes(), layer] {
        file(&mut tar, &format!("blobs/{}", digest(blob).replace(':', "/")), 0o644, blob)?;
    }
    tar.into_inner()?.flush()
}

fn descriptor(kind: &str, blob: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest(blob), "size": blob.len() })
}

fn digest(blob: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(blob) {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
