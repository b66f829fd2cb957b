//! Any set of images as a segment: archives and layouts as they are, others pulled from their registries by the appliance's own client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::board::{Arch, Board};
use crate::{binary, image, run, segment, tools};

/// Packs the images into the segment `to`. `kutties` is the program that pulls, of this machine's processor: built when it is none and there
/// is something to pull. It pulls what runs on that processor.
pub fn pack(images: &[String], kutties: Option<&Path>, to: &Path) -> Result<()> {
    let work = std::env::temp_dir().join(format!("kutties-pack-images-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    let packed = pack_in(&work, images, kutties, to);
    fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))?;
    packed
}

fn pack_in(work: &Path, images: &[String], kutties: Option<&Path>, to: &Path) -> Result<()> {
    let (here, elsewhere): (Vec<&String>, Vec<&String>) = images.iter().partition(|image| Path::new(image).exists());
    let mut paths: Vec<PathBuf> = here.into_iter().map(PathBuf::from).collect();
    if !elsewhere.is_empty() {
        let kutties = kutties.map_or_else(program, |path| Ok(path.to_owned()))?;
        for reference in elsewhere {
            paths.push(pull(&kutties, work, reference)?);
        }
    }
    let sizes = segment::write(&image::images_archive(&paths)?, to)?;
    println!("{} holds {} images: {:.1} MB", to.display(), paths.len(), segment::megabytes(sizes.zstd));
    Ok(())
}

/// The appliance's program for this machine.
fn program() -> Result<PathBuf> {
    let arch: Arch = std::env::consts::ARCH.parse()?;
    binary::build(arch, &tools::ensure(&Board::load(&format!("{arch}-qemu"))?)?)
}

/// An archive of an image out of its registry. Layers that images share come once.
fn pull(kutties: &Path, work: &Path, reference: &str) -> Result<PathBuf> {
    let image = |verb: &str| {
        let mut command = Command::new(kutties);
        command.args(["image", "--root"]).arg(work.join("store")).arg(verb);
        command
    };
    println!("pulling {reference}");
    run::answered(image("pull").args(["--quiet", reference]))?;
    let path = work.join(format!("{}.tar", reference.replace(['/', ':', '@'], "_")));
    run::answered(image("export").arg("--output").arg(&path).arg(reference))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Stands for the program: an export is what the store was told to pull.
    const FAKE: &str = "#!/bin/sh\ncase $4 in\npull) echo \"$6\" >>\"$3\";;\nexport) grep -x \"$7\" \"$3\" >\"$6\";;\nesac\n";

    #[test]
    fn files_are_taken_and_the_rest_is_pulled() {
        let dir = std::env::temp_dir().join(format!("kutties-pack-images-test-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (fake, file, to) = (dir.join("kutties"), dir.join("a.tar"), dir.join("images.cpio.zst"));
        fs::write(&fake, FAKE).unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&file, "an archive").unwrap();
        let images = [file.display().to_string(), "r.example:5000/a/b:1".to_owned()];
        pack(&images, Some(&fake), &to).unwrap();
        let newc = zstd::decode_all(fs::read(&to).unwrap().as_slice()).unwrap();
        let text = String::from_utf8_lossy(&newc);
        for wanted in ["usr/share/kutties/images/a.tar", "an archive", "usr/share/kutties/images/r.example_5000_a_b_1.tar"] {
            assert!(text.contains(wanted), "{wanted}");
        }
        assert!(text.contains("r.example:5000/a/b:1\n"));
        let failing = pack(&["nowhere/image:1".to_owned()], Some(Path::new("/bin/false")), &to).unwrap_err().to_string();
        assert!(failing.contains("false"), "{failing}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
