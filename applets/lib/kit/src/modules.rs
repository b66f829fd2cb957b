//! Kernel modules by name or alias, with what they depend on: shared by PID 1 and `modprobe`.
//!
//! The indexes are depmod's text files in /lib/modules/RELEASE: modules.dep, modules.alias, modules.softdep and
//! modules.builtin; /etc/modprobe.d/*.conf gives options, blacklist, alias and softdep lines, and the kernel's command line
//! `MODULE.PARAMETER=VALUE`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Context, Error, Result, glob};

/// Limit of nested dependencies: depmod's lists are flat, so only soft dependencies nest, and those
/// hardly.
const DEPTH: u32 = 16;

/// The indexes of one kernel's modules.
#[derive(Debug, Default)]
pub struct Modules {
    dir: PathBuf,
    /// Name → file and the files that it needs, nearest first, as in modules.dep.
    files: BTreeMap<String, Vec<String>>,
    /// Pattern and name, exact ones apart because most look-ups are patterns of devices.
    aliases: Vec<(String, String)>,
    builtin: BTreeSet<String>,
    /// Name → names to try before and after.
    soft: BTreeMap<String, (Vec<String>, Vec<String>)>,
    options: BTreeMap<String, Vec<String>>,
    blacklist: BTreeSet<String>,
}

impl Modules {
    /// The running kernel's modules. No directory for them is an error; a missing index is an empty one.
    pub fn of_running_kernel() -> Result<Self> {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").doing("read the kernel's release")?;
        let mut modules = Self::open(&Path::new("/lib/modules").join(release.trim()))?;
        modules.add_settings(Path::new("/etc/modprobe.d"));
        modules.add_command_line(&fs::read_to_string("/proc/cmdline").unwrap_or_default());
        Ok(modules)
    }

    /// The modules of a directory with depmod's indexes.
    pub fn open(dir: &Path) -> Result<Self> {
        fs::metadata(dir).on("open", dir)?;
        let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
        let mut modules = Self { dir: dir.to_owned(), ..Self::default() };
        for line in read("modules.dep").lines() {
            let Some((file, needs)) = line.split_once(':') else { continue };
            let files = std::iter::once(file).chain(needs.split_whitespace()).map(str::to_owned).collect();
            modules.files.insert(name_of(file), files);
        }
        modules.builtin = read("modules.builtin").lines().map(name_of).collect();
        for index in ["modules.alias", "modules.softdep"] {
            read(index).lines().for_each(|line| modules.add_line(line));
        }
        Ok(modules)
    }

    /// All names, sorted, with the path of each file.
    pub fn all(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        self.files.iter().filter_map(|(name, files)| Some((name.as_str(), self.dir.join(files.first()?))))
    }

    /// The names that `wanted` stands for: itself when it is a module, else every module with a matching alias that is not
    /// blacklisted. Empty when there is none; a built-in module counts as one.
    pub fn names(&self, wanted: &str) -> Vec<String> {
        let plain = wanted.replace('-', "_");
        if self.files.contains_key(&plain) || self.builtin.contains(&plain) {
            return vec![plain];
        }
        let mut names = Vec::new();
        for (pattern, name) in &self.aliases {
            let fits = glob::matches(pattern.as_bytes(), wanted.as_bytes()) || *pattern == plain;
            if fits && !self.blacklist.contains(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The files to insert for the module `name`, in order, what it needs first. Empty for a built-in one.
    pub fn files(&self, name: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        self.collect(name, 0, &mut BTreeSet::new(), &mut files);
        files
    }

    /// Tells if the module is part of the kernel itself.
    pub fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(name)
    }

    /// Insert the module or alias `wanted` and all that it needs, `parameters` added to its own options. Gives the names that
    /// were inserted now: none when all was in already. An unknown name is an error.
    pub fn load(&self, wanted: &str, parameters: &[String]) -> Result<Vec<String>> {
        let names = self.names(wanted);
        if names.is_empty() {
            return Err(Error::new(format!("load module {wanted}: not found in {}", self.dir.display())));
        }
        let mut loaded = Vec::new();
        for name in names {
            for file in self.files(&name) {
                let its = name_of(&file.to_string_lossy());
                let extra = if its == name { parameters } else { &[] };
                if !is_loaded(&its) && self.insert(&its, &file, extra)? {
                    loaded.push(its);
                }
            }
        }
        Ok(loaded)
    }

    /// One file in; whether it was not there before.
    fn insert(&self, name: &str, file: &Path, extra: &[String]) -> Result<bool> {
        let own = self.options.get(name).map_or(&[][..], Vec::as_slice);
        let parameters: Vec<&str> = own.iter().chain(extra).map(String::as_str).collect();
        let parameters = CString::new(parameters.join(" ")).doing("read the module's parameters")?;
        let opened = File::open(file).on("open", file)?;
        let compressed = file.extension().is_none_or(|e| e != "ko");
        match sys::module::insert(&opened, &parameters, compressed) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e).on("insert module", file),
        }
    }

    /// Soft dependencies may go round in circles, and name the same module often: each is looked at once.
    fn collect(&self, name: &str, depth: u32, seen: &mut BTreeSet<String>, files: &mut Vec<PathBuf>) {
        let Some(own) = self.files.get(name).filter(|_| depth < DEPTH && seen.insert(name.to_owned())) else { return };
        let (before, after) = self.soft.get(name).cloned().unwrap_or_default();
        let mut follow = |names: &[String], files: &mut Vec<PathBuf>| {
            names.iter().flat_map(|n| self.names(n)).for_each(|n| self.collect(&n, depth + 1, seen, files));
        };
        follow(&before, files);
        for file in own.iter().rev().map(|f| self.dir.join(f)) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        follow(&after, files);
    }

    fn add_settings(&mut self, dir: &Path) {
        let Ok(entries) = fs::read_dir(dir) else { return };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.retain(|p| p.extension().is_some_and(|e| e == "conf"));
        paths.sort();
        for path in paths {
            fs::read_to_string(path).unwrap_or_default().lines().for_each(|line| self.add_line(line));
        }
    }

    /// `MODULE.PARAMETER=VALUE` of the kernel's command line, and `modprobe.blacklist=A,B`.
    fn add_command_line(&mut self, text: &str) {
        for word in text.split_whitespace() {
            let Some((module, parameter)) = word.split_once('.').filter(|(m, _)| !m.contains('=')) else { continue };
            match parameter.strip_prefix("blacklist=").filter(|_| module == "modprobe") {
                Some(names) => self.blacklist.extend(names.split(',').map(|n| n.replace('-', "_"))),
                None => self.options.entry(module.replace('-', "_")).or_default().push(parameter.to_owned()),
            }
        }
    }

    /// A line of modules.alias, modules.softdep or modprobe.d, which share one form.
    fn add_line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some(verb), Some(first)) = (words.next(), words.next()) else { return };
        match verb {
            "alias" => {
                let Some(name) = words.next() else { return };
                self.aliases.push((first.to_owned(), name.replace('-', "_")));
            }
            "options" => {
                let options = words.map(str::to_owned);
                self.options.entry(first.replace('-', "_")).or_default().extend(options);
            }
            "blacklist" => {
                self.blacklist.insert(first.replace('-', "_"));
            }
            "softdep" => self.add_soft(first, words),
            _ => {}
        }
    }

    fn add_soft<'a>(&mut self, name: &str, words: impl Iterator<Item = &'a str>) {
        let entry = self.soft.entry(name.replace('-', "_")).or_default();
        let mut after = false;
        for word in words {
            match word {
                "pre:" => after = false,
                "post:" => after = true,
                other if after => entry.1.push(other.to_owned()),
                other => entry.0.push(other.to_owned()),
            }
        }
    }
}

/// Tells if the module is in the kernel now, or part of it with something to show in sysfs.
pub fn is_loaded(name: &str) -> bool {
    Path::new("/sys/module").join(name).exists()
}

/// A module's name from its file's: `kernel/net/8021q/8021q.ko.xz` is `8021q`; dashes become underscores.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split_once(".ko").map_or(file, |(name, _)| name).replace('-', "_")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn sample() -> (tempdir::Dir, Modules) {
        let dir = tempdir::Dir::new();
        let put = |name: &str, text: &str| fs::write(dir.0.join(name), text).unwrap();
        put(
            "modules.dep",
            "kernel/a/virtio-net.ko.xz: kernel/b/net_failover.ko.xz kernel/c/failover.ko.xz\nkernel/b/net_failover.ko.xz: kernel/c/failover.ko.xz\nkernel/c/failover.ko.xz:\nkernel/d/br_netfilter.ko:\n",
        );
        put(
            "modules.alias",
            "# head\nalias virtio:d00000001v* virtio_net\nalias fs-overlay overlay\nalias pci:v00001AF4d0000[01]*sv* virtio_net\n",
        );
        put("modules.softdep", "softdep br_netfilter pre: failover post: virtio_net\n");
        put("modules.builtin", "kernel/fs/overlayfs/overlay.ko\n");
        let modules = Modules::open(&dir.0).unwrap();
        (dir, modules)
    }

    mod tempdir {
        pub struct Dir(pub std::path::PathBuf);
        impl Dir {
            pub fn new() -> Self {
                let path =
                    std::env::temp_dir().join(format!("kit-modules-{}-{:?}", std::process::id(), std::thread::current().id()));
                std::fs::create_dir_all(&path).unwrap();
                Self(path)
            }
        }
        impl Drop for Dir {
            fn drop(&mut self) {
                let _ = std::fs::remove_dir_all(&self.0);
            }
        }
    }

    fn names(files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|f| name_of(&f.to_string_lossy())).collect()
    }

    #[test]
    fn what_a_module_needs_comes_first() {
        let (_dir, modules) = sample();
        assert_eq!(names(&modules.files("virtio_net")), ["failover", "net_failover", "virtio_net"]);
        assert_eq!(names(&modules.files("br_netfilter")), ["failover", "br_netfilter", "net_failover", "virtio_net"]);
        assert!(modules.files("overlay").is_empty());
    }

    #[test]
    fn aliases_are_patterns_and_dashes_are_underscores() {
        let (_dir, modules) = sample();
        assert_eq!(modules.names("virtio:d00000001v00001AF4"), ["virtio_net"]);
        assert_eq!(modules.names("pci:v00001AF4d00001000sv00001AF4"), ["virtio_net"]);
        assert_eq!(modules.names("virtio-net"), ["virtio_net"]);
        assert_eq!(modules.names("fs-overlay"), ["overlay"]);
        assert!(modules.names("nonesuch").is_empty());
    }

    #[test]
    fn the_command_line_gives_options_and_a_blacklist() {
        let (_dir, mut modules) = sample();
        modules.add_command_line("console=ttyS0 root=a.b virtio-net.napi_tx=1 modprobe.blacklist=overlay");
        assert_eq!(modules.options["virtio_net"], ["napi_tx=1"]);
        assert!(modules.names("fs-overlay").is_empty());
    }

    #[test]
    fn patterns() {
        assert!(glob::matches(b"a*b?[0-9x]", b"aXXbbbc7"));
        assert!(!glob::matches(b"a*b?[0-9x]", b"aXXbbbcy"));
        assert!(glob::matches(b"*", b""));
    }
}
