//! Reference page of the keys, `docs/src/reference/configuration.md`: generated from their table.
//!
//! `make docs WRITE=1` writes it; the test here compares.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::key::{KEYS, Key, Kind};

/// Text before the table.
const HEAD: &str = "\
# Configuration

<!-- Generated from applets/lib/config/src/key.rs by `make docs WRITE=1`. -->

A key has the same name everywhere:

| place | form |
|---|---|
| kernel command line | `kutties.KEY=VALUE`; commas separate items, double quotes keep blanks |
| `/etc/kutties/*.toml`, the URL of the key `config` | TOML: dots are tables, lists are arrays |
| SMBIOS strings of type 11 | `kutties.KEY=VALUE`, one setting each |
| QEMU's fw_cfg | `opt/kutties/KEY` holds the value, `opt/kutties/NAME.toml` a whole file |
| DHCP option 224 | as on the kernel's command line, where a local source says `settings.dhcp=yes` |

Order of precedence, the later wins key by key: default, `board.toml`, other files by name, DHCP,
SMBIOS, fw_cfg, URL, kernel command line. *Local* sources are the files of segments, SMBIOS,
fw_cfg and the kernel command line. `kutties config show` prints each key with its value, its
source, and the sources that may set it. An unknown key, a wrong value and a source that may not
set a key are named on the console, and the boot goes on.

| key | type | default | may come from | meaning |
|---|---|---|---|---|
";

/// The whole page.
fn page() -> String {
    let mut text = HEAD.to_owned();
    for Key { name, kind, default, trust, about } in KEYS {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let (kind, trust) = (type_name(*kind), trust.words());
        let about = about.replace('|', "\\|").replace('<', "&lt;");
        writeln!(text, "| `{name}` | {kind} | {default} | {trust} | {about} |").unwrap();
    }
    text
}

fn type_name(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::HostName => "host name".to_owned(),
        Kind::Address => "IP address".to_owned(),
        Kind::Flag => "yes or no".to_owned(),
        Kind::Number(most) => format!("number up to {most}"),
        Kind::List => "list".to_owned(),
    }
}

#[test]
fn the_reference_page_equals_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join("docs/src/reference/configuration.md");
    let page = page();
    if std::env::var_os("KUTTIES_WRITE_PAGES").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "{} is not current: make docs WRITE=1 writes it", path.display());
}
