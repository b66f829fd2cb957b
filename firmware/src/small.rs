//! The small kernel: built from Debian's source package with the options of `board/kernel/`, for boards whose flash or file has no
//! room for Debian's own. It takes a quarter of an hour and more, so it is kept by what it was made from.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::{Package, Suite};
use crate::board::{Arch, Board};
use crate::kernel::{Kernel, only_name};
use crate::{place, run, segment, sum, tools};

/// Packages that the kernel's own build needs, and the reasons.
const PACKAGES: &[&str] = &[
    "bc",         // times in its headers
    "bison",      // its configuration's grammar
    "flex",       // and words
    "gcc",        // the compiler, also of programs that the build runs
    "kmod",       // depmod
    "libc6-dev",  // for those programs
    "libelf-dev", // objtool
    "libssl-dev", // for building its tools
    "make",
    "xz-utils", // the source, modules
    "zstd",     // the kernel packs itself
];

/// Builder's name, for a kernel that shows it and must be the same each time.
const BUILDER: &str = "kutties";

impl Arch {
    /// The kernel's name of the directory, and of the file that firmware starts.
    const fn in_kernel(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::X86_64 => ("x86_64", "bzImage", "arch/x86/boot/bzImage"),
            Self::Aarch64 => ("arm64", "vmlinuz.efi", "arch/arm64/boot/vmlinuz.efi"),
        }
    }

    /// Debian's compiler for it on a machine of another kind, and how its programs' names begin.
    const fn cross(self) -> (&'static str, &'static str) {
        match self {
            Self::X86_64 => ("gcc-x86-64-linux-gnu", "x86_64-linux-gnu-"),
            Self::Aarch64 => ("gcc-aarch64-linux-gnu", "aarch64-linux-gnu-"),
        }
    }
}

/// The options of a configuration, as text: `board/kernel/NAME.config` and `NAME-ARCH.config`, without comments.
pub fn options(name: &str, arch: Arch) -> Result<String> {
    let mut text = String::new();
    for file in [format!("{name}.config"), format!("{name}-{arch}.config")] {
        let path = place::repository().join("board/kernel").join(file);
        let whole = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for line in whole.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(text)
}

/// The kernel of a board whose `kernel.config` names a configuration: from the cache, or built now.
pub fn build(board: &Board, config: &str) -> Result<Kernel> {
    let suite = Suite::new(&board.kernel.suite, board.arch.debian())?;
    let package = suite.fetch(&board.kernel.package, &board.kernel.series, false)?;
    let options = options(config, board.arch)?;
    let key = sum::bytes(format!("{}\n{options}", package.version).as_bytes());
    let kept = place::cache("kernel")?.join(format!("{}-{}", board.arch, &key[..16]));
    if !kept.exists() {
        let work = Work::new(board.arch, &suite, &package)?;
        work.configure(&options)?;
        work.make()?;
        work.keep(&kept)?;
    }
    let release = only_name(&kept.join("lib/modules"))?;
    let boot = |name: &str| kept.join("boot").join(format!("{name}-{release}"));
    Ok(Kernel { vmlinuz: boot("vmlinuz"), config: boot("config"), package, root: kept.clone(), release })
}

/// A build in the making. Source and objects stay, so that a changed option costs only what it changes.
struct Work {
    arch: Arch,
    source: PathBuf,
    objects: PathBuf,
}

impl Work {
    fn new(arch: Arch, suite: &Suite, package: &Package) -> Result<Self> {
        let mut packages = PACKAGES.to_vec();
        if arch.name() != std::env::consts::ARCH {
            packages.push(arch.cross().0);
        }
        tools::debian(&packages)?;
        let cache = place::cache("kernel")?;
        let source = cache.join(format!("source-{}", package.version));
        if !source.exists() {
            unpack(&suite.unpack(package)?, &source)?;
        }
        Ok(Self { arch, objects: place::cache(&format!("kernel/build-{arch}"))?, source })
    }

    /// `make` as every call of it needs to be; the environment of the `make` that may have started us says other things.
    fn command(&self) -> Result<Command> {
        let mut make = Command::new("make");
        for name in ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "ARCH", "CROSS_COMPILE"] {
            make.env_remove(name);
        }
        make.arg("-C")
            .arg(&self.source)
            .arg(format!("O={}", self.objects.display()))
            .arg(format!("ARCH={}", self.arch.in_kernel().0));
        if self.arch.name() != std::env::consts::ARCH {
            make.arg(format!("CROSS_COMPILE={}", self.arch.cross().1));
        }
        let date = run::answered(
            Command::new("date").args(["--utc", "--date"]).arg(format!("@{}", segment::epoch()?)).env("LC_ALL", "C"),
        )?;
        make.arg(format!("KBUILD_BUILD_TIMESTAMP={}", date.trim())).arg("KBUILD_BUILD_VERSION=1");
        make.arg(format!("KBUILD_BUILD_USER={BUILDER}")).arg(format!("KBUILD_BUILD_HOST={BUILDER}"));
        Ok(make)
    }

    /// Everything is off but for these options and what they need. One that did not take is an error: it would be missed later.
    fn configure(&self, options: &str) -> Result<()> {
        let fragment = self.objects.join("options");
        fs::write(&fragment, options).with_context(|| format!("write {}", fragment.display()))?;
        let mut make = self.command()?;
        make.arg(format!("KCONFIG_ALLCONFIG={}", fragment.display())).arg("allnoconfig");
        run::answered(&mut make)?;
        let path = self.objects.join(".config");
        let config = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let missed = missed(options, &config);
        if !missed.is_empty() {
            bail!("configure the kernel: it does not take {}", missed.join(", "));
        }
        Ok(())
    }

    fn make(&self) -> Result<()> {
        println!("building the small kernel for {} (a quarter of an hour and more)", self.arch);
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let log = self.objects.join("make.log");
        let said = fs::File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let mut make = self.command()?;
        make.arg(format!("-j{jobs}")).arg(self.arch.in_kernel().1).arg("modules").stdout(said.try_clone()?).stderr(said);
        run::shown(&mut make).with_context(|| format!("build the kernel; {} says more", log.display()))
    }

    /// Put aside what a Debian package of a kernel would have.
    fn keep(&self, kept: &Path) -> Result<()> {
        let partial = kept.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        let mut install = self.command()?;
        // The tables are made when modules are chosen.
        install.args(["INSTALL_MOD_STRIP=1", "DEPMOD=true"]).arg(format!("INSTALL_MOD_PATH={}", partial.display()));
        run::answered(install.arg("modules_install"))?;
        let release = only_name(&partial.join("lib/modules"))?;
        // A link to the directory of the objects.
        let _ = fs::remove_file(partial.join("lib/modules").join(&release).join("build"));
        let boot = partial.join("boot");
        fs::create_dir_all(&boot).with_context(|| format!("make {}", boot.display()))?;
        for (from, name) in [(self.arch.in_kernel().2, "vmlinuz"), (".config", "config")] {
            let from = self.objects.join(from);
            fs::copy(&from, boot.join(format!("{name}-{release}"))).with_context(|| format!("copy {}", from.display()))?;
        }
        fs::rename(&partial, kept).with_context(|| format!("make {}", kept.display()))
    }
}

/// The options that the configuration does not have as they were asked for.
fn missed(options: &str, config: &str) -> Vec<String> {
    let has: BTreeSet<&str> = config.lines().collect();
    options.lines().filter(|line| !has.contains(line)).map(str::to_owned).collect()
}

fn unpack(package: &Path, source: &Path) -> Result<()> {
    let dir = package.join("usr/src");
    let archives = fs::read_dir(&dir).with_context(|| format!("read {}", dir.display()))?;
    let archive = archives
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().ends_with(".tar.xz"))
        .with_context(|| format!("find the kernel's source in {}", dir.display()))?;
    println!("unpacking {}", archive.display());
    let partial = source.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).with_context(|| format!("make {}", partial.display()))?;
    run::answered(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&partial).arg("--strip-components=1"))?;
    fs::rename(&partial, source).with_context(|| format!("make {}", source.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_option_that_did_not_take_is_named() {
        let config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n";
        assert_eq!(missed("CONFIG_A=y\nCONFIG_C=y\nCONFIG_B=y\n", config), ["CONFIG_C=y", "CONFIG_B=y"]);
        assert!(missed("CONFIG_A=y\n", config).is_empty());
    }

    /// Options stand once, in both files together; a group has its reason above it.
    #[test]
    fn options_stand_once_and_have_their_reasons() {
        for arch in Arch::ALL {
            let options = options("small", arch).unwrap();
            let names: Vec<&str> = options.lines().map(|line| line.split('=').next().unwrap()).collect();
            let once: BTreeSet<&&str> = names.iter().collect();
            assert_eq!(once.len(), names.len(), "{arch}");
            assert!(names.iter().all(|name| name.starts_with("CONFIG_")), "{arch}");
        }
    }

    /// The matrix was last run with the kernels that the boards have now. Who changes an option runs it anew and notes the sum there.
    #[test]
    fn the_matrix_was_run_with_these_configurations() {
        let path = place::repository().join("tests/matrix.md");
        let table = fs::read_to_string(&path).unwrap();
        let boards = Board::names().unwrap().into_iter().map(|name| Board::load(&name).unwrap());
        let mut compared = 0;
        for (board, config) in boards.filter_map(|board| Some((board.clone(), board.kernel.config?))) {
            let sum = sum::bytes(options(&config, board.arch).unwrap().as_bytes());
            assert!(table.contains(&sum), "{} has no run with the kernel of {} as it is now: {sum}", path.display(), board.name);
            compared += 1;
        }
        assert!(compared > 0, "no board has a kernel of its own");
    }
}
