//! The modules segment: those modules that a board and Kubernetes need, what these need, and the tables that find them, as small
//! as the choice is. Modules stay compressed as Debian ships them, for the kernel unpacks them itself; those that every boot loads are unpacked here,
//! because that is most of the time that loading them takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use initramfs::Archive;

use crate::board::Board;
use crate::kernel::Kernel;
use crate::{place, run};

/// Suffix of Debian's compressed modules.
const PACKED: &str = ".xz";

/// Build the segment.
pub fn build(board: &Board, kernel: &Kernel) -> Result<Archive> {
    ensure!(
        fs::read_to_string(&kernel.config)?.lines().any(|line| line == "CONFIG_MODULE_DECOMPRESS=y"),
        "build the modules: kernel {} can't unpack them itself",
        kernel.release
    );
    let all = Tables::read(kernel)?;
    let at_boot = wanted(&[], &board.modules.at_boot)?;
    let unpacked = all.closure(&at_boot)?;
    let mut names: BTreeSet<String> = wanted(&board.modules.also, &board.modules.lists)?.union(&at_boot).cloned().collect();
    if board.modules.all {
        names.extend(all.dep.lines().filter_map(|line| line.split(':').next()).map(name_of));
    }
    let chosen = all.closure(&names)?;
    let mut archive = Archive::new();
    let dir = format!("/usr/lib/modules/{}", kernel.release);
    for path in &chosen {
        let (place, host) = (format!("{dir}/{}", shipped(path, &unpacked)), kernel.modules().join(path));
        if unpacked.contains(path) && path.ends_with(PACKED) {
            archive.file(&place, 0o644, run::bytes(Command::new("xz").args(["--decompress", "--stdout"]).arg(&host))?)?;
        } else {
            archive.copy(&place, 0o644, &host)?;
        }
    }
    let names: BTreeSet<String> = chosen.iter().map(|path| name_of(path)).collect();
    let dep = filtered(&all.dep, |line| chosen.contains(line.split(':').next().unwrap_or_default()));
    archive.file(&format!("{dir}/modules.dep"), 0o644, as_shipped(&dep, &unpacked))?;
    archive.file(
        &format!("{dir}/modules.alias"),
        0o644,
        filtered(&all.alias, |line| line.split(' ').next_back().is_some_and(|m| names.contains(m))),
    )?;
    archive.file(
        &format!("{dir}/modules.softdep"),
        0o644,
        filtered(&all.softdep, |line| line.split(' ').nth(1).is_some_and(|m| names.contains(m))),
    )?;
    archive.copy(&format!("{dir}/modules.builtin"), 0o644, &kernel.modules().join("modules.builtin"))?;
    // kubeadm looks for the configuration of a kernel that doesn't tell it itself here.
    archive.copy(&format!("{dir}/config"), 0o644, &kernel.config)?;
    Ok(archive)
}

/// A module's path in the segment.
fn shipped<'a>(path: &'a str, unpacked: &BTreeSet<String>) -> &'a str {
    if unpacked.contains(path) { path.trim_end_matches(PACKED) } else { path }
}

/// modules.dep with the paths in the segment.
fn as_shipped(dep: &str, unpacked: &BTreeSet<String>) -> String {
    let line = |line: &str| {
        let (path, needs) = line.split_once(':').unwrap_or((line, ""));
        let needs = needs.split_whitespace().fold(String::new(), |text, path| text + " " + shipped(path, unpacked));
        format!("{}:{needs}\n", shipped(path, unpacked))
    };
    dep.lines().map(line).collect()
}

/// These names, and those in these lists.
fn wanted(names: &[String], lists: &[String]) -> Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = names.iter().cloned().collect();
    for list in lists {
        let path = place::repository().join("board/modules").join(format!("{list}.list"));
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let words = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
        names.extend(words.map(str::to_owned));
    }
    Ok(names.into_iter().map(|name| name.replace('-', "_")).collect())
}

/// depmod's tables of all the kernel's modules.
struct Tables {
    dep: String,
    alias: String,
    softdep: String,
    builtin: BTreeSet<String>,
}

impl Tables {
    fn read(kernel: &Kernel) -> Result<Self> {
        let dir = kernel.modules();
        if !dir.join("modules.softdep").exists() {
            // Debian runs it at installation, and we don't install. Directories of root may be missing in a user's path.
            let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
            run::answered(Command::new("depmod").arg("-b").arg(&kernel.root).arg(&kernel.release).env("PATH", path))?;
        }
        let read = |name: &str| fs::read_to_string(dir.join(name)).with_context(|| format!("read {}/{name}", dir.display()));
        let builtin = read("modules.builtin")?.lines().map(name_of).collect();
        Ok(Self { dep: read("modules.dep")?, alias: read("modules.alias")?, softdep: read("modules.softdep")?, builtin })
    }

    /// The paths of these modules and of all that they need, softly too. Built-in ones are there anyhow; an unknown one is an error.
    fn closure(&self, wanted: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let lines: BTreeMap<String, (&str, &str)> = self
            .dep
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(path, needs)| (name_of(path), (path, needs)))
            .collect();
        let mut chosen = BTreeSet::new();
        let mut open: Vec<String> = wanted.iter().cloned().collect();
        while let Some(name) = open.pop() {
            let Some((path, needs)) = lines.get(&name) else {
                if wanted.contains(&name) && !self.builtin.contains(&name) {
                    bail!("build the modules: the kernel has no module {name}");
                }
                continue;
            };
            if chosen.insert((*path).to_owned()) {
                open.extend(needs.split_whitespace().map(name_of));
                open.extend(self.soft(&name));
            }
        }
        Ok(chosen)
    }

    /// Returns the modules that a module loads when they are there: `softdep NAME pre: A B post:
    /// C`.
    fn soft(&self, name: &str) -> impl Iterator<Item = String> {
        let of_name = self.softdep.lines().filter(move |line| line.split(' ').nth(1) == Some(name));
        of_name.flat_map(|line| line.split(' ').skip(2)).filter(|word| !word.ends_with(':')).map(|word| word.replace('-', "_"))
    }
}

/// `kernel/fs/overlayfs/overlay.ko.xz` → `overlay`; dashes become underscores, as the kernel has it.
fn name_of(path: &str) -> String {
    let file = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    file.split('.').next().unwrap_or_default().replace('-', "_")
}

fn filtered(table: &str, keep: impl Fn(&str) -> bool) -> String {
    let mut lines: Vec<&str> = table.lines().filter(|line| !line.starts_with('#') && keep(line)).collect();
    // depmod's order is that of its hash table.
    lines.sort_unstable();
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn tables() -> Tables {
        Tables {
            dep: "kernel/a.ko.xz: kernel/b-c.ko.xz\nkernel/b-c.ko.xz:\nkernel/d.ko.xz:\nkernel/e.ko.xz:\n".into(),
            alias: String::new(),
            softdep: "# soft\nsoftdep b_c pre: d gone post: e\n".into(),
            builtin: ["ext4".to_owned()].into(),
        }
    }

    #[test]
    fn takes_what_is_needed_along() {
        let wanted = ["a".to_owned(), "ext4".to_owned()].into();
        let chosen: Vec<_> = tables().closure(&wanted).unwrap().into_iter().collect();
        assert_eq!(chosen, ["kernel/a.ko.xz", "kernel/b-c.ko.xz", "kernel/d.ko.xz", "kernel/e.ko.xz"]);
    }

    #[test]
    fn paths_of_unpacked_ones_follow() {
        let unpacked = ["a.ko.xz".to_owned(), "b.ko.xz".to_owned()].into();
        assert_eq!(as_shipped("a.ko.xz: b.ko.xz c.ko.xz\nc.ko.xz:\n", &unpacked), "a.ko: b.ko c.ko.xz\nc.ko.xz:\n");
    }

    #[test]
    fn an_unknown_module_is_an_error() {
        let error = tables().closure(&["foo".to_owned()].into()).unwrap_err().to_string();
        assert!(error.ends_with("no module foo"), "{error}");
    }
}
