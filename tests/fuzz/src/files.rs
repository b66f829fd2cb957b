//! Files that others write: our keys as TOML and on a command line, and the indexes of a kernel's modules.
#![expect(clippy::panic, reason = "a panic is how a target tells")]

use std::fs;
use std::path::{Path, PathBuf};

use config::{Config, KEYS, Places};
use kit::modules::Modules;

/// The first byte says whether the rest is a file, a command line, or a DHCP server's option 224. Nothing fails: what is not understood
/// is a complaint that a console can show. A DHCP server sets what its level of trust allows, and nothing else.
pub fn keys(input: &[u8]) {
    let Some((which, rest)) = input.split_first() else { return };
    let directory = scratch("keys");
    let mut places = Places { directory: directory.0.clone(), ..Places::default() };
    match which % 4 {
        0 | 2 => directory.put("a.toml", rest),
        1 => places.command_line = String::from_utf8_lossy(rest).into_owned(),
        _ => {
            let digits = rest.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
            directory.put("eth0.json", format!("{{\"options\": {{\"224\": \"{digits}\"}}}}").as_bytes());
            places.dhcp.clone_from(&directory.0);
        }
    }
    let config = Config::load_from(&places);
    if which % 4 == 3 {
        assert!(config.all().all(|(name, ..)| ["hostname", "ntp.servers"].contains(&name)), "a DHCP server has set too much");
        assert!(config.complaints().iter().all(|line| !line.contains(char::is_control)), "{:?}", config.complaints());
    }
    for key in KEYS {
        let _ = (config.text(key), config.flag(key), config.number(key), config.list(key), config.open(key).count());
    }
}

/// The first byte says which index the rest is; the others are small and good.
pub fn modules(input: &[u8]) {
    let Some((which, rest)) = input.split_first() else { return };
    let directory = scratch("modules");
    let indexes: [(&str, &[u8]); 4] = [
        ("modules.dep", b"kernel/a.ko: kernel/b.ko\nkernel/b.ko:\n"),
        ("modules.alias", b"alias pci:v*d* a\n"),
        ("modules.softdep", b"softdep a pre: b\n"),
        ("modules.builtin", b"kernel/c.ko\n"),
    ];
    for (at, (name, good)) in indexes.iter().enumerate() {
        directory.put(name, if at == usize::from(*which) % indexes.len() { rest } else { good });
    }
    let Ok(modules) = Modules::open(&directory.0) else { return };
    for name in ["a", "b", "c", "pci:v00001234d00000001"] {
        for found in modules.names(name) {
            let files = modules.files(&found);
            assert!(files.iter().enumerate().all(|(at, file)| !files[..at].contains(file)), "{found} has a file twice");
        }
    }
    assert!(modules.all().count() <= rest.len() + 8);
}

/// A directory in memory, gone when it is dropped.
struct Scratch(PathBuf);

fn scratch(name: &str) -> Scratch {
    let memory = Path::new("/dev/shm");
    let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let thread = format!("{:?}", std::thread::current().id());
    let directory = above.join(format!("kutties-fuzz-{name}-{}-{thread}", std::process::id()));
    fs::create_dir_all(&directory).unwrap_or_else(|e| panic!("make {}: {e}", directory.display()));
    Scratch(directory)
}

impl Scratch {
    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap_or_else(|e| panic!("write {name}: {e}"));
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
