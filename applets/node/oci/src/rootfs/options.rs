//! Options of a mount, as the specification and mount(8) write them.

use kit::{Error, Result};
use oci_spec::runtime::Mount;
use sys::mount_attr::{
    ATIME, Attributes, NO_ATIME, NO_DEV, NO_DIR_ATIME, NO_EXEC, NO_SUID, NO_SYMFOLLOW, READ_ONLY, STRICT_ATIME,
};

/// Meaning of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Sets attributes of the mount.
    Set(u64),
    /// Takes an earlier word back. What a bound mount has from its source stays.
    Unset(u64),
    /// Sets attributes of the mount and of all below it.
    SetAll(u64),
    /// Clears attributes of the mount and of all below it.
    ClearAll(u64),
    /// Propagation flags of mount(2).
    Spread(u64),
    /// Flag of a new file system.
    Flag,
    /// Says what is so anyway.
    Nothing,
    /// A bind mount.
    Bind,
    /// A bind mount with all mounts below the source.
    BindAll,
}

/// `MS_UNBINDABLE`, `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED` and `MS_REC` of mount(2).
const UNBINDABLE: u64 = 1 << 17;
const PRIVATE: u64 = 1 << 18;
const SLAVE: u64 = 1 << 19;
const SHARED: u64 = 1 << 20;
const RECURSIVE: u64 = 1 << 14;

/// All words but those that are a file system's own. `tmpcopyup` is taken out before.
const WORDS: &[(&str, Word)] = &[
    ("async", Word::Nothing),
    ("atime", Word::Unset(NO_ATIME)),
    ("bind", Word::Bind),
    ("defaults", Word::Nothing),
    ("dev", Word::Unset(NO_DEV)),
    ("diratime", Word::Unset(NO_DIR_ATIME)),
    ("dirsync", Word::Flag),
    ("exec", Word::Unset(NO_EXEC)),
    ("mand", Word::Nothing),
    ("noatime", Word::Set(NO_ATIME)),
    ("nodev", Word::Set(NO_DEV)),
    ("nodiratime", Word::Set(NO_DIR_ATIME)),
    ("noexec", Word::Set(NO_EXEC)),
    ("nomand", Word::Nothing),
    ("norelatime", Word::Nothing),
    ("nostrictatime", Word::Unset(STRICT_ATIME)),
    ("nosuid", Word::Set(NO_SUID)),
    ("nosymfollow", Word::Set(NO_SYMFOLLOW)),
    ("private", Word::Spread(PRIVATE)),
    ("ratime", Word::ClearAll(ATIME)),
    ("rbind", Word::BindAll),
    ("rdev", Word::ClearAll(NO_DEV)),
    ("rdiratime", Word::ClearAll(NO_DIR_ATIME)),
    ("relatime", Word::Nothing),
    ("remount", Word::Nothing),
    ("rexec", Word::ClearAll(NO_EXEC)),
    ("rnoatime", Word::SetAll(NO_ATIME)),
    ("rnodev", Word::SetAll(NO_DEV)),
    ("rnodiratime", Word::SetAll(NO_DIR_ATIME)),
    ("rnoexec", Word::SetAll(NO_EXEC)),
    ("rnorelatime", Word::ClearAll(ATIME)),
    ("rnostrictatime", Word::ClearAll(ATIME)),
    ("rnosuid", Word::SetAll(NO_SUID)),
    ("rnosymfollow", Word::SetAll(NO_SYMFOLLOW)),
    ("ro", Word::Set(READ_ONLY)),
    ("rprivate", Word::Spread(PRIVATE | RECURSIVE)),
    ("rrelatime", Word::ClearAll(ATIME)),
    ("rro", Word::SetAll(READ_ONLY)),
    ("rrw", Word::ClearAll(READ_ONLY)),
    ("rshared", Word::Spread(SHARED | RECURSIVE)),
    ("rslave", Word::Spread(SLAVE | RECURSIVE)),
    ("rstrictatime", Word::SetAll(STRICT_ATIME)),
    ("rsuid", Word::ClearAll(NO_SUID)),
    ("rsymfollow", Word::ClearAll(NO_SYMFOLLOW)),
    ("runbindable", Word::Spread(UNBINDABLE | RECURSIVE)),
    ("rw", Word::Unset(READ_ONLY)),
    ("shared", Word::Spread(SHARED)),
    ("slave", Word::Spread(SLAVE)),
    ("strictatime", Word::Set(STRICT_ATIME)),
    ("suid", Word::Unset(NO_SUID)),
    ("symfollow", Word::Unset(NO_SYMFOLLOW)),
    ("sync", Word::Flag),
    ("unbindable", Word::Spread(UNBINDABLE)),
];

/// The words that are known, with those that stand for other parts of this runtime.
pub fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word).chain(["tmpcopyup"])
}

/// Options of a mount, parsed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Set for a bind mount.
    pub bind: bool,
    /// Set if the mounts below the source come along.
    pub recursive: bool,
    /// Attributes of the mount.
    pub own: Attributes,
    /// Attributes of the mount and all below it.
    pub all: Option<Attributes>,
    /// Propagation and its recursion, in their order.
    pub spread: Vec<(u64, bool)>,
    /// Options of the file system: words, or names with a value behind `=`.
    pub data: Vec<String>,
}

impl Options {
    /// Reads the options of a mount.
    pub fn of(mount: &Mount) -> Result<Self> {
        let mut read = Self { bind: mount.typ().as_deref() == Some("bind"), ..Self::default() };
        for option in mount.options().iter().flatten() {
            if option == "idmap" || option == "ridmap" {
                return Err(Error::new(format!("mount {}: mapped ids are not supported", mount.destination().display())));
            }
            let word = WORDS.iter().find(|(word, _)| word == option).map(|(_, meaning)| *meaning);
            read.add(option, word);
        }
        Ok(read)
    }

    fn add(&mut self, option: &str, word: Option<Word>) {
        match word {
            Some(Word::Set(bits)) => {
                let times = if bits & ATIME == 0 { 0 } else { ATIME };
                self.own.set = (self.own.set & !times) | bits;
                self.own.clear |= times;
            }
            Some(Word::Unset(bits)) => self.own.set &= !bits,
            Some(Word::SetAll(bits)) => {
                let all = self.all.get_or_insert_default();
                let times = if bits & ATIME == 0 { 0 } else { ATIME };
                all.set = (all.set & !times) | bits;
                all.clear = (all.clear & !bits) | times;
            }
            Some(Word::ClearAll(bits)) => {
                let all = self.all.get_or_insert_default();
                all.set &= !bits;
                all.clear |= bits;
            }
            Some(Word::Spread(flags)) => self.spread.push((flags & !RECURSIVE, flags & RECURSIVE != 0)),
            Some(Word::Bind) => self.bind = true,
            Some(Word::BindAll) => (self.bind, self.recursive) = (true, true),
            Some(Word::Nothing) => {}
            Some(Word::Flag) | None if option.is_empty() => {}
            Some(Word::Flag) | None => self.data.push(option.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    fn read(options: &[&str]) -> Options {
        let mount: Mount = serde_json::from_value(json!({"destination": "/x", "type": "tmpfs", "options": options})).unwrap();
        Options::of(&mount).unwrap()
    }

    #[test]
    fn words_mean_attributes_propagation_and_data() {
        let read = read(&["nosuid", "strictatime", "mode=755", "size=64k", "newinstance", "rslave", "shared", "sync"]);
        assert_eq!(read.own, Attributes { set: NO_SUID | STRICT_ATIME, clear: ATIME, ..Attributes::default() });
        assert_eq!(read.spread, [(SLAVE, true), (SHARED, false)]);
        assert_eq!(read.data, ["mode=755", "size=64k", "newinstance", "sync"]);
        assert!(!read.bind);
    }

    #[test]
    fn the_last_of_two_words_counts() {
        assert_eq!(read(&["ro", "rw"]).own.set, 0);
        assert_eq!(read(&["rw", "ro"]).own.set, READ_ONLY);
        assert_eq!(read(&["noatime", "strictatime"]).own.set, STRICT_ATIME);
        let all = read(&["rro", "rnoatime", "rrw"]).all.unwrap();
        assert_eq!((all.set, all.clear), (NO_ATIME, ATIME | READ_ONLY));
    }

    #[test]
    fn binds_are_known_by_type_or_word() {
        assert_eq!((read(&["rbind"]).bind, read(&["rbind"]).recursive), (true, true));
        assert_eq!((read(&["bind"]).bind, read(&["bind"]).recursive), (true, false));
        let mount: Mount = serde_json::from_value(json!({"destination": "/x", "type": "bind"})).unwrap();
        assert!(Options::of(&mount).unwrap().bind);
        let mapped: Mount = serde_json::from_value(json!({"destination": "/x", "options": ["ridmap"]})).unwrap();
        assert!(Options::of(&mapped).is_err());
        assert!(WORDS.is_sorted_by_key(|(word, _)| *word));
    }
}
