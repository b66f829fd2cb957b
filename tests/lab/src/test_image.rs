//! The test image: `probe` alone, packed here, so that no registry is needed.

use std::path::Path;

use firmware::board::Arch;
use firmware::oci_image::{self, Image};
use initramfs::{Archive, Node};
use kit::{Context, Error, Result};

/// The image's name in a pod's specification.
pub const NAME: &str = "kutties.test/probe:1";

/// A pod of the image on one node, as YAML. `more` is put into the container.
pub fn pod(name: &str, node: &str, more: &str) -> String {
    pod_of(NAME, name, node, more)
}

/// The same of another image.
pub fn pod_of(image: &str, name: &str, node: &str, more: &str) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  nodeName: {node}\n  terminationGracePeriodSeconds: 5\n  \
         containers:\n  - name: probe\n    image: {image}\n    imagePullPolicy: IfNotPresent\n"
    );
    for line in more.lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Pack `probe`, a static program for `arch`, into an archive at `to`.
pub fn build(probe: &Path, arch: Arch, to: &Path) -> Result<()> {
    let files = files(probe).doing("fill the test image")?;
    let image = Image { name: NAME, arch, entrypoint: &["/bin/probe"], command: &[], environment: &["PATH=/bin"], user: "" };
    let packed = oci_image::pack(&image, &files).map_err(|e| Error::new(format!("{e:#}")))?;
    std::fs::write(to, packed).on("write", to)
}

fn files(probe: &Path) -> Result<Archive, initramfs::Error> {
    let mut files = Archive::new();
    files.copy("/bin/probe", 0o755, probe)?;
    for directory in ["/dev", "/proc", "/sys", "/tmp"] {
        files.directory(directory)?;
    }
    files.file("/etc/passwd", 0o644, "root:x:0:0:root:/:/bin/probe\nprobe:x:1000:1000:probe:/:/bin/probe\n")?;
    files.file("/etc/group", 0o644, "root:x:0:\nprobe:x:1000:\nextra:x:5000:probe\n")?;
    // The kernel's log, open to all by its mode: only the device filter keeps a container from writing there.
    files.put("/kmsg", Node::Device(0o666, 1, 11))?;
    Ok(files)
}
