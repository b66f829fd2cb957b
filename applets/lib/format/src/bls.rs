//! Boot loader entries (the UAPI group's "Boot Loader Specification"): `loader/entries/*.conf`, and `loader/loader.conf`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::menu::{Entry, Menu, Place, Wait};

/// An entry with what it is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted {
    /// The entry; its id is the file's name without `.conf`.
    pub entry: Entry,
    key: String,
    version: String,
}

/// Read an entry; none when it names neither a kernel nor a program. `variable` gives what `$name` in options stands for.
pub fn entry(name: &str, text: &str, variable: impl Fn(&str) -> Option<String>) -> Option<Sorted> {
    let id = name.strip_suffix(".conf").unwrap_or(name).to_string();
    let mut entry = Entry { id, ..Entry::default() };
    let (mut key, mut version, mut options) = (String::new(), String::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((field, value)) = line.split_once([' ', '\t']) else { continue };
        let value = value.trim();
        match field {
            "title" => entry.title = value.to_string(),
            "version" => version = value.to_string(),
            "sort-key" => key = value.to_string(),
            "linux" | "efi" | "uki" if entry.kernel.path.is_empty() => entry.kernel = place(value),
            // GRUB's own writers put several into one line.
            "initrd" => entry.initrds.extend(value.split_whitespace().filter(|word| !word.starts_with('$')).map(place)),
            "options" => options.extend(value.split_whitespace().map(|word| expand(word, &variable))),
            _ => {}
        }
    }
    entry.words = options.join(" ").trim().to_string();
    if entry.title.is_empty() {
        entry.title.clone_from(&entry.id);
    }
    (!entry.kernel.path.is_empty()).then_some(Sorted { entry, key, version })
}

fn place(path: &str) -> Place {
    Place { device: String::new(), path: path.to_string() }
}

fn expand(word: &str, variable: &impl Fn(&str) -> Option<String>) -> String {
    match word.strip_prefix('$') {
        Some(name) => variable(name.trim_start_matches('{').trim_end_matches('}')).unwrap_or_default(),
        None => word.to_string(),
    }
}

/// Those with a key first, then the newest version first.
pub fn sort(entries: &mut [Sorted]) {
    entries.sort_by(|a, b| {
        let keyed = |sorted: &Sorted| sorted.key.is_empty();
        let version = |sorted: &Sorted| if sorted.version.is_empty() { sorted.entry.id.clone() } else { sorted.version.clone() };
        keyed(a).cmp(&keyed(b)).then_with(|| a.key.cmp(&b.key)).then_with(|| compare(&version(b), &version(a)))
    });
}

/// Compare versions: numbers by their value.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (one, other);
        ((one, a), (other, b)) = (part(a), part(b));
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let order = if digits(one) && digits(other) {
            let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        } else {
            one.cmp(other)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// The digits that a text begins with, or all up to some; and the rest.
fn part(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

/// Reads the default and the timeout of `loader.conf`.
pub fn settings(text: &str, menu: &mut Menu) {
    for line in text.lines() {
        match line.trim().split_once([' ', '\t']).map(|(field, value)| (field, value.trim())) {
            Some(("timeout", "menu-force")) => menu.wait = Wait::Forever,
            Some(("timeout", "menu-hidden" | "menu-disabled")) => menu.wait = Wait::Seconds(0),
            Some(("timeout", value)) => menu.wait = value.parse().map_or(menu.wait, Wait::Seconds),
            Some(("default", pattern)) => {
                let name = pattern.strip_suffix(".conf").unwrap_or(pattern);
                let found = menu.entries.iter().position(|entry| matches(name, &entry.id));
                let missing = || alloc::format!("there is no entry that fits the default {pattern:?}");
                menu.default = match (found, pattern) {
                    // The entry that was started last is not kept here.
                    (None, "@saved") => menu.default.clone(),
                    (found, _) => found.ok_or_else(missing),
                };
            }
            _ => {}
        }
    }
}

/// Shell patterns with stars alone.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, parts)) = parts.split_last() else { return true };
    for part in parts {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn entries_are_read_and_sorted() {
        let variable = |name: &str| (name == "kernelopts").then(|| "root=/dev/sda1 ro".to_string());
        let text = "# comment\ntitle  A system\nversion 6.9\nlinux /vmlinuz-6.9\ninitrd /ucode /initrd $tuned\noptions $kernelopts ${no} quiet\n";
        let one = entry("a-6.9.conf", text, variable).unwrap();
        assert_eq!((one.entry.title.as_str(), one.entry.words.as_str()), ("A system", "root=/dev/sda1 ro  quiet"));
        assert_eq!(one.entry.initrds.iter().map(|i| i.path.as_str()).collect::<Vec<_>>(), ["/ucode", "/initrd"]);
        let mut all =
            [("b-6.9.conf", "6.9", ""), ("b-6.10.conf", "6.10", ""), ("c.conf", "1", "key")].map(|(name, version, key)| {
                entry(name, &alloc::format!("linux /k\nversion {version}\nsort-key {key}\n"), |_| None).unwrap()
            });
        sort(&mut all);
        assert_eq!(all.map(|sorted| sorted.entry.id), ["c", "b-6.10", "b-6.9"]);
        assert_eq!(entry("x", "title nothing\n", |_| None), None);
    }

    #[test]
    fn the_default_is_a_pattern() {
        let named = |id: &str| Entry { id: id.into(), ..Entry::default() };
        let mut menu = Menu { entries: ["a-1", "b-1", "b-2"].map(named).to_vec(), ..Menu::default() };
        settings("timeout 7\ndefault b-*\n", &mut menu);
        assert_eq!((menu.wait, menu.default.clone()), (Wait::Seconds(7), Ok(1)));
        settings("default *2.conf\ntimeout menu-force\n", &mut menu);
        assert_eq!((menu.wait, menu.default.clone()), (Wait::Forever, Ok(2)));
        settings("default other-*\n", &mut menu);
        assert!(menu.default.is_err_and(|why| why.contains("other-*")));
        assert!(matches("a*b*c", "a1b2c") && !matches("a*b", "a1") && !matches("ab*ba", "aba") && matches("*", ""));
    }
}
