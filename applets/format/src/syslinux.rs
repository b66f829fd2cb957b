//! SYSLINUX's configurations, as EXTLINUX, ISOLINUX, PXELINUX and U-Boot's "distro boot" read them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::menu::{Entry, MOST, Menu, Place};

/// How deep files may include others.
const DEPTH: u8 = 8;
/// The most lines of all files together.
const LINES: usize = 20_000;

/// Read a configuration. `include` gives the text of another file.
pub fn parse(text: &str, include: &mut dyn FnMut(&str) -> Option<String>) -> Menu {
    let mut reader = Reader { menu: Menu::default(), labels: Vec::new(), append: String::new(), default: None, lines: 0 };
    reader.read(text, include, 0);
    reader.finish()
}

#[derive(Default)]
struct Label {
    entry: Entry,
    append: Option<String>,
    is_default: bool,
}

struct Reader {
    menu: Menu,
    labels: Vec<Label>,
    /// What stands above all labels.
    append: String,
    default: Option<String>,
    lines: usize,
}

impl Reader {
    fn read(&mut self, text: &str, include: &mut dyn FnMut(&str) -> Option<String>, depth: u8) {
        for line in text.lines().map(str::trim) {
            self.lines += 1;
            if self.lines > LINES {
                return;
            }
            let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let rest = rest.trim();
            match word.to_ascii_lowercase().as_str() {
                "include" if depth < DEPTH => {
                    // A tag may follow the file's name.
                    let name = rest.split_whitespace().next().unwrap_or_default();
                    if let Some(text) = include(name) {
                        self.read(&text, include, depth + 1);
                    }
                }
                "menu" => self.menu(rest, include, depth),
                "default" | "ontimeout" => self.default = Some(rest.to_string()),
                "timeout" => self.menu.timeout = tenths(rest),
                "label" if self.labels.len() < MOST => {
                    let entry = Entry { title: rest.to_string(), id: rest.to_string(), ..Entry::default() };
                    self.labels.push(Label { entry, ..Label::default() });
                }
                "append" if self.labels.is_empty() => self.append = rest.to_string(),
                other => self.of_label(other, rest),
            }
        }
    }

    fn menu(&mut self, rest: &str, include: &mut dyn FnMut(&str) -> Option<String>, depth: u8) {
        let (word, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        match (word.to_ascii_lowercase().as_str(), self.labels.last_mut()) {
            // A caret marks a key.
            ("label", Some(label)) => label.entry.title = rest.trim().replace('^', ""),
            ("default", Some(label)) => label.is_default = true,
            ("include", _) if depth < DEPTH => {
                if let Some(text) = include(rest.split_whitespace().next().unwrap_or_default()) {
                    self.read(&text, include, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn of_label(&mut self, word: &str, rest: &str) {
        let Some(label) = self.labels.last_mut() else { return };
        match word {
            "kernel" | "linux" => label.entry.kernel = place(rest),
            "initrd" => label.entry.initrds.extend(rest.split(',').filter(|path| !path.is_empty()).map(place)),
            // A hyphen means: nothing, not even what stands above.
            "append" => label.append = Some(if rest == "-" { String::new() } else { rest.to_string() }),
            _ => {}
        }
    }

    fn finish(mut self) -> Menu {
        for label in self.labels {
            let mut entry = label.entry;
            let modules = [".c32", ".bin", ".0", ".bs", ".bss", ".com"];
            if entry.kernel.path.is_empty() || modules.iter().any(|kind| entry.kernel.path.to_ascii_lowercase().ends_with(kind)) {
                continue;
            }
            let append = label.append.unwrap_or_else(|| self.append.clone());
            let mut words = Vec::new();
            for word in append.split_whitespace() {
                match word.strip_prefix("initrd=") {
                    Some(list) => entry.initrds.extend(list.split(',').filter(|path| !path.is_empty()).map(place)),
                    None => words.push(word),
                }
            }
            entry.words = words.join(" ");
            if label.is_default {
                self.menu.default = self.menu.entries.len();
            }
            self.menu.entries.push(entry);
        }
        if let Some(name) = &self.default {
            self.menu.choose(name);
        }
        self.menu
    }
}

fn place(path: &str) -> Place {
    Place { device: String::new(), path: path.trim().to_string() }
}

/// Tenths of a second as seconds; 0 means to wait.
fn tenths(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().filter(|tenths| *tenths > 0).map(|tenths| tenths.div_ceil(10))
}

/// The configurations that PXELINUX looks for, best first, below `pxelinux.cfg/`.
pub fn pxelinux_names(uuid: Option<&str>, mac: [u8; 6], address: core::net::Ipv4Addr) -> Vec<String> {
    let mut names: Vec<String> = uuid.map(ToString::to_string).into_iter().collect();
    names.push(alloc::format!("01-{}", crate::pxe::mac(mac).replace(':', "-")));
    let hex = alloc::format!("{:08X}", address.to_bits());
    names.extend((1..=hex.len()).rev().map(|len| hex[..len].to_string()));
    names.push("default".to_string());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_is_read() {
        let text = "DEFAULT menu.c32\nTIMEOUT 45\nAPPEND quiet\nMENU INCLUDE other.cfg\nLABEL one\n  MENU LABEL ^One\n  KERNEL /k1\n  \
            APPEND initrd=/a,/b root=/dev/sda1\nlabel two\n menu default\n linux /k2\n initrd /c\nlabel chain\n kernel chain.c32\nlabel three\n kernel k3\n append -\n";
        let mut asked = Vec::new();
        let menu = parse(text, &mut |name| {
            asked.push(name.to_string());
            Some("include other.cfg\n".into())
        });
        assert_eq!(asked.len(), usize::from(DEPTH), "it includes itself");
        assert_eq!((menu.default, menu.timeout, menu.entries.len()), (1, Some(5), 3));
        let [one, two, three] = &menu.entries[..] else { return assert_eq!(menu.entries.len(), 3) };
        assert_eq!((one.title.as_str(), one.words.as_str(), one.initrds.len()), ("One", "root=/dev/sda1", 2));
        assert_eq!((two.kernel.path.as_str(), two.words.as_str(), two.initrds.len()), ("/k2", "quiet", 1));
        assert_eq!((three.id.as_str(), three.words.as_str()), ("three", ""));
        assert_eq!(parse("default two\nlabel one\nkernel a\nlabel two\nkernel b\n", &mut |_| None).default, 1);
    }

    #[test]
    fn names_go_from_one_machine_to_all() {
        let names = pxelinux_names(Some("u"), [2, 0, 0, 0, 0, 1], [10, 0, 0, 5].into());
        assert_eq!(names[..3], ["u", "01-02-00-00-00-00-01", "0A000005"]);
        assert_eq!(names[9..], ["0", "default"]);
    }
}
