//! The key `config`: settings from a URL, from somebody who is known: by HTTPS, or by a signature.

use std::path::Path;
use std::time::Duration;

use kit::trust::Keys;
use kit::web::{Limits, get};
use kit::{Error, Result, paths};

use crate::{Config, gathered, key, machine};

/// The longest settings, and the longest signature, in bytes; the longest time for each.
const SETTINGS: Limits = Limits { bytes: 256 << 10, time: Duration::from_secs(30) };
const SIGNATURE: Limits = Limits { bytes: 4 << 10, ..SETTINGS };

/// Fetch them into a file; gives the URL. What is no TOML as a whole is an error.
pub fn fetch(to: &Path) -> Result<String> {
    let config = Config::load();
    let url = machine::expand(config.text(&key::CONFIG))?;
    let text = download(&url, config.flag(&key::SETTINGS_UNSIGNED))?;
    text.parse::<toml::Table>().map_err(|e| Error::new(format!("the settings at {url} are no TOML: {}", e.message())))?;
    gathered::write(to, format!("# {url}\n{text}").as_bytes())?;
    Ok(url)
}

/// The settings' text, once it is known whose it is. An authority that the system trusts vouches for a server of HTTPS; by plain HTTP
/// anybody on the way could have written it.
fn download(url: &str, unsigned: bool) -> Result<String> {
    let known = unsigned || url.starts_with("https://");
    let keys = if known { Keys::default() } else { Keys::here()? };
    if !known && keys.is_empty() {
        let path = paths::TRUST;
        return Err(Error::new(format!(
            "the settings at {url} are not believed: it is not HTTPS, and there is no key in {path} that could have signed them"
        )));
    }
    let text = get(url, SETTINGS)?;
    if !known {
        keys.check(&format!("what {url} answers"), &text, &get(&format!("{url}.sig"), SIGNATURE)?)?;
    }
    String::from_utf8(text).map_err(|_| Error::new(format!("fetch {url}: the answer is no text")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn nothing_is_asked_for_that_could_not_be_believed() {
        for url in ["http://127.0.0.1:1/a.toml", "HTTPS://127.0.0.1:1/a.toml", "127.0.0.1:1/https://x"] {
            let why = download(url, false).unwrap_err().to_string();
            assert!(why.contains("are not believed: it is not HTTPS, and there is no key in /etc/kutties/update.pub"), "{why}");
        }
    }
}
