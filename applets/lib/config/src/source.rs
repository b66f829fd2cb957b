//! Sources of values. A new source is one function and one row of [`SOURCES`].

use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use format::{dhcp, smbios};
use kit::paths;

use crate::trust::Origin;
use crate::value::Value;
use crate::{Config, command_line, key};

/// Paths that the sources read.
#[derive(Debug, Default)]
pub struct Places {
    /// The directory with `board.toml` and the other `*.toml`.
    pub directory: PathBuf,
    /// The directory of what DHCP servers told, a `LINK.json` each.
    pub dhcp: PathBuf,
    /// The firmware's SMBIOS table.
    pub smbios: PathBuf,
    /// The directory of the files below `opt/kutties` that QEMU was given.
    pub fw_cfg: PathBuf,
    /// File of settings from the configuration URL.
    pub fetched: PathBuf,
    /// The kernel's command line.
    pub command_line: String,
}

impl Places {
    /// This machine's.
    pub fn here() -> Self {
        Self {
            directory: paths::CONFIG.into(),
            dhcp: paths::DHCP.into(),
            smbios: "/sys/firmware/dmi/tables/DMI".into(),
            fw_cfg: "/sys/firmware/qemu_fw_cfg/by_name/opt/kutties".into(),
            fetched: paths::CONFIG_FETCHED.into(),
            command_line: fs::read_to_string("/proc/cmdline").unwrap_or_default(),
        }
    }

    /// All of them in one directory.
    pub fn below(dir: &Path) -> Self {
        Self {
            directory: dir.into(),
            dhcp: dir.join("dhcp"),
            smbios: dir.join("DMI"),
            fw_cfg: dir.join("fw_cfg"),
            fetched: dir.join("fetched"),
            command_line: String::new(),
        }
    }
}

/// Puts what it finds into the configuration.
pub type Source = fn(&Places, &mut Config);

/// In order of precedence: the later wins.
pub const SOURCES: &[Source] = &[board, files, leases, oem_strings, fw_cfg, fetched, words];
/// Those that nobody but the system's owner wrote, which PID 1 may read.
pub const EARLY: &[Source] = &[board, files, words];
/// Those that only who starts this machine can write: they say what is taken of the others.
pub const LOCAL: &[Source] = &[board, files, oem_strings, fw_cfg, words];

/// The name of the file that the board's builder writes.
const BOARD: &str = "board.toml";
/// The source with the last word.
pub const COMMAND_LINE: &str = "on the kernel's command line";
/// Prefix of a setting's name where others have names, too.
const PREFIX: &str = "kutties.";
/// The longest file of strangers that is read, in bytes.
const LONGEST: u64 = 256 << 10;
/// The most time servers of one DHCP server that are taken.
const TIME_SERVERS: usize = 8;

fn board(places: &Places, config: &mut Config) {
    let path = places.directory.join(BOARD);
    if path.exists() {
        file(&path, Origin::Board, config);
    }
}

fn files(places: &Places, config: &mut Config) {
    for path in entries(&places.directory) {
        if path.extension().is_some_and(|e| e == "toml") && path.file_name().is_some_and(|name| name != BOARD) {
            file(&path, Origin::File, config);
        }
    }
}

/// The name that DHCP servers give this machine, their time servers, and the settings in their option for those. The table of keys
/// says what is taken.
fn leases(places: &Places, config: &mut Config) {
    for path in entries(&places.dhcp).into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let Some(lease) = read(&path).and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok()) else {
            continue;
        };
        lease_settings(&lease, &format!("by the DHCP server on {}", path.file_stem().unwrap_or_default().display()), config);
    }
}

fn lease_settings(lease: &serde_json::Value, source: &str, config: &mut Config) {
    // A whole domain does not belong into a host's name.
    let name = lease["host_name"].as_str().and_then(|name| name.split('.').next());
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        config.set(key::HOSTNAME.name, Value::One(name.to_owned()), Origin::Dhcp, source);
    }
    let addresses = lease["ntp"].as_array().into_iter().flatten().filter_map(|one| one.as_str()?.parse::<IpAddr>().ok());
    let times: Vec<String> = addresses.take(TIME_SERVERS).map(|address| address.to_string()).collect();
    if !times.is_empty() {
        config.set(key::NTP_SERVERS.name, Value::Many(times), Origin::Dhcp, source);
    }
    let Some(digits) = lease["options"][dhcp::option::SETTINGS.to_string()].as_str() else { return };
    // Some servers end it as C does.
    match unhex(digits).map(|text| text.trim_end_matches(['\0', '\n', '\r']).to_owned()) {
        Some(text) if !text.chars().any(char::is_control) => {
            settings(command_line::words(&text).iter().map(String::as_str), Origin::Dhcp, source, config);
        }
        _ => config.complain(format!("the settings given {source} (option {}) are no text", dhcp::option::SETTINGS)),
    }
}

/// SMBIOS strings of type 11, a setting each.
fn oem_strings(places: &Places, config: &mut Config) {
    let strings = read(&places.smbios).map(|table| smbios::oem_strings(&table)).unwrap_or_default();
    settings(strings.iter().map(String::as_str), Origin::Smbios, "in the SMBIOS strings", config);
}

/// QEMU's `-fw_cfg name=opt/kutties/KEY,string=VALUE`; a name that ends with `.toml` holds a whole file.
fn fw_cfg(places: &Places, config: &mut Config) {
    for path in entries(&places.fw_cfg) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = format!("in fw_cfg opt/kutties/{name}");
        let Some(text) = read(&path.join("raw")).and_then(|bytes| String::from_utf8(bytes).ok()) else {
            config.complain(format!("the setting {source} is no text, or too long"));
            continue;
        };
        // A file that was given by `file=` may end with a newline.
        let text = text.trim_end_matches(['\n', '\r', '\0']);
        if Path::new(&name).extension().is_some_and(|e| e == "toml") {
            table(text, Origin::FwCfg, &source, config);
        } else {
            config.set(&name, Value::One(text.to_owned()), Origin::FwCfg, &source);
        }
    }
}

/// Reads the settings from the configuration URL, which stands in the first line.
fn fetched(places: &Places, config: &mut Config) {
    let Some(text) = read(&places.fetched).and_then(|bytes| String::from_utf8(bytes).ok()) else { return };
    let url = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or("the configuration URL");
    table(&text, Origin::Url, &format!("at {url}"), config);
}

/// `kutties.KEY=VALUE`; without a value it means yes.
fn words(places: &Places, config: &mut Config) {
    let words = command_line::words(&places.command_line);
    settings(words.iter().map(String::as_str), Origin::CommandLine, COMMAND_LINE, config);
}

fn settings<'a>(words: impl Iterator<Item = &'a str>, origin: Origin, source: &str, config: &mut Config) {
    for setting in words.filter_map(|word| word.strip_prefix(PREFIX)) {
        let (name, value) = setting.split_once('=').unwrap_or((setting, "yes"));
        config.set(name, Value::One(value.to_owned()), origin, source);
    }
}

/// Returns the entries of a directory, sorted; nothing when it is not there.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// A file that is not too long.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(LONGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LONGEST).then_some(bytes)
}

/// Hexadecimal digits as text.
fn unhex(digits: &str) -> Option<String> {
    let bytes = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

fn file(path: &Path, origin: Origin, config: &mut Config) {
    match fs::read_to_string(path) {
        Ok(text) => table(&text, origin, &format!("in {}", path.display()), config),
        Err(e) => config.complain(format!("read {}: {e}", path.display())),
    }
}

/// The settings of a TOML text.
fn table(text: &str, origin: Origin, source: &str, config: &mut Config) {
    match text.parse::<toml::Table>() {
        Ok(table) => flatten("", &table, origin, source, config),
        Err(e) => config.complain(format!("read the settings {source}: {}", e.message())),
    }
}

/// Tables become dots.
fn flatten(prefix: &str, table: &toml::Table, origin: Origin, source: &str, config: &mut Config) {
    for (name, value) in table {
        let name = format!("{prefix}{name}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{name}."), inner, origin, source, config),
            other => match Value::from_toml(other) {
                Some(value) => config.set(&name, value, origin, source),
                None => config.complain(format!("key {name} {source} must be a text, a number, yes or no, or a list of those")),
            },
        }
    }
}
