//! The keys that a person can set, and where their values come from: built-in defaults, then each row of [`source::SOURCES`],
//! the later winning key by key. Nothing here fails: what can't be understood is a complaint that names the key and its source.

mod applet;
pub mod command_line;
mod fetch;
mod gathered;
pub mod key;
mod machine;
mod source;
mod value;

use std::collections::BTreeMap;

use kit::Applet;
use serde::{Deserialize, Serialize};

pub use key::{KEYS, Key, Kind};
pub use source::{COMMAND_LINE, Places};
use value::Value;

/// The applets of this room.
pub const APPLETS: &[Applet] = &[applet::NAME];

/// All settings of this machine, and what was wrong with them.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    values: BTreeMap<String, Given>,
    complaints: Vec<String>,
}

/// A value that was set, and by whom.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    value: Value,
    source: String,
}

impl Config {
    /// What this machine's sources say, read anew. It reads what strangers wrote: not for PID 1.
    pub fn load() -> Self {
        Self::load_from(&Places::here())
    }

    /// What came along with the system and stands on the kernel's command line: all that PID 1 reads by itself.
    pub fn early() -> Self {
        Self::from_sources(&Places::here(), source::EARLY)
    }

    /// The same from other places.
    pub fn load_from(places: &Places) -> Self {
        Self::from_sources(places, source::SOURCES)
    }

    fn from_sources(places: &Places, sources: &[source::Source]) -> Self {
        let mut config = Self::default();
        for source in sources {
            source(places, &mut config);
        }
        config
    }

    /// One sentence for each thing that was not understood: an unknown key, a wrong value, a file that is no TOML.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// The key's text; an empty one means that nobody set it and there is no default.
    pub fn text(&self, key: &Key) -> &str {
        self.given(key.name).and_then(Value::one).unwrap_or(key.default)
    }

    /// The key's yes or no.
    pub fn flag(&self, key: &Key) -> bool {
        value::flag(self.text(key)).unwrap_or(false)
    }

    /// The key's number, 0 when there is none.
    pub fn number(&self, key: &Key) -> u64 {
        self.text(key).parse().unwrap_or(0)
    }

    /// The key's list.
    pub fn list(&self, key: &Key) -> Vec<String> {
        match self.given(key.name) {
            Some(value) => value.many(),
            None => value::split(key.default),
        }
    }

    /// The items of an open key such as `sysctl.**` or `service.*.command`: what stands for the stars, and the value as a list.
    pub fn open<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = (&'a str, Vec<String>)> {
        self.values.iter().filter_map(|(name, given)| Some((key.stars(name)?, given.value.many())))
    }

    /// Who set the key, or none when it has its default.
    pub fn source(&self, key: &Key) -> Option<&str> {
        self.values.get(key.name).map(|given| given.source.as_str())
    }

    /// All that was set, by name: the value as a list, and who set it.
    pub fn all(&self) -> impl Iterator<Item = (&str, Vec<String>, &str)> {
        self.values.iter().map(|(name, given)| (name.as_str(), given.value.many(), given.source.as_str()))
    }

    fn given(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|given| &given.value)
    }

    /// Take one value from a source, or complain.
    fn set(&mut self, name: &str, value: Value, source: &str) {
        let Some(key) = KEYS.iter().find(|key| key.stars(name).is_some()) else {
            return self.complain(format!("unknown key {name} {source}"));
        };
        match value.fit(key.kind) {
            Ok(value) => {
                self.values.insert(name.to_owned(), Given { value, source: source.to_owned() });
            }
            Err(wanted) => self.complain(format!("key {name} {source} must be {wanted}")),
        }
    }

    fn complain(&mut self, sentence: String) {
        self.complaints.push(sentence);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::fs;

    fn load(name: &str, files: &[(&str, &str)], command_line: &str) -> Config {
        let dir = std::env::temp_dir().join(format!("kutties-config-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for (file, text) in files {
            fs::write(dir.join(file), text).unwrap();
        }
        let config = Config::load_from(&Places { command_line: command_line.into(), ..Places::below(&dir) });
        fs::remove_dir_all(dir).unwrap();
        config
    }

    #[test]
    fn defaults_hold_without_any_source() {
        let config = load("none", &[], "console=ttyS0 quiet");
        assert!(config.complaints().is_empty());
        assert!(config.flag(&key::NETWORK_DHCP));
        assert_eq!(config.text(&key::CONSOLE_SHELL), "/bin/sh");
        assert_eq!(config.source(&key::HOSTNAME), None);
    }

    #[test]
    fn the_later_source_wins_key_by_key() {
        let files = [
            ("board.toml", "hostname = \"board\"\n[network]\ndhcp = false\n[modules]\nload = [\"a\"]\n"),
            ("z.toml", "hostname = \"z\"\n"),
            ("b.toml", "hostname = \"b\"\nmodules.load = [\"x\", \"y\"]\n"),
        ];
        let config = load("order", &files, "kutties.hostname=line other.key=1");
        assert_eq!(config.complaints(), [""; 0]);
        assert_eq!(config.text(&key::HOSTNAME), "line");
        assert_eq!(config.source(&key::HOSTNAME), Some("on the kernel's command line"));
        assert!(!config.flag(&key::NETWORK_DHCP));
        assert_eq!(config.list(&key::MODULES_LOAD), ["x", "y"]);
    }

    #[test]
    fn every_source_has_its_place() {
        let dir = std::env::temp_dir().join(format!("kutties-config-{}-all", std::process::id()));
        fs::create_dir_all(dir.join("dhcp")).unwrap();
        let mut places = Places { folder: dir.clone(), ..Places::below(&dir) };
        let expect = |name: &str, source: &str| {
            let config = Config::load_from(&places);
            assert_eq!(config.complaints(), [""; 0]);
            assert_eq!(config.text(&key::HOSTNAME), name);
            assert!(config.source(&key::HOSTNAME).unwrap().contains(source), "{:?}", config.source(&key::HOSTNAME));
        };
        fs::write(dir.join("a.toml"), "hostname = \"file\"\nvar.size = \"1g\"\n").unwrap();
        expect("file", "a.toml");
        // Option 224 is text in hexadecimal digits: kutties.modules.load=x
        let options = "6b7574746965732e6d6f64756c65732e6c6f61643d78";
        fs::write(
            dir.join("dhcp/eth0.json"),
            format!("{{\"host_name\": \"dhcp\", \"ntp\": [\"10.0.0.9\"], \"options\": {{\"224\": \"{options}\"}}}}"),
        )
        .unwrap();
        expect("dhcp", "DHCP server on eth0");
        assert_eq!(Config::load_from(&places).list(&key::NTP_SERVERS), ["10.0.0.9"]);
        let smbios = [&[11, 5, 1, 0, 1][..], b"kutties.hostname=smbios\0serial 7\0\0", &[127, 4, 4, 0, 0, 0]].concat();
        fs::write(dir.join("DMI"), smbios).unwrap();
        expect("smbios", "SMBIOS");
        fs::create_dir_all(dir.join("fw_cfg/hostname")).unwrap();
        fs::create_dir_all(dir.join("fw_cfg/more.toml")).unwrap();
        fs::write(dir.join("fw_cfg/hostname/raw"), "fw\n").unwrap();
        fs::write(dir.join("fw_cfg/more.toml/raw"), "shutdown.grace = 7\n").unwrap();
        expect("fw", "opt/kutties/hostname");
        fs::write(dir.join("fetched"), "# http://x/y\nhostname = \"url\"\n").unwrap();
        expect("url", "http://x/y");
        places.command_line = "kutties.hostname=line".into();
        let config = Config::load_from(&places);
        assert_eq!((config.text(&key::HOSTNAME), config.text(&key::VAR_SIZE)), ("line", "1g"));
        assert_eq!((config.number(&key::SHUTDOWN_GRACE), config.list(&key::MODULES_LOAD)), (7, vec!["x".to_owned()]));
        // What was gathered is read again as it was.
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_named_with_their_source() {
        let files = [("a.toml", "hostnam = 1\n[network]\ndhcp = \"perhaps\"\n"), ("bad.toml", "= nonsense")];
        let config = load("bad", &files, "kutties.nope=1 kutties.shutdown.grace=soon");
        let all = config.complaints().join("\n");
        assert!(all.contains("unknown key hostnam in /"), "{all}");
        assert!(all.contains("key network.dhcp in /") && all.contains("must be yes or no"), "{all}");
        assert!(all.contains("bad.toml"), "{all}");
        assert!(all.contains("unknown key nope on the kernel's command line"), "{all}");
        assert!(all.contains("key shutdown.grace on the kernel's command line must be a whole number"), "{all}");
        assert!(config.flag(&key::NETWORK_DHCP));
    }

    #[test]
    fn open_keys_give_their_names() {
        let config = load(
            "open",
            &[("a.toml", "[service.web]\ncommand = [\"/bin/web\", \"-p\", \"80\"]\n[sysctl]\n\"vm.swappiness\" = 1\n")],
            "kutties.service.two.command=/bin/two,-x kutties.sysctl.net.ipv4.ip_forward=0",
        );
        assert_eq!(config.complaints(), [""; 0]);
        let services: Vec<_> = config.open(&key::SERVICE_COMMAND).collect();
        assert_eq!(services[0], ("two", vec!["/bin/two".into(), "-x".into()]));
        assert_eq!(services[1].0, "web");
        let sysctls: Vec<_> = config.open(&key::SYSCTL).collect();
        assert_eq!(sysctls, [("net.ipv4.ip_forward", vec!["0".into()]), ("vm.swappiness", vec!["1".into()])]);
    }

    #[test]
    fn every_key_is_documented_and_its_default_fits() {
        for key in KEYS {
            assert!(!key.about.is_empty(), "{}", key.name);
            if !key.default.is_empty() {
                assert!(Value::One(key.default.into()).fit(key.kind).is_ok(), "{}", key.name);
            }
        }
        assert!(KEYS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
