//! Variables of a configuration URL that identify this machine.

use std::fs;
use std::path::Path;

use kit::{Error, Result};

/// Directory of the kernel's facts about this machine.
const SYS: &str = "/sys";
/// Its name.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// The URL with `${mac}`, `${uuid}`, `${serial}` and `${hostname}` put in.
pub fn expand(url: &str) -> Result<String> {
    fill(url, |name| look(name, Path::new(SYS)))
}

fn fill(url: &str, look: impl Fn(&str) -> Option<String>) -> Result<String> {
    let (mut filled, mut rest) = (String::new(), url);
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or_else(|| Error::new(format!("{url}: a ${{ has no end")))?;
        if !["mac", "uuid", "serial", "hostname"].contains(&name) {
            return Err(Error::new(format!(
                "{url}: there is no ${{{name}}}, but ${{mac}}, ${{uuid}}, ${{serial}} and ${{hostname}}"
            )));
        }
        let value = look(name).ok_or_else(|| Error::new(format!("{url}: this machine has no {name}")))?;
        filled = format!("{filled}{before}{}", quoted(&value));
        rest = behind;
    }
    filled.push_str(rest);
    let web = filled.starts_with("http://") || filled.starts_with("https://");
    if web && filled.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(filled);
    }
    Err(Error::new(format!("{filled:?} is no URL that begins with http:// or https://")))
}

/// As a part of a URL (RFC 3986): all but letters, digits and `-._~:` as `%XX`.
fn quoted(value: &str) -> String {
    value.bytes().fold(String::new(), |text, b| match b {
        b if b.is_ascii_alphanumeric() || b"-._~:".contains(&b) => text + char::from(b).encode_utf8(&mut [0; 4]),
        b => format!("{text}%{b:02X}"),
    })
}

fn look(name: &str, sys: &Path) -> Option<String> {
    let text = match name {
        "mac" => return mac(sys),
        "hostname" => read(Path::new(HOSTNAME)).filter(|name| name != "(none)" && name != "localhost"),
        "uuid" => read(&sys.join("class/dmi/id/product_uuid")).map(|uuid| uuid.to_ascii_lowercase()),
        "serial" => {
            read(&sys.join("class/dmi/id/product_serial")).or_else(|| read(&sys.join("firmware/devicetree/base/serial-number")))
        }
        _ => None,
    };
    text.filter(|text| !text.is_empty())
}

/// The hardware address of the lowest-numbered card, as `52:54:00:12:34:56`.
fn mac(sys: &Path) -> Option<String> {
    let cards = fs::read_dir(sys.join("class/net")).ok()?.flatten().map(|entry| entry.path());
    let cards = cards.filter(|card| card.join("device").exists());
    let numbered = cards.filter_map(|card| {
        let mac = read(&card.join("address")).filter(|mac| mac.len() == 17)?;
        Some((read(&card.join("ifindex"))?.parse::<u32>().ok()?, mac.to_ascii_lowercase()))
    });
    numbered.min().map(|(_, mac)| mac)
}

fn read(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_url_is_filled_in() {
        let machine = |name: &str| match name {
            "mac" => Some("52:54:00:00:00:01".to_owned()),
            "serial" => Some("a b/7?".to_owned()),
            _ => None,
        };
        assert_eq!(fill("http://x/${mac}.toml?s=${serial}", machine).unwrap(), "http://x/52:54:00:00:00:01.toml?s=a%20b%2F7%3F");
        assert_eq!(fill("https://x/$y", machine).unwrap(), "https://x/$y");
        for (wrong, words) in [
            ("http://x/${uuid}", "has no uuid"),
            ("http://x/${what}", "there is no ${what}"),
            ("http://x/${mac", "no end"),
            ("ftp://x/", "http://"),
            ("", "http://"),
            ("http://x/a b", "no URL"),
        ] {
            assert!(fill(wrong, machine).unwrap_err().to_string().contains(words), "{wrong}");
        }
    }

    #[test]
    fn the_first_card_gives_its_address() {
        let sys = std::env::temp_dir().join(format!("kutties-sys-{}", std::process::id()));
        for (name, index, mac, device) in [
            ("lo", "1", "00:00:00:00:00:00", false),
            ("b", "3", "52:54:00:00:00:0B", true),
            ("c", "12", "52:54:00:00:00:0c", true),
        ] {
            let card = sys.join("class/net").join(name);
            fs::create_dir_all(&card).unwrap();
            fs::write(card.join("ifindex"), index).unwrap();
            fs::write(card.join("address"), format!("{mac}\n")).unwrap();
            if device {
                fs::create_dir(card.join("device")).unwrap();
            }
        }
        assert_eq!(look("mac", &sys).as_deref(), Some("52:54:00:00:00:0b"));
        assert_eq!(look("serial", &sys), None);
        fs::remove_dir_all(sys).unwrap();
    }
}
