//! `sbom.spdx.json`: what is in the outputs and under which licences, as SPDX 2.3.
//!
//! Crates are those that cargo links into the binary for the board's processor, Go modules those that the bundle's own build information
//! names, and packages those of Debian that something was taken from.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::board::Arch;
use crate::bundle;
use crate::manifest::Manifest;
use crate::{place, run, sum};

/// The file.
pub const NAME: &str = "sbom.spdx.json";
/// SPDX's word for "nobody has looked".
const UNKNOWN: &str = "NOASSERTION";
/// Licences of Debian's packages that something is taken from, by what their names begin with: their copyright files are prose.
const DEBIAN: &[(&str, &str)] = &[
    ("linux-", "GPL-2.0-only"),
    ("ca-certificates", "MPL-2.0"),
    ("iptables", "GPL-2.0-only"),
    ("nftables", "GPL-2.0-only"),
    ("libc6", "LGPL-2.1-or-later"),
];

/// Something that was taken from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
    /// A package URL.
    purl: String,
    sha256: Option<String>,
}

impl Package {
    fn new(kind: &str, name: &str, version: &str, licence: &str) -> Self {
        let purl = format!("pkg:{kind}/{}@{}", name.replace('@', "%40"), version.replace('+', "%2B"));
        Self { name: name.to_owned(), version: version.to_owned(), licence: licence.to_owned(), purl, sha256: None }
    }
}

/// The document's text; `programs` are those in Go.
pub fn text(manifest: &Manifest, programs: &[PathBuf]) -> Result<String> {
    let mut packages = crates(manifest.arch)?;
    packages.push(Package::new("generic", "rust-std", &manifest.rustc, "MIT OR Apache-2.0"));
    // zig brings the C library and the compiler's runtime library.
    packages.push(Package::new("generic", "zig", &manifest.zig, "MIT"));
    for file in programs {
        packages.extend(modules(&bundle::build_info(file)?));
    }
    for package in &manifest.packages {
        let known = DEBIAN.iter().find(|(begin, _)| package.name.starts_with(begin));
        let licence = known.map_or(UNKNOWN, |(_, licence)| *licence);
        let of = Package::new("deb/debian", &package.name, &package.version, licence);
        packages.push(Package { sha256: Some(package.sha256.clone()), ..of });
    }
    packages.sort();
    packages.dedup();
    let document = document(manifest, &packages);
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn document(manifest: &Manifest, packages: &[Package]) -> Value {
    let about = json!({
        "SPDXID": "SPDXRef-kutties",
        "name": format!("kutties-{}", manifest.board),
        "versionInfo": manifest.version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": "Apache-2.0",
        "copyrightText": UNKNOWN,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
    });
    let all: Vec<Value> = std::iter::once(about).chain(packages.iter().enumerate().map(package)).collect();
    let contains = (0..packages.len()).map(|at| relation("SPDXRef-kutties", "CONTAINS", &id(at)));
    let relations: Vec<Value> =
        std::iter::once(relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-kutties")).chain(contains).collect();
    // The same content has the same name, another has another.
    let digest = sum::bytes(format!("{all:?}").as_bytes());
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("kutties-{}", manifest.board),
        "documentNamespace": format!("https://spdx.org/spdxdocs/kutties-{}-{}", manifest.board, &digest[..32]),
        "creationInfo": { "created": time(manifest.source_date_epoch), "creators": ["Tool: kutties-firmware"] },
        "packages": all,
        "relationships": relations,
    })
}

fn id(at: usize) -> String {
    format!("SPDXRef-Package-{at}")
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn package((at, package): (usize, &Package)) -> Value {
    let mut value = json!({
        "SPDXID": id(at),
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": package.licence,
        "copyrightText": UNKNOWN,
        "externalRefs": [{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl }],
    });
    if let Some(sha256) = &package.sha256 {
        value["checksums"] = json!([{ "algorithm": "SHA256", "checksumValue": sha256 }]);
    }
    value
}

/// The crates that are linked into the binary.
fn crates(arch: Arch) -> Result<Vec<Package>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(place::repository()).args(["tree", "--locked", "--package", "kutties", "--target", arch.target()]);
    cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}|{l}"]);
    let lock = place::repository().join("Cargo.lock");
    let text = fs::read_to_string(&lock).with_context(|| format!("read {}", lock.display()))?;
    let sums = checksums(&text).with_context(|| format!("read {}", lock.display()))?;
    Ok(run::answered(&mut cargo)?.lines().filter_map(|line| tree_line(line, &sums)).collect())
}

/// `NAME vVERSION (where from)|LICENCE`, with a mark behind a crate that was listed already. Our own have no checksum and no row: they
/// are what the document is about.
fn tree_line(line: &str, sums: &BTreeMap<(String, String), String>) -> Option<Package> {
    let (what, licence) = line.split_once('|')?;
    let mut words = what.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let sha256 = sums.get(&(name.to_owned(), version.to_owned()))?;
    // An old way to write "or", which SPDX does not know.
    let licence = licence.trim_end_matches(" (*)").replace('/', " OR ").replace("  ", " ");
    let licence = if licence.is_empty() { UNKNOWN } else { licence.as_str() };
    Some(Package { sha256: Some(sha256.clone()), ..Package::new("cargo", name, version, licence) })
}

fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(lock)?;
    Ok(lock.package.into_iter().filter_map(|p| Some(((p.name, p.version), p.checksum?))).collect())
}

/// Go's library and modules out of what `go version -m` says: `dep MODULE VERSION SUM`, and `=> …` behind one that another replaces.
fn modules(said: &str) -> Vec<Package> {
    let mut found: Vec<Package> = Vec::new();
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["dep", name, version, ..] => found.push(Package::new("golang", name, version, UNKNOWN)),
            // A directory in its place holds the module itself, of which something was left out.
            ["=>", name, ..] if name.starts_with('.') => {}
            ["=>", name, version, ..] => {
                found.pop();
                found.push(Package::new("golang", name, version, UNKNOWN));
            }
            [_, version] if version.starts_with("go1.") && !line.starts_with('\t') => {
                found.push(Package::new("golang", "stdlib", version.trim_start_matches("go"), "BSD-3-Clause"));
            }
            _ => {}
        }
    }
    found
}

/// As ISO 8601 has it.
fn time(seconds: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = format::fat::civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn crates_and_modules_are_read() {
        let lock = "[[package]]\nname = \"libc\"\nversion = \"0.2.1\"\nchecksum = \"ab\"\n[[package]]\nname = \"kit\"\nversion = \"0.1.0\"\n";
        let sums = checksums(lock).unwrap();
        let libc = tree_line("libc v0.2.1|MIT/Apache-2.0 (*)", &sums).unwrap();
        assert_eq!((libc.licence.as_str(), libc.purl.as_str()), ("MIT OR Apache-2.0", "pkg:cargo/libc@0.2.1"));
        assert_eq!((libc.sha256.as_deref(), tree_line("kit v0.1.0 (/x/kit)|Apache-2.0", &sums)), (Some("ab"), None));
        let said = "kube: go1.26.8\n\tpath\tkutties/kube\n\tmod\tkutties\t(devel)\t\n\tdep\ta.b/c\tv1.2.3\th1:x=\n\tdep\td.e/f\tv1.0.0\n\t=>\tg.h/f\tv1.0.1\th1:y=\n\tbuild\t-trimpath=true\n";
        let found: Vec<String> = modules(said).into_iter().map(|package| package.purl).collect();
        assert_eq!(found, ["pkg:golang/stdlib@1.26.8", "pkg:golang/a.b/c@v1.2.3", "pkg:golang/g.h/f@v1.0.1"]);
    }

    #[test]
    fn times() {
        assert_eq!((time(0).as_str(), time(1_700_000_000).as_str()), ("1970-01-01T00:00:00Z", "2023-11-14T22:13:20Z"));
    }
}
