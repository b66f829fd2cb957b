//! Debian packages of another suite or architecture: downloaded and unpacked, never installed. apt runs with lists, state and cache
//! of its own, so the machine's are not touched and root is not needed; the mirror and its key are the machine's.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{place, run};

/// A package of the archive in the cache.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The sha256 of the `.deb`, which apt has checked against the signed lists.
    pub sha256: String,
    /// The `.deb`'s name in the cache.
    file: String,
}

/// A suite for one architecture (Debian's name).
#[derive(Clone, Debug)]
pub struct Suite {
    name: String,
    arch: String,
    dir: PathBuf,
}

impl Suite {
    /// That suite; nothing is fetched yet.
    pub fn new(suite: &str, arch: &str) -> Result<Self> {
        let dir = place::cache(&format!("debian/{suite}-{arch}"))?;
        Ok(Self { name: suite.to_owned(), arch: arch.to_owned(), dir })
    }

    /// The package, from the cache when it is there. The newest whose version begins with `series`; a package without contents that
    /// depends on the one of its own version (as `linux-image-cloud-amd64` does) leads to that one when `follow` is set.
    pub fn fetch(&self, name: &str, series: &str, follow: bool) -> Result<Package> {
        let record = self.dir.join(format!("{name}_{series}.json"));
        if let Some(package) = self.recorded(&record) {
            return Ok(package);
        }
        println!("fetching {name} of Debian {} for {}", self.name, self.arch);
        self.update()?;
        let (mut name, mut version, depends) = self.newest(name, series)?;
        if follow {
            depends.split([',', ' ']).next().unwrap_or_default().clone_into(&mut name);
            version = self.newest(&name, series)?.1;
        }
        let package = self.download(&name, &version)?;
        fs::write(&record, serde_json::to_string(&package)?).with_context(|| format!("write {}", record.display()))?;
        Ok(package)
    }

    /// The packages and all that they depend on, unpacked into one directory, which is kept for each set of files that the archive
    /// has for them. What packages do when they are installed is not done: no user is made and no link.
    pub fn tree(&self, packages: &[&str]) -> Result<PathBuf> {
        let key = crate::sum::bytes(packages.join(" ").as_bytes());
        let (root, record) = (self.dir.join(format!("tree-{}", &key[..16])), self.dir.join(format!("tree-{}.list", &key[..16])));
        if record.exists() {
            return Ok(root);
        }
        let all = self.closure(packages)?;
        let _ = fs::remove_dir_all(&root);
        for package in &all {
            run::answered(Command::new("dpkg-deb").arg("--extract").arg(self.dir.join(&package.file)).arg(&root))?;
        }
        let files: Vec<&str> = all.iter().map(|package| package.file.as_str()).collect();
        fs::write(&record, files.join("\n")).with_context(|| format!("write {}", record.display()))?;
        Ok(root)
    }

    /// The packages and all that they depend on, from the cache when all are there.
    pub fn closure(&self, packages: &[&str]) -> Result<Vec<Package>> {
        let key = crate::sum::bytes(packages.join(" ").as_bytes());
        let record = self.dir.join(format!("closure-{}.json", &key[..16]));
        let known: Option<Vec<Package>> = fs::read_to_string(&record).ok().and_then(|text| serde_json::from_str(&text).ok());
        if let Some(known) = known.filter(|known| known.iter().all(|package| self.dir.join(&package.file).exists())) {
            return Ok(known);
        }
        println!("fetching {} of Debian {} for {}, and what they need", packages.join(", "), self.name, self.arch);
        self.update()?;
        let wanted = ["install", "--yes", "--no-install-recommends"];
        let install = |how: &str| run::answered(self.apt("apt-get").args(wanted).arg(how).args(packages));
        // 'URI' FILE BYTES HASH, before they are in the cache and no longer listed.
        let archives = self.dir.join("archives");
        fs::create_dir_all(archives.join("partial")).with_context(|| format!("make {}", archives.display()))?;
        run::answered(self.apt("apt-get").arg("clean"))?;
        let said = install("--print-uris")?;
        install("--download-only")?;
        let mut all = Vec::new();
        for file in said.lines().filter(|line| line.starts_with('\'')).filter_map(|line| line.split(' ').nth(1)) {
            let path = self.dir.join(file);
            fs::rename(archives.join(file), &path).with_context(|| format!("make {}", path.display()))?;
            let (name, version) = named(file).with_context(|| format!("read the name of {file}"))?;
            all.push(Package { name, version, sha256: crate::sum::file(&path)?, file: file.to_owned() });
        }
        run::answered(self.apt("apt-get").arg("clean"))?;
        fs::write(&record, serde_json::to_string(&all)?).with_context(|| format!("write {}", record.display()))?;
        Ok(all)
    }

    /// The directory of the package's unpacked files.
    pub fn unpack(&self, package: &Package) -> Result<PathBuf> {
        let dir = self.dir.join(package.file.trim_end_matches(".deb"));
        if !dir.exists() {
            let partial = dir.with_extension("partial");
            let _ = fs::remove_dir_all(&partial);
            run::answered(Command::new("dpkg-deb").arg("--extract").arg(self.dir.join(&package.file)).arg(&partial))?;
            fs::rename(&partial, &dir).with_context(|| format!("make {}", dir.display()))?;
        }
        Ok(dir)
    }

    fn recorded(&self, record: &Path) -> Option<Package> {
        let package: Package = serde_json::from_str(&fs::read_to_string(record).ok()?).ok()?;
        self.dir.join(&package.file).exists().then_some(package)
    }

    fn update(&self) -> Result<()> {
        let sources = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
        let texts: Vec<String> = std::iter::once(PathBuf::from("/etc/apt/sources.list"))
            .chain(sources)
            .filter(|path| path.extension().is_some_and(|ending| ending == "list" || ending == "sources"))
            .filter_map(|path| fs::read_to_string(path).ok())
            .collect();
        let entry = texts.iter().find_map(|text| debian_entry(text)).context("find a Debian mirror: /etc/apt names none")?;
        fs::create_dir_all(self.dir.join("lists/partial")).with_context(|| format!("make {}", self.dir.display()))?;
        fs::write(self.dir.join("sources.list"), format!("{entry} {} main\n", self.name))?;
        fs::write(self.dir.join("status"), "")?;
        run::answered(self.apt("apt-get").arg("update")).map(drop)
    }

    /// Name, version and dependencies.
    fn newest(&self, name: &str, series: &str) -> Result<(String, String, String)> {
        let shown = run::answered(self.apt("apt-cache").args(["show", name]))?;
        let field = |record: &str, field: &str| {
            record.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": ")).unwrap_or_default().to_owned()
        };
        let records: Vec<&str> = shown.split("\n\n").filter(|record| !record.trim().is_empty()).collect();
        if let Some(record) = records.iter().find(|record| field(record, "Version").starts_with(series)) {
            return Ok((name.to_owned(), field(record, "Version"), field(record, "Depends")));
        }
        let there: Vec<String> = records.iter().map(|record| field(record, "Version")).collect();
        bail!("fetch {name}: Debian {} has no version {series}, but {}", self.name, there.join(", "))
    }

    fn download(&self, name: &str, version: &str) -> Result<Package> {
        let wanted = format!("{name}={version}");
        // 'URI' FILE BYTES SHA256:SUM
        let said = run::answered(self.apt("apt-get").args(["download", "--print-uris", &wanted]))?;
        let file = said.split_whitespace().nth(1).with_context(|| format!("fetch {wanted}: apt-get said {said:?}"))?.to_owned();
        run::answered(self.apt("apt-get").args(["download", &wanted]).current_dir(&self.dir))?;
        let sha256 = crate::sum::file(&self.dir.join(&file))?;
        Ok(Package { name: name.to_owned(), version: version.to_owned(), sha256, file })
    }

    /// apt's programs with a world of their own.
    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let dir = self.dir.display();
        let mut option = |text: String| {
            command.arg("-o").arg(text);
        };
        option(format!("Dir::Etc::sourcelist={dir}/sources.list"));
        option("Dir::Etc::sourceparts=/dev/null".to_owned());
        option(format!("Dir::State::lists={dir}/lists"));
        option(format!("Dir::State::status={dir}/status"));
        option(format!("Dir::Cache={dir}"));
        option("Dir::Cache::pkgcache=".to_owned());
        option("Dir::Cache::srcpkgcache=".to_owned());
        option(format!("APT::Architecture={}", self.arch));
        option(format!("APT::Architectures::={}", self.arch));
        // apt's own user can't write below a home directory.
        option("APT::Sandbox::User=root".to_owned());
        option("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned());
        option("Acquire::Languages=none".to_owned());
        command
    }
}

/// Name and version out of `NAME_VERSION_ARCH.deb`, in which the colon of a version is written as `%3a`.
fn named(file: &str) -> Option<(String, String)> {
    let (name, rest) = file.split_once('_')?;
    Some((name.to_owned(), rest.rsplit_once('_')?.0.replace("%3a", ":")))
}

/// The part of a one-line entry before the suite, made from the first entry of Debian's main archive in a file of either format.
fn debian_entry(text: &str) -> Option<String> {
    text.lines().find_map(from_line).or_else(|| text.split("\n\n").find_map(from_stanza))
}

fn from_line(line: &str) -> Option<String> {
    let rest = line.trim().strip_prefix("deb ")?.trim();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    let signed: Vec<&str> = options.split_whitespace().filter(|option| option.starts_with("signed-by=")).collect();
    is_main_archive(uri, suite).then(|| entry(uri, signed.first().map_or("", |option| &option["signed-by=".len()..])))
}

fn from_stanza(stanza: &str) -> Option<String> {
    let field = |name: &str| {
        stanza.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    field("Types")?.split_whitespace().any(|kind| kind == "deb").then_some(())?;
    let uri = field("URIs")?.split_whitespace().next()?;
    let suite = field("Suites")?.split_whitespace().next()?;
    is_main_archive(uri, suite).then(|| entry(uri, field("Signed-By").unwrap_or_default()))
}

/// Mirrors have any name, but their main archive ends in `/debian`; the security archive and other vendors' do not.
fn is_main_archive(uri: &str, suite: &str) -> bool {
    uri.trim_end_matches('/').ends_with("/debian") && !suite.ends_with('/') && !suite.contains("security")
}

fn entry(uri: &str, key: &str) -> String {
    let mut text = String::from("deb ");
    // A key that stands in the entry itself has no path; apt's trusted keys serve then.
    if key.starts_with('/') {
        let _ = write!(text, "[signed-by={key}] ");
    }
    text + uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        let libgmp = ("libgmp10".to_owned(), "2:6.3.0+dfsg-3".to_owned());
        assert_eq!(named("libgmp10_2%3a6.3.0+dfsg-3_amd64.deb"), Some(libgmp));
    }

    #[test]
    fn finds_the_main_archive_in_both_formats() {
        let line = "# deb http://x/debian old main\ndeb http://s/debian-security trixie-security main\ndeb [arch=amd64 signed-by=/k.gpg] http://m/debian trixie main\n";
        assert_eq!(debian_entry(line).as_deref(), Some("deb [signed-by=/k.gpg] http://m/debian"));
        let stanza = "Types: deb\nURIs: http://m/debian-security\nSuites: b-security\n\nTypes: deb deb-src\n# note\nURIs: http://m/debian/\nSuites: b b-updates\nSigned-By: /k.gpg\n";
        assert_eq!(debian_entry(stanza).as_deref(), Some("deb [signed-by=/k.gpg] http://m/debian/"));
        assert_eq!(debian_entry("deb https://other/apt stable main\n"), None);
    }
}
