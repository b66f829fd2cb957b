//! The keys that a person can set, and where their values come from: built-in defaults, then each row of [`source::SOURCES`],
//! the later winning key by key. Nothing here fails: what can't be understood is a complaint that names the key and its source.

mod applet;
pub mod command_line;
mod fetch;
mod gathered;
pub mod key;
mod machine;
mod source;
pub mod trust;
mod value;

use std::collections::BTreeMap;

use kit::Applet;
use serde::{Deserialize, Serialize};

pub use key::{KEYS, Key, Kind};
pub use source::{COMMAND_LINE, Places};
use trust::{Origin, Trust};
use value::Value;
pub use value::is_host_name;

/// The applets of this room.
pub const APPLETS: &[Applet] = &[applet::NAME];

/// All settings of this machine, and what was wrong with them.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    values: BTreeMap<String, Given>,
    complaints: Vec<String>,
    /// A local source says `settings.dhcp=yes`.
    #[serde(default)]
    settings_dhcp: bool,
}

/// The most complaints that are kept: a source of many mistakes does not fill the console.
const COMPLAINTS: usize = 100;
/// The longest part of a complaint that somebody else wrote, such as a key's name, in characters.
const QUOTED: usize = 100;

/// A value that was set, and by whom.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    value: Value,
    source: String,
}

impl Config {
    /// Reads the settings of all this machine's sources anew. Some are untrusted input: not for PID
    /// 1.
    pub fn load() -> Self {
        Self::load_from(&Places::here())
    }

    /// Reads the settings that came with the system or stand on the kernel's command line: all that
    /// PID 1 reads by itself.
    pub fn early() -> Self {
        Self::from_sources(&Places::here(), source::EARLY, false)
    }

    /// The same from other places.
    pub fn load_from(places: &Places) -> Self {
        let local = Self::from_sources(places, source::LOCAL, false);
        Self::from_sources(places, source::SOURCES, local.flag(&key::SETTINGS_DHCP))
    }

    fn from_sources(places: &Places, sources: &[source::Source], settings_dhcp: bool) -> Self {
        let mut config = Self { settings_dhcp, ..Self::default() };
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

    /// Returns the source of the key's value, or none when it has its default.
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

    /// Take one value from a source that may set it, or complain.
    fn set(&mut self, name: &str, value: Value, origin: Origin, source: &str) {
        let Some(key) = KEYS.iter().find(|key| key.stars(name).is_some()) else {
            return self.complain(format!("unknown key {} {source}", quoted(name)));
        };
        if !key.trust.takes(origin, self.settings_dhcp) {
            return self.complain(refusal(key, name, origin, source));
        }
        match value.fit(key.kind) {
            Ok(value) => {
                self.values.insert(name.to_owned(), Given { value, source: source.to_owned() });
            }
            Err(wanted) => self.complain(format!("key {} {source} must be {wanted}", quoted(name))),
        }
    }

    fn complain(&mut self, sentence: String) {
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push(sentence);
        }
    }
}

/// A refused setting, with what would make it count.
fn refusal(key: &Key, name: &str, origin: Origin, source: &str) -> String {
    let rule = match (key.trust, origin) {
        (Trust::Segment, _) => "only a file of a segment may set it",
        (Trust::Settings, _) => "a DHCP server may set it only where a local source says settings.dhcp=yes",
        (_, Origin::Dhcp) => "a DHCP server may never set it",
        _ => "only a local source may set it",
    };
    format!("key {} {source} is refused: {rule}", quoted(name))
}

/// Somebody else's words as a part of a complaint, which goes to consoles: without control characters, and not too long.
fn quoted(words: &str) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    words.chars().take(QUOTED).map(printable).collect()
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
