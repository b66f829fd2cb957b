//! `go build` of one variant, and the key that names its result.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::Arch;
use super::progress::Progress;
use super::source::Source;
use super::table::Variant;
use super::toolchain::Go;
use super::tree::Tree;
use crate::tools;

/// Part of every key: raise it when the way of building changes.
const FORMAT: &str = "1";

/// Number of Go's last lines that are shown when a build fails: an error with its notes, not the
/// list of packages.
const TAIL: usize = 20;

/// The Debian packages for programs with C in them: runc's filter is libseccomp's.
const C_PACKAGES: &[&str] = &["gcc", "libc6-dev", "libseccomp-dev", "pkg-config"];

/// All that a build depends on.
pub struct Recipe<'a> {
    /// The compiler.
    pub go: &'a Go,
    /// Variant to build.
    pub variant: &'a Variant,
    /// For which machine.
    pub arch: Arch,
    /// The module.
    pub source: &'a Source,
}

impl Recipe<'_> {
    /// A hash of everything that the result depends on, in hexadecimal.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        for text in [FORMAT, &self.go.version, self.arch.go(), self.variant.name, self.variant.modules.tags, &self.linker_flags()]
        {
            add(text);
        }
        for (name, text) in &self.source.files {
            add(name);
            add(text);
        }
        for package in self.variant.modules.without {
            add(package);
        }
        for file in self.variant.contents.files().iter().chain(&self.variant.contents.programs()).chain(&self.source.packages) {
            add(file);
        }
        let digest = hash.finalize();
        digest.iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// Writes the module to `dir/source` and puts what is built into `dir`.
    pub fn run(&self, dir: &Path) -> Result<()> {
        if self.variant.cgo {
            tools::debian(C_PACKAGES)?;
        }
        let source = dir.join("source");
        self.source.write(&source)?;
        if let Some(tree) = Tree::make(self.variant.modules, &self.go.path, &source)? {
            tree.check(self.variant.modules)?;
        }
        let label = format!("bundle {} for {} with {}", self.variant.name, self.arch.go(), self.go.version);
        let mut progress = Progress::begin(label);
        for (file, package) in self.variant.contents.files().iter().zip(&self.source.packages) {
            self.compile(&source, package, &dir.join(file), &mut progress)?;
        }
        let bytes: u64 =
            self.variant.contents.files().iter().filter_map(|f| fs::metadata(dir.join(f)).ok()).map(|m| m.len()).sum();
        progress.end(&format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10));
        Ok(())
    }

    /// One file.
    fn compile(&self, source: &Path, package: &str, to: &Path, progress: &mut Progress) -> Result<()> {
        let mut child = self
            .command(source)
            .args(["-v", "-o"])
            .arg(to)
            .arg(package)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", self.go.path.display()))?;
        let mut last = VecDeque::new();
        if let Some(lines) = child.stderr.take() {
            follow(BufReader::new(lines), progress, &mut last);
        }
        let status = child.wait().context("wait for go build")?;
        if !status.success() {
            bail!("build {package}: go ended with {status}:\n{}", Vec::from(last).join("\n"));
        }
        Ok(())
    }

    /// `go build` with nothing taken from the person's own Go settings that could change the result.
    fn command(&self, source: &Path) -> Command {
        let set = self.variant.modules;
        let mut command = Command::new(&self.go.path);
        command.current_dir(source).arg("build").args(["-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", set.tags]);
        command.arg(format!("-ldflags={}", self.linker_flags()));
        command
            .env("GOOS", "linux")
            .env("GOARCH", self.arch.go())
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "")
            .env("GOWORK", "off");
        command.env("CGO_ENABLED", if self.variant.cgo { "1" } else { "0" });
        command
    }

    /// Small, stamped, and static where C is in it.
    fn linker_flags(&self) -> String {
        let stamps = self.variant.modules.stamps.iter().map(|(name, value)| format!(" -X {name}={value}"));
        let libraries = if self.variant.cgo { " -linkmode external -extldflags -static" } else { "" };
        format!("-s -w{}{libraries}", stamps.collect::<String>())
    }
}

/// Counts packages as they are compiled and modules as they are downloaded; keeps the last lines for an error message.
fn follow(lines: impl BufRead, progress: &mut Progress, last: &mut VecDeque<String>) {
    let (mut modules, mut packages) = (0u32, 0u32);
    for line in lines.lines().map_while(Result::ok) {
        if let Some(module) = line.strip_prefix("go: downloading ") {
            modules += 1;
            progress.at(&format!("{modules} modules downloaded, now {module}"));
            continue;
        }
        packages += 1;
        progress.at(&format!("{packages} packages compiled, last {line}"));
        if last.len() == TAIL {
            last.pop_front();
        }
        last.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::table::find;
    use super::*;

    fn key(variant: &str, arch: Arch, version: &str) -> String {
        let variant = find(variant).unwrap();
        let go = Go { path: "go".into(), version: version.into() };
        Recipe { go: &go, variant, arch, source: &Source::new(variant) }.key()
    }

    #[test]
    fn the_key_follows_the_inputs() {
        let one = key("worker", Arch::Amd64, "go1.26.8");
        assert_eq!(one, key("worker", Arch::Amd64, "go1.26.8"));
        for other in
            [key("node", Arch::Amd64, "go1.26.8"), key("worker", Arch::Arm64, "go1.26.8"), key("worker", Arch::Amd64, "go1.26.9")]
        {
            assert_ne!(one, other);
        }
    }
}
