//! `out/release/`: the files of all boards, signed, with sums and notes.
//!
//! ```text
//! NOTES.md         the changelog's section, the boards, the check of a download
//! SHA256SUMS       sums of all other files but the next one
//! SHA256SUMS.sig   signature of the sums
//! kutties.pub      public key of all signatures
//! BOARD/           the files of out/BOARD/manifest.json, that file, and its signature
//! ```
//!
//! It is made in `out/release.partial/` and put in place at once: a failure leaves the last one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::board::Board;
use crate::image::{self, Options};
use crate::kube::Kube;
use crate::manifest::Manifest;
use crate::notes::{self, Row};
use crate::sign::Key;
use crate::{binary, place, sum, version};

/// Names of the files beside the boards' directories.
const NOTES: &str = "NOTES.md";
const SUMS: &str = "SHA256SUMS";
const PUBLIC_KEY: &str = "kutties.pub";

/// Settings of a release.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key that signs.
    pub sign: PathBuf,
    /// The Kubernetes bundle.
    pub kube: Kube,
    /// Names of boards; none means all that are released.
    pub boards: Vec<String>,
    /// Directory with the boards' own firmware files, which may not be shipped.
    pub firmware: Option<PathBuf>,
    /// Take a tree with changes, and the quick profile.
    pub draft: bool,
}

/// Release in the making.
struct Work {
    dir: PathBuf,
    key: Key,
    done: Vec<(Board, Manifest)>,
    missing: Vec<(String, String)>,
}

/// Builds all boards and writes `out/release/`; its path.
///
/// # Errors
/// The tree or the changelog is not that of a release, no board can be built, or a file can't be
/// written. Boards that can't be built are named in the notes and are an error at the end, when the
/// others are in place.
pub fn build(settings: &Settings) -> Result<PathBuf> {
    let version = version::text();
    ready(&version, &binary::profile(), settings.draft)?;
    let changelog = place::repository().join("CHANGELOG.md");
    let changelog = fs::read_to_string(&changelog).with_context(|| format!("read {}", changelog.display()))?;
    let section = notes::section(&changelog, &version)?;
    let boards = boards(&settings.boards)?;
    let mut work = Work::new(&place::out("")?.join("release.partial"), Key::read(&settings.sign)?)?;
    for board in boards {
        println!("==> {}: {}", board.name, board.about);
        let built = image::build(
            &board,
            &Options {
                kube: settings.kube,
                images: Vec::new(),
                sign: Some(settings.sign.clone()),
                whole: true,
                firmware: settings.firmware.clone().filter(|_| board.sdcard.is_some()),
            },
        );
        match built {
            Ok(outputs) => work.add(board, &outputs.manifest)?,
            Err(e) => work.miss(board, &e),
        }
    }
    work.finish(&version, section)
}

/// Checks that a release may be made of this tree.
fn ready(version: &str, profile: &str, draft: bool) -> Result<()> {
    ensure!(draft || !version.ends_with("-dirty"), "files differ from the commit ({version}): commit them, or use --draft");
    ensure!(draft || profile == "release", "the profile is {profile}: unset {}, or use --draft", binary::PROFILE);
    Ok(())
}

/// Boards of that names, or all that are released.
fn boards(names: &[String]) -> Result<Vec<Board>> {
    if !names.is_empty() {
        return names.iter().map(|name| Board::load(name)).collect();
    }
    let all = Board::names()?.iter().map(|name| Board::load(name)).collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().filter(|board| board.released).collect())
}

impl Work {
    fn new(dir: &Path, key: Key) -> Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        Ok(Self { dir: dir.to_owned(), key, done: Vec::new(), missing: Vec::new() })
    }

    /// Copies the files of a board's manifest, compares their sums, and signs the manifest.
    fn add(&mut self, board: Board, manifest: &Path) -> Result<()> {
        let from = manifest.parent().with_context(|| format!("find the directory of {}", manifest.display()))?;
        let to = self.dir.join(&board.name);
        let known = Manifest::read(manifest)?;
        for file in &known.files {
            let path = to.join(&file.name);
            copy(&from.join(&file.name), &path)?;
            ensure!(sum::file(&path)? == file.sha256, "{}: {} is not the manifest's file", board.name, file.name);
        }
        let copied = to.join("manifest.json");
        copy(manifest, &copied)?;
        self.key.sign_file(&copied)?;
        self.done.push((board, known));
        Ok(())
    }

    fn miss(&mut self, board: Board, e: &anyhow::Error) {
        let reason = format!("{e:#}").lines().next().unwrap_or_default().to_owned();
        println!("==> {} can't be built: {e:#}", board.name);
        self.missing.push((board.name, reason));
    }

    /// Writes notes, sums and signatures, and puts all in place.
    fn finish(self, version: &str, section: &str) -> Result<PathBuf> {
        ensure!(!self.done.is_empty(), "no board could be built: {}", names(&self.missing));
        let rows: Vec<Row<'_>> = self.done.iter().map(|(board, manifest)| Row { about: &board.about, manifest }).collect();
        write(&self.dir.join(NOTES), &notes::text(version, section, &rows, &self.missing))?;
        write(&self.dir.join(PUBLIC_KEY), &self.key.public())?;
        let sums = self.dir.join(SUMS);
        write(&sums, &sums_text(&self.dir)?)?;
        self.key.sign_file(&sums)?;
        let path = self.dir.with_file_name("release");
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
        }
        fs::rename(&self.dir, &path).with_context(|| format!("put {} in place", path.display()))?;
        if !self.missing.is_empty() {
            bail!("{} has {} boards; not built: {}", path.display(), self.done.len(), names(&self.missing));
        }
        Ok(path)
    }
}

fn names(missing: &[(String, String)]) -> String {
    missing.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    }
    fs::copy(from, to).map(drop).with_context(|| format!("copy {} to {}", from.display(), to.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// Returns the sums of all files below a directory, as `sha256sum --check` reads them.
fn sums_text(dir: &Path) -> Result<String> {
    let mut lines = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("read {}", next.display()))? {
            let path = entry.with_context(|| format!("read {}", next.display()))?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap_or(&path).display().to_string();
                lines.push((name, sum::file(&path)?));
            }
        }
    }
    lines.sort();
    Ok(lines.into_iter().fold(String::new(), |text, (name, sum)| format!("{text}{sum}  {name}\n")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::board::Arch;
    use crate::manifest::{Boot, Output};

    /// Directory of a test, with a key in it.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("kutties-release-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(dir.join("pc/netboot")).unwrap();
            fs::write(dir.join("pc/vmlinuz"), "kernel").unwrap();
            fs::write(dir.join("pc/netboot/boot.ipxe"), "#!ipxe").unwrap();
            Self(dir)
        }

        fn work(&self) -> Work {
            let _ = fs::remove_file(self.0.join("key"));
            Work::new(&self.0.join("release.partial"), Key::make(&self.0.join("key")).unwrap()).unwrap()
        }

        fn manifest(&self) -> PathBuf {
            let dir = self.0.join("pc");
            let file = |name: &str| Output::of(&dir, &dir.join(name), None, Vec::new()).unwrap();
            let manifest = Manifest {
                version: "0.2.0".into(),
                board: "x86_64-pc".into(),
                arch: Arch::X86_64,
                profile: "release".into(),
                source_date_epoch: 0,
                rustc: "1.95.0".into(),
                zig: "0.17".into(),
                kernel_release: "6.12".into(),
                packages: Vec::new(),
                files: vec![file("vmlinuz"), file("netboot/boot.ipxe")],
                boot: Boot::default(),
            };
            manifest.write(&dir.join("manifest.json")).unwrap();
            dir.join("manifest.json")
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.0.join("release").join(name)).unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn board() -> Board {
        Board::load("x86_64-pc").unwrap()
    }

    #[test]
    fn a_release_is_whole_and_signed() {
        let place = Place::new("whole");
        let mut work = place.work();
        work.add(board(), &place.manifest()).unwrap();
        assert_eq!(work.finish("0.2.0", "* changes").unwrap(), place.0.join("release"));
        let sums = place.read(SUMS);
        let names: Vec<&str> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
        let files =
            ["x86_64-pc/manifest.json", "x86_64-pc/manifest.json.sig", "x86_64-pc/netboot/boot.ipxe", "x86_64-pc/vmlinuz"];
        assert_eq!(names, [&[NOTES, "kutties.pub"], files.as_slice()].concat());
        assert!(sums.contains(&format!("{}  x86_64-pc/vmlinuz\n", sum::bytes(b"kernel"))), "{sums}");
        let key = Key::read(&place.0.join("key")).unwrap();
        assert_eq!(place.read(PUBLIC_KEY), key.public());
        for signed in [SUMS, "x86_64-pc/manifest.json"] {
            assert_eq!(place.read(&format!("{signed}.sig")), key.sign(place.read(signed).as_bytes()), "{signed}");
        }
        assert!(place.read(NOTES).contains("| `x86_64-pc` | PC or server"), "{}", place.read(NOTES));
        assert!(!place.0.join("release.partial").exists());
    }

    #[test]
    fn a_file_that_is_not_the_manifest_s_ends_the_release() {
        let place = Place::new("changed");
        let manifest = place.manifest();
        fs::write(place.0.join("pc/vmlinuz"), "another").unwrap();
        let error = place.work().add(board(), &manifest).unwrap_err().to_string();
        assert_eq!(error, "x86_64-pc: vmlinuz is not the manifest's file");
        fs::remove_file(place.0.join("pc/vmlinuz")).unwrap();
        assert!(place.work().add(board(), &manifest).unwrap_err().to_string().starts_with("copy "));
    }

    #[test]
    fn a_board_that_can_t_be_built_is_an_error_at_the_end() {
        let place = Place::new("missing");
        let mut work = place.work();
        work.miss(board(), &anyhow::anyhow!("no kernel").context("fetch the kernel"));
        let error = work.finish("0.2.0", "* changes").unwrap_err().to_string();
        assert_eq!(error, "no board could be built: x86_64-pc");
        assert!(!place.0.join("release").exists());
        let mut work = place.work();
        work.add(board(), &place.manifest()).unwrap();
        work.miss(Board::load("rpi4").unwrap(), &anyhow::anyhow!("no kernel"));
        assert!(work.finish("0.2.0", "* changes").unwrap_err().to_string().ends_with("has 1 boards; not built: rpi4"));
        assert!(place.read(NOTES).contains("* `rpi4`: no kernel\n"));
    }

    #[test]
    fn a_draft_alone_takes_a_changed_tree() {
        assert!(ready("0.2.0", "release", false).is_ok());
        let error = |version: &str, profile: &str| ready(version, profile, false).unwrap_err().to_string();
        assert!(error("0.2.0-4-g01-dirty", "release").contains("commit them, or use --draft"));
        assert!(error("0.2.0", "quick").starts_with("the profile is quick: unset KUTTIES_PROFILE"));
        assert!(ready("0.2.0-4-g01-dirty", "quick", true).is_ok());
    }

    #[test]
    fn machines_of_tests_are_not_released() {
        let names: Vec<String> = boards(&[]).unwrap().into_iter().map(|board| board.name).collect();
        assert!(names.contains(&"x86_64-pc".to_owned()) && !names.iter().any(|name| name.ends_with("-qemu")), "{names:?}");
        assert!(boards(&["toaster".to_owned()]).is_err());
    }
}
