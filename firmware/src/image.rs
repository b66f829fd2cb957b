//! A board's outputs: `out/BOARD/` with the binary, the kernel, the segments and the manifest.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use initramfs::Archive;

use crate::apt::{Package, Suite};
use crate::board::Board;
use crate::kernel::Kernel;
use crate::kind::Given;
use crate::kube::{self, Bundle};
use crate::manifest::{Boot, Manifest, Output, Part, parts};
use crate::outputs::Outputs;
use crate::segment::{self, Sizes};
use crate::sign::Key;
use crate::{binary, kinds, modules, place, rust_std, sbom, tools, version};

pub use crate::kube::Kube;

/// Options beside the parts that each board has.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The Kubernetes bundle.
    pub kube: Kube,
    /// Image archives (docker or OCI, tar) or OCI layout directories that go along; none makes no segment.
    pub images: Vec<PathBuf>,
    /// The key that signs the manifest; its public key goes into the core.
    pub sign: Option<PathBuf>,
    /// Make the images that the board names, too.
    pub whole: bool,
    /// A directory with a board's own firmware files, which may not be shipped.
    pub firmware: Option<PathBuf>,
}

/// Directory of images on a node; `kit::paths::IMAGES_GIVEN` says the same to the applets.
pub(crate) const IMAGES: &str = "/usr/share/kutties/images";
/// File in which programs in Go and others look for certificate authorities first.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The keys whose updates a node takes; `kit::paths::TRUST` says the same to the applets.
const TRUST: &str = "/etc/kutties/update.pub";

/// Build all that did not stay the same since the last time.
pub fn build(board: &Board, options: &Options) -> Result<Outputs> {
    let key = options.sign.as_deref().map(Key::read).transpose()?;
    let tools = tools::ensure(board)?;
    let version = version::text();
    let dir = board.out()?;
    let mut work = Work { dir: dir.clone(), files: Vec::new(), packages: Vec::new() };
    let kernel = Kernel::fetch(board)?;
    let vmlinuz = work.copy(&kernel.vmlinuz, "vmlinuz")?;
    work.packages.push(kernel.package.clone());
    let modules = work.segment("modules", &modules::build(board, &kernel)?)?;
    let bundle = kube::build(options.kube, board)?;
    let kube = match &bundle {
        Some(bundle) => Some(work.kube(options.kube, bundle)?),
        None => None,
    };
    let images = match options.images.as_slice() {
        [] => None,
        images => Some(work.segment("images", &images_archive(images)?)?),
    };
    let kutties = work.program(&binary::build(board.arch, &tools)?, &version)?;
    let core = work.core(board, &kutties, key.as_ref())?;
    let manifest = dir.join("manifest.json");
    let outputs = Outputs { dir, kutties, vmlinuz, core, modules, kube, images, manifest };
    if options.whole {
        let trees = kernel.trees();
        let given = Given { release: &kernel.release, trees: trees.as_deref(), firmware: options.firmware.as_deref() };
        // Parts of an image; the binary is in the core.
        let parts: Vec<Part> = work.files.iter().filter(|file| file.name != "kutties").map(Output::as_part).collect();
        for image in kinds::build(board, &outputs, given)? {
            let parts = if image.holds_all(&outputs.dir, &parts) { parts.clone() } else { Vec::new() };
            work.files.push(Output::of(&outputs.dir, &image.path, None, parts)?);
        }
    }
    let mut manifest = Manifest {
        version,
        board: board.name.clone(),
        arch: board.arch,
        profile: binary::profile(),
        source_date_epoch: segment::epoch()?,
        rustc: rust_std::rustc_version()?,
        zig: tools.zig_version,
        kernel_release: kernel.release,
        packages: work.packages,
        files: work.files,
        boot: Boot { kernel: name(&outputs.vmlinuz), segments: outputs.segments().into_iter().map(name).collect() },
    };
    let bill = outputs.dir.join(sbom::NAME);
    segment::replace(&bill, sbom::text(&manifest, &bundle.map(|bundle| bundle.programs).unwrap_or_default())?.as_bytes())?;
    manifest.files.push(Output::of(&outputs.dir, &bill, None, Vec::new())?);
    manifest.write(&outputs.manifest)?;
    if let Some(key) = key {
        key.sign_file(&outputs.manifest)?;
    }
    Ok(outputs)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Build the segment of one bundle alone, `out/BOARD/kube-VARIANT.cpio.zst`: `control-plane`, or one that a release does not have.
pub fn kube_segment(board: &Board, variant: &str) -> Result<PathBuf> {
    let path = board.out()?.join(format!("kube-{variant}.cpio.zst"));
    let bundle = match variant.parse::<Kube>() {
        Ok(kube) => kube::build(kube, board)?.with_context(|| format!("build a segment of the bundle {variant}"))?,
        Err(_) => kube::bundle(variant, board)?,
    };
    segment::write(&bundle.archive, &path)?;
    Ok(path)
}

/// The outputs in the making.
struct Work {
    dir: PathBuf,
    files: Vec<Output>,
    packages: Vec<Package>,
}

impl Work {
    fn segment(&mut self, name: &str, archive: &Archive) -> Result<PathBuf> {
        let path = self.dir.join(format!("{name}.cpio.zst"));
        let sizes: Sizes = segment::write(archive, &path)?;
        self.files.push(Output::of(&self.dir, &path, Some(&sizes), parts(archive))?);
        Ok(path)
    }

    fn kube(&mut self, kube: Kube, bundle: &Bundle) -> Result<PathBuf> {
        let path = self.segment(&format!("kube-{kube}"), &bundle.archive)?;
        if let Some(output) = self.files.last_mut() {
            output.content.clone_from(&bundle.content);
        }
        self.packages.extend(bundle.packages.iter().cloned());
        Ok(path)
    }

    /// The binary, with the version written into it.
    fn program(&mut self, from: &Path, version: &str) -> Result<PathBuf> {
        let mut bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
        version::write(&mut bytes, version).with_context(|| format!("write the version into {}", from.display()))?;
        self.put(from, "kutties", &bytes)
    }

    fn copy(&mut self, from: &Path, name: &str) -> Result<PathBuf> {
        let bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
        self.put(from, name, &bytes)
    }

    /// A file with the mode of `from`, written where it differs.
    fn put(&mut self, from: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.dir.join(name);
        if fs::read(&path).ok().as_deref() != Some(bytes) {
            segment::replace(&path, bytes)?;
            fs::set_permissions(&path, fs::metadata(from)?.permissions())?;
        }
        self.files.push(Output::of(&self.dir, &path, None, Vec::new())?);
        Ok(path)
    }

    fn core(&mut self, board: &Board, kutties: &Path, key: Option<&Key>) -> Result<PathBuf> {
        let binary = fs::read(kutties).with_context(|| format!("read {}", kutties.display()))?;
        let mut archive = initramfs::core::build(&place::repository().join("initramfs"), &binary)?;
        let suite = Suite::new(&board.kernel.suite, board.arch.debian())?;
        let package = suite.fetch("ca-certificates", "", false)?;
        archive.file(AUTHORITIES, 0o644, authorities(&suite.unpack(&package)?)?)?;
        self.packages.push(package);
        if let Some(key) = key {
            archive.file(TRUST, 0o644, key.public())?;
        }
        self.segment("core", &archive)
    }
}

/// The certificates of the package, one after another.
fn authorities(package: &Path) -> Result<Vec<u8>> {
    let dir = package.join("usr/share/ca-certificates/mozilla");
    let entries = fs::read_dir(&dir).with_context(|| format!("read {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let mut bundle = Vec::new();
    for path in paths {
        bundle.extend(fs::read(&path).with_context(|| format!("read {}", path.display()))?);
    }
    Ok(bundle)
}

/// A segment of images: archives (docker or OCI, tar) or directories that are OCI layouts.
pub(crate) fn images_archive(images: &[PathBuf]) -> Result<Archive> {
    let mut archive = Archive::new();
    for image in images {
        let name = image.file_name().and_then(|name| name.to_str()).with_context(|| format!("name {}", image.display()))?;
        let path = format!("{IMAGES}/{name}");
        if image.is_dir() {
            archive.tree(&path, image)?;
        } else {
            archive.copy(&path, 0o644, image)?;
        }
    }
    Ok(archive)
}
