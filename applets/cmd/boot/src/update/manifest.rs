//! Manifest of the files to start. It was signed; all the same it must make sense before anything
//! is fetched.

use kit::{Error, Result};
use serde::Deserialize;

/// The most segments, and the most bytes that a file may have: more than any appliance has.
const SEGMENTS: usize = 16;
const LONGEST: u64 = 1 << 30;

/// Version and files to start.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Version of the system; empty in a manifest that names none.
    pub version: String,
    /// The kernel.
    pub kernel: File,
    /// The segments, in order.
    pub segments: Vec<File>,
}

/// One of its files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct File {
    /// Its name, beside the manifest.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// The part of `manifest.json` that is of interest here.
#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    version: String,
    arch: String,
    files: Vec<File>,
    boot: Boot,
}

/// The same without a boot.
#[derive(Deserialize)]
struct Listed {
    arch: String,
    files: Vec<File>,
}

/// Files that a boot loader would load.
#[derive(Deserialize)]
struct Boot {
    kernel: String,
    segments: Vec<String>,
}

impl Manifest {
    /// Read one; it must be for `arch`.
    pub fn parse(text: &[u8], arch: &str) -> Result<Self> {
        let Text { version, arch: theirs, files, boot } =
            serde_json::from_slice(text).map_err(|e| Error::new(format!("it is no manifest: {e}")))?;
        if theirs != arch {
            return Err(Error::new(format!("it is for {}, and this machine is {arch}", shown(&theirs))));
        }
        if boot.segments.is_empty() || boot.segments.len() > SEGMENTS {
            return Err(Error::new(format!("it names {} segments, not 1 to {SEGMENTS}", boot.segments.len())));
        }
        let file = |name: &String| {
            let file = files.iter().find(|file| file.name == *name);
            file.cloned().ok_or_else(|| Error::new(format!("it starts {} but does not list it", shown(name)))).and_then(checked)
        };
        Ok(Self { version, kernel: file(&boot.kernel)?, segments: boot.segments.iter().map(file).collect::<Result<_>>()? })
    }

    /// The file of that name, of a manifest for `arch` that need not start anything.
    pub fn file(text: &[u8], arch: &str, name: &str) -> Result<File> {
        let listed: Listed = serde_json::from_slice(text).map_err(|e| Error::new(format!("it is no manifest: {e}")))?;
        if listed.arch != arch {
            return Err(Error::new(format!("it is for {}, and this machine is {arch}", shown(&listed.arch))));
        }
        let file = listed.files.into_iter().find(|file| file.name == name);
        file.ok_or_else(|| Error::new(format!("it lists no {name}"))).and_then(checked)
    }

    /// All bytes to fetch.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|file| file.bytes).sum::<u64>() + self.kernel.bytes
    }
}

/// A file whose name is part of a URL and of nothing else, and whose length and sum can be.
fn checked(file: File) -> Result<File> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if file.name.is_empty() || file.name.starts_with('.') || !file.name.bytes().all(plain) {
        return Err(Error::new(format!("{} is no file's name", shown(&file.name))));
    }
    if file.bytes == 0 || file.bytes > LONGEST {
        return Err(Error::new(format!("{} would have {} bytes", file.name, file.bytes)));
    }
    if file.sha256.len() != 64 || !file.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(Error::new(format!("{} has no SHA-256", file.name)));
    }
    Ok(file)
}

/// A stranger's word on a terminal: cut, and without what would steer it.
fn shown(word: &str) -> String {
    const MOST: usize = 40;
    format!("{:?}", word.chars().take(MOST).collect::<String>())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        let file = |name: &str, bytes: u64| json!({"name": name, "bytes": bytes, "sha256": "0a".repeat(32), "raw": 9});
        json!({
            "board": "b", "arch": "x86_64",
            "files": [file("core.cpio.zst", 5), file("vmlinuz", 7), file("disk.img", 9)],
            "boot": {"kernel": "vmlinuz", "segments": ["core.cpio.zst"]},
        })
    }

    fn why(change: impl Fn(&mut Value)) -> String {
        let mut value = good();
        change(&mut value);
        Manifest::parse(value.to_string().as_bytes(), "x86_64").unwrap_err().to_string()
    }

    #[test]
    fn what_is_started_is_found() {
        let manifest = Manifest::parse(good().to_string().as_bytes(), "x86_64").unwrap();
        assert_eq!((manifest.kernel.name.as_str(), manifest.segments[0].bytes, manifest.bytes()), ("vmlinuz", 5, 12));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        assert!(Manifest::parse(b"{", "x86_64").unwrap_err().to_string().contains("it is no manifest"));
        assert!(why(|v| v["boot"] = Value::Null).contains("it is no manifest"));
        assert!(why(|v| v["arch"] = json!("aarch64")).contains("it is for \"aarch64\", and this machine is x86_64"));
        assert!(why(|v| v["boot"]["segments"] = json!([])).contains("0 segments"));
        assert!(why(|v| v["boot"]["segments"] = json!(vec!["core.cpio.zst"; 17])).contains("17 segments"));
        assert!(why(|v| v["boot"]["kernel"] = json!("\u{1b}[2J")).contains("\"\\u{1b}[2J\" but does not list it"));
        for name in ["../vmlinuz", ".vmlinuz", "a/b", "", "a b", "a?b"] {
            let change = |v: &mut Value| (v["files"][1]["name"], v["boot"]["kernel"]) = (json!(name), json!(name));
            assert!(why(change).contains("is no file's name"), "{name}");
        }
        for bytes in [0_u64, LONGEST + 1] {
            assert!(why(|v| v["files"][1]["bytes"] = json!(bytes)).contains("would have"), "{bytes}");
        }
        assert!(why(|v| v["files"][0]["sha256"] = json!("0A".repeat(32))).contains("core.cpio.zst has no SHA-256"));
    }
}
