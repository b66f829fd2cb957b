//! The options of `mount -o`: flags for the kernel, a change of propagation, words for `mount` itself, and data for the file system.

use rustix::mount::{MountFlags, MountPropagationFlags};

/// A list of options, taken apart.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Options {
    /// Flags to set.
    pub set: Flags,
    /// True if any option named a flag, be it to clear it.
    pub named_flags: bool,
    /// `remount`
    pub remount: bool,
    /// `bind` or `rbind`
    pub bind: Option<Depth>,
    /// `move`
    pub move_it: bool,
    /// `shared` and the like, in order.
    pub propagation: Vec<Change>,
    /// `loop`: the source is a file.
    pub through_loop: bool,
    /// `offset=` and `sizelimit=` of the loop device, in bytes.
    pub window: (u64, u64),
    /// `noauto`: not with `-a`.
    pub no_auto: bool,
    /// `nofail`: a source that is missing is no error.
    pub no_fail: bool,
    /// Options that only the file system understands.
    pub data: Vec<String>,
}

/// The kernel's flags, without those that say what the call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub MountFlags);

/// A change of propagation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change(pub MountPropagationFlags);

impl Default for Flags {
    fn default() -> Self {
        Self(MountFlags::empty())
    }
}

/// One mount or the tree below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// That mount alone.
    One,
    /// With all mounts below.
    Tree,
}

/// Option, flag, and whether it sets it.
const FLAGS: &[(&str, MountFlags, bool)] = &[
    ("async", MountFlags::SYNCHRONOUS, false),
    ("atime", MountFlags::NOATIME, false),
    ("dev", MountFlags::NODEV, false),
    ("diratime", MountFlags::NODIRATIME, false),
    ("dirsync", MountFlags::DIRSYNC, true),
    ("exec", MountFlags::NOEXEC, false),
    ("lazytime", MountFlags::LAZYTIME, true),
    ("loud", MountFlags::SILENT, false),
    ("mand", MountFlags::PERMIT_MANDATORY_FILE_LOCKING, true),
    ("noatime", MountFlags::NOATIME, true),
    ("nodev", MountFlags::NODEV, true),
    ("nodiratime", MountFlags::NODIRATIME, true),
    ("noexec", MountFlags::NOEXEC, true),
    ("nolazytime", MountFlags::LAZYTIME, false),
    ("nomand", MountFlags::PERMIT_MANDATORY_FILE_LOCKING, false),
    ("norelatime", MountFlags::RELATIME, false),
    ("nostrictatime", MountFlags::STRICTATIME, false),
    ("nosuid", MountFlags::NOSUID, true),
    ("nosymfollow", MountFlags::NOSYMFOLLOW, true),
    ("relatime", MountFlags::RELATIME, true),
    ("ro", MountFlags::RDONLY, true),
    ("rw", MountFlags::RDONLY, false),
    ("silent", MountFlags::SILENT, true),
    ("strictatime", MountFlags::STRICTATIME, true),
    ("suid", MountFlags::NOSUID, false),
    ("symfollow", MountFlags::NOSYMFOLLOW, false),
    ("sync", MountFlags::SYNCHRONOUS, true),
];

/// For whom a mount is, when, and what other programs noted: nothing that the kernel is told.
const NOTES: &[&str] =
    &["auto", "defaults", "group", "nogroup", "noowner", "nouser", "nousers", "owner", "user", "users", "_netdev"];

/// The propagation that a word such as `rslave` stands for.
pub fn propagation(word: &str) -> Option<Change> {
    let (plain, tree) = match word.strip_prefix('r') {
        Some(rest) => (rest, MountPropagationFlags::REC),
        None => (word, MountPropagationFlags::empty()),
    };
    let kind = match plain {
        "shared" => MountPropagationFlags::SHARED,
        "slave" => MountPropagationFlags::DOWNSTREAM,
        "private" => MountPropagationFlags::PRIVATE,
        "unbindable" => MountPropagationFlags::UNBINDABLE,
        _ => return None,
    };
    Some(Change(kind | tree))
}

impl Options {
    /// Take a list apart and add it to what is there; of two that contradict the later one holds.
    pub fn add(&mut self, list: &str) {
        words(list).into_iter().filter(|w| !w.is_empty()).for_each(|word| self.add_word(word));
    }

    fn add_word(&mut self, word: &str) {
        if let Some((_, flag, sets)) = FLAGS.iter().find(|(name, ..)| *name == word) {
            self.set.0.set(*flag, *sets);
            self.named_flags = true;
            return;
        }
        if let Some(change) = propagation(word) {
            self.propagation.push(change);
            return;
        }
        match word {
            "remount" => self.remount = true,
            "bind" => self.bind = Some(Depth::One),
            "rbind" => self.bind = Some(Depth::Tree),
            "move" => self.move_it = true,
            "loop" => self.through_loop = true,
            "noauto" => self.no_auto = true,
            "nofail" => self.no_fail = true,
            _ if NOTES.contains(&word) || word.starts_with("x-") || word.starts_with("comment=") => {}
            _ => self.add_data(word),
        }
    }

    fn add_data(&mut self, word: &str) {
        let number = |text: &str| text.parse().ok();
        match word.split_once('=') {
            Some(("offset", n)) if number(n).is_some() => self.window.0 = number(n).unwrap_or_default(),
            Some(("sizelimit", n)) if number(n).is_some() => self.window.1 = number(n).unwrap_or_default(),
            _ => self.data.push(word.to_owned()),
        }
    }

    /// The data for the file system, by commas.
    pub fn data(&self) -> String {
        self.data.join(",")
    }
}

/// Words between commas; commas in quotes belong to a word (`context="a,b"`).
fn words(list: &str) -> Vec<&str> {
    let mut quoted = false;
    list.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &str) -> Options {
        let mut options = Options::default();
        options.add(list);
        options
    }

    #[test]
    fn the_kubelets_forms() {
        let tmpfs = of("size=67108864,noswap");
        assert_eq!(tmpfs.data(), "size=67108864,noswap");
        assert!(!tmpfs.named_flags);
        let remount = of("bind,remount,ro,nosuid");
        assert!(remount.remount && remount.bind == Some(Depth::One));
        assert_eq!(remount.set.0, MountFlags::RDONLY | MountFlags::NOSUID);
    }

    #[test]
    fn the_later_word_holds() {
        assert_eq!(of("ro,nosuid,rw").set.0, MountFlags::NOSUID);
        assert!(of("rw").named_flags);
    }

    #[test]
    fn words_for_others_are_left_out() {
        let o = of("defaults,nofail,x-systemd.automount,_netdev,mode=755,context=\"a,b\"");
        assert_eq!(o.data(), "mode=755,context=\"a,b\"");
        assert!(o.no_fail);
    }

    #[test]
    fn propagation_words() {
        assert_eq!(propagation("rshared"), Some(Change(MountPropagationFlags::SHARED | MountPropagationFlags::REC)));
        assert_eq!(propagation("slave"), Some(Change(MountPropagationFlags::DOWNSTREAM)));
        assert_eq!(propagation("ro"), None);
    }
}
