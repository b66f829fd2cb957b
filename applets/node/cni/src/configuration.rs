//! Network configurations: files of a chain (`*.conflist`) or of one plugin (`*.conf`, `*.json`), by directory and in the order of
//! their names. The first that is right is taken.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use serde_json::{Map, Value, json};

use crate::{VERSIONS, rank};

/// A network: a chain of plugins.
#[derive(Debug, Clone)]
pub struct Network {
    /// Its name, which is in leases and cached answers.
    pub name: String,
    /// The spec version that its plugins are spoken to in.
    pub version: String,
    /// The plugins' configurations, in order.
    pub plugins: Vec<Map<String, Value>>,
    /// True if CHECK is not wanted.
    pub disable_check: bool,
    /// True if GC is not wanted.
    pub disable_gc: bool,
    /// The file that it came from, for messages.
    pub file: PathBuf,
    /// Files that came before and were wrong: a sentence each.
    pub passed_over: Vec<String>,
    /// The whole configuration, for the cache.
    pub(crate) source: Value,
    /// Directories of plugins.
    pub(crate) path: Vec<PathBuf>,
}

impl Network {
    /// The first right configuration of the directories, in their order; none when there is no file at all. A directory whose files are
    /// all wrong is an error that names each: somebody wanted another network there than the next directory's.
    pub fn load(dirs: &[impl AsRef<Path>]) -> Result<Option<Self>> {
        for dir in dirs {
            let mut wrong = Vec::new();
            for file in files(dir.as_ref(), &["conf", "conflist", "json"])? {
                match Self::read(&file) {
                    Ok(network) => return Ok(Some(Self { passed_over: wrong, ..network })),
                    Err(e) => wrong.push(e.to_string()),
                }
            }
            if !wrong.is_empty() {
                return Err(Error::new(wrong.join("; ")));
            }
        }
        Ok(None)
    }

    /// One file, with the plugins of the directory beside it that has the network's name (spec 1.1.0), unless it wants none of those.
    pub fn read(file: &Path) -> Result<Self> {
        let mut value = json_of(file)?;
        let is_chain = file.extension().is_some_and(|e| e == "conflist");
        if is_chain && !flag(&value, "loadOnlyInlinedPlugins").on("read", file)? {
            add_directory(&mut value, file)?;
        }
        let network = Self::from_json(value).on("read", file)?;
        Ok(Self { file: file.to_owned(), ..network })
    }

    /// A chain, or one plugin, which makes a chain of one.
    pub fn from_json(value: Value) -> Result<Self> {
        let name = value["name"].as_str().unwrap_or_default().to_owned();
        if !is_name(&name) {
            return Err(Error::new("the network has no name, or one with other than letters, digits, '.', '_' and '-'"));
        }
        let plugins = match &value["plugins"] {
            Value::Array(plugins) => {
                let object = |plugin: &Value| plugin.as_object().cloned().ok_or_else(|| Error::new("a plugin is not an object"));
                plugins.iter().map(object).collect::<Result<_>>()?
            }
            Value::Null => Vec::from_iter(value.as_object().cloned()),
            _ => return Err(Error::new("\"plugins\" is not a list")),
        };
        if plugins.is_empty() {
            return Err(Error::new("there are no plugins in it"));
        }
        for plugin in &plugins {
            let kind = plugin.get("type").and_then(Value::as_str).unwrap_or_default();
            let ipam = plugin.get("ipam").and_then(|ipam| ipam["type"].as_str()).unwrap_or_default();
            if kind.is_empty() || kind.contains('/') || ipam.contains('/') {
                return Err(Error::new("a plugin has no type, or one with a slash in it"));
            }
        }
        let version = version(&value)?;
        let (disable_check, disable_gc) = (flag(&value, "disableCheck")?, flag(&value, "disableGC")?);
        let (file, path) = (PathBuf::new(), vec![PathBuf::from(kit::paths::CNI_BIN)]);
        Ok(Self { name, version, plugins, disable_check, disable_gc, file, passed_over: Vec::new(), source: value, path })
    }

    /// The same network with plugins from other directories than `/opt/cni/bin`.
    #[must_use]
    pub fn with_path(mut self, path: Vec<PathBuf>) -> Self {
        self.path = path;
        self
    }
}

/// The longest configuration that is read, in bytes.
const LIMIT: u64 = 1 << 20;

fn json_of(file: &Path) -> Result<Value> {
    let mut text = Vec::new();
    fs::File::open(file).and_then(|open| open.take(LIMIT + 1).read_to_end(&mut text)).on("read", file)?;
    if text.len() as u64 > LIMIT {
        return Err(Error::new(format!("read {}: it is longer than a MiB", file.display())));
    }
    let value: Value = serde_json::from_slice(&text).on("read", file)?;
    if value.is_object() { Ok(value) } else { Err(Error::new(format!("read {}: it is not a JSON object", file.display()))) }
}

/// Append the plugins of the network's directory to the chain's own. The result is whole: it needs the directory no more.
fn add_directory(value: &mut Value, file: &Path) -> Result<()> {
    let name = value["name"].as_str().filter(|name| is_name(name));
    let (Some(name), Some(dir)) = (name, file.parent()) else { return Ok(()) };
    let found = files(&dir.join(name), &["conf"])?.iter().map(|file| json_of(file)).collect::<Result<Vec<_>>>()?;
    if found.is_empty() {
        return Ok(());
    }
    if value["plugins"].is_null() {
        value["plugins"] = json!([]);
    }
    if let Some(plugins) = value["plugins"].as_array_mut() {
        plugins.extend(found);
    }
    value["loadOnlyInlinedPlugins"] = json!(true);
    Ok(())
}

/// A key that is true or false, or the word for it.
fn flag(value: &Value, key: &str) -> Result<bool> {
    match &value[key] {
        Value::Null => Ok(false),
        Value::Bool(set) => Ok(*set),
        Value::String(word) if word.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(word) if word.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(Error::new(format!("{key:?} is {other}, neither true nor false"))),
    }
}

/// The spec version to speak: `cniVersion`, or the newest of `cniVersions` that we know.
fn version(value: &Value) -> Result<String> {
    let several = value["cniVersions"].as_array().into_iter().flatten();
    let named: Vec<&str> = several.chain([&value["cniVersion"]]).filter_map(Value::as_str).collect();
    match named.iter().filter_map(|v| rank(v)).max() {
        Some(at) => Ok(VERSIONS[at].to_owned()),
        None if named.is_empty() => Err(Error::new("it has no cniVersion")),
        None => Err(Error::new(format!("cniVersion {} is none of {}", named.join(", "), VERSIONS.join(", ")))),
    }
}

/// The files of a directory with these endings, sorted; none when there is no such directory.
fn files(dir: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.on("read", dir)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.on("read", dir)?.path();
        if path.extension().is_some_and(|e| endings.iter().any(|known| e == *known)) && !path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Tells if it can be a network's name or a container's id: it becomes part of file names.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn chains_and_single_plugins() {
        let chain = json!({"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "bridge"}, {"type": "portmap"}]});
        assert_eq!(Network::from_json(chain).unwrap().plugins.len(), 2);
        let one = Network::from_json(json!({"cniVersion": "0.3.1", "name": "n", "type": "ptp"})).unwrap();
        assert_eq!((one.plugins.len(), one.version.as_str()), (1, "0.3.1"));
        let several = json!({"cniVersion": "0.4.0", "cniVersions": ["1.0.0", "9.0.0"], "name": "n", "type": "ptp"});
        assert_eq!(Network::from_json(several).unwrap().version, "1.0.0");
    }

    #[test]
    fn wrong_ones_say_why() {
        for (value, says) in [
            (json!({"cniVersion": "1.0.0", "type": "bridge"}), "no name"),
            (json!({"cniVersion": "1.0.0", "name": "../x", "type": "bridge"}), "no name"),
            (json!({"cniVersion": "0.2.0", "name": "n", "type": "bridge"}), "cniVersion 0.2.0"),
            (json!({"name": "n", "type": "bridge"}), "no cniVersion"),
            (json!({"cniVersion": "1.0.0", "name": "n", "plugins": []}), "no plugins"),
            (json!({"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "../sh"}]}), "slash"),
            (json!({"cniVersion": "0.4.0", "name": "evil", "plugins": [{"type": "../../../../bin/reboot"}]}), "slash"),
            (json!({"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "x", "ipam": {"type": "../sh"}}]}), "slash"),
            (json!({"cniVersion": "1.0.0", "name": "n", "plugins": [7]}), "not an object"),
            (json!({"cniVersion": "1.0.0", "name": "n", "type": "x", "disableCheck": "maybe"}), "neither true nor false"),
        ] {
            let said = Network::from_json(value).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn the_first_right_file_is_taken() {
        let dir = std::env::temp_dir().join(format!("kutties-cni-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        assert!(Network::load(&[&dir]).unwrap().is_none());
        fs::write(dir.join("00-broken.conf"), "{").unwrap();
        assert!(Network::load(&[&dir]).unwrap_err().to_string().contains("00-broken.conf"));
        fs::write(dir.join("10-good.conflist"), r#"{"cniVersion":"1.0.0","name":"good","plugins":[{"type":"x"}]}"#).unwrap();
        fs::write(dir.join("05-other.txt"), "no").unwrap();
        let found = Network::load(&[&dir]).unwrap().unwrap();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!((found.name.as_str(), found.passed_over.len()), ("good", 1));
    }

    #[test]
    fn a_file_that_is_being_written_is_no_network_yet() {
        let dir = std::env::temp_dir().join(format!("kutties-cni-half-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let whole = r#"{"cniVersion":"1.0.0","name":"new","plugins":[{"type":"x"}]}"#;
        for end in 0..whole.len() {
            fs::write(dir.join("10-new.conflist"), &whole[..end]).unwrap();
            let said = Network::load(&[&dir]).unwrap_err().to_string();
            assert!(said.contains("10-new.conflist"), "{said}");
        }
        // Beside it, an older one goes on; names that are no configuration's are not looked at, nor are directories.
        fs::write(dir.join("20-old.conf"), r#"{"cniVersion":"0.3.1","name":"old","type":"x"}"#).unwrap();
        fs::write(dir.join("00-next.conflist.tmp"), whole).unwrap();
        fs::create_dir(dir.join("01-dir.conf")).unwrap();
        std::os::unix::fs::symlink("/nonexistent", dir.join("02-link.conf")).unwrap();
        let found = Network::load(&[&dir]).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.passed_over.len()), ("old", 2));
        fs::write(dir.join("10-new.conflist"), whole).unwrap();
        assert_eq!(Network::load(&[&dir]).unwrap().unwrap().name, "new");
        // As bytes, not as numbers.
        fs::write(dir.join("9-last.conflist"), whole.replace("new", "last")).unwrap();
        assert_eq!(Network::load(&[&dir]).unwrap().unwrap().name, "new");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_directory_whose_files_are_wrong_hides_the_next() {
        let dir = std::env::temp_dir().join(format!("kutties-cni-hides-{}", std::process::id()));
        let (first, second) = (dir.join("first"), dir.join("second"));
        fs::create_dir_all(&first).unwrap();
        fs::create_dir_all(&second).unwrap();
        fs::write(second.join("a.conf"), r#"{"cniVersion":"1.0.0","name":"next","type":"x"}"#).unwrap();
        assert_eq!(Network::load(&[&first, &second]).unwrap().unwrap().name, "next");
        fs::write(first.join("a.conflist"), "[]").unwrap();
        let said = Network::load(&[&first, &second]).unwrap_err().to_string();
        fs::remove_dir_all(&dir).unwrap();
        assert!(said.contains("a.conflist: it is not a JSON object"), "{said}");
    }

    #[test]
    fn a_directory_of_plugins_is_part_of_the_chain() {
        let dir = std::env::temp_dir().join(format!("kutties-cni-directory-{}", std::process::id()));
        fs::create_dir_all(dir.join("net")).unwrap();
        let list = dir.join("net.conflist");
        fs::write(dir.join("net/20-b.conf"), r#"{"type":"b"}"#).unwrap();
        fs::write(dir.join("net/10-a.conf"), r#"{"type":"a"}"#).unwrap();
        fs::write(&list, r#"{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"x"}]}"#).unwrap();
        let kinds =
            |network: &Network| network.plugins.iter().map(|p| p["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let network = Network::read(&list).unwrap();
        assert_eq!(kinds(&network), ["x", "a", "b"]);
        // A cached configuration is whole.
        assert_eq!(kinds(&Network::from_json(network.source).unwrap()), ["x", "a", "b"]);
        fs::write(&list, r#"{"cniVersion":"1.1.0","name":"net","loadOnlyInlinedPlugins":true,"plugins":[{"type":"x"}]}"#)
            .unwrap();
        assert_eq!(kinds(&Network::read(&list).unwrap()), ["x"]);
        fs::write(&list, r#"{"cniVersion":"1.1.0","name":"net"}"#).unwrap();
        assert_eq!(kinds(&Network::read(&list).unwrap()), ["a", "b"]);
        fs::remove_dir_all(dir.join("net")).unwrap();
        let said = Network::read(&list).unwrap_err().to_string();
        fs::remove_dir_all(&dir).unwrap();
        assert!(said.contains("no type"), "{said}");
    }
}
