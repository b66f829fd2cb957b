//! `kutties config`: the settings of this machine, and where each comes from.
//!
//! Usage: kutties config show     each key with its value, its source, and the sources that may set it
//!        kutties config reload   read all sources again, the configuration URL too, and have init act on them
//!
//! A secret is not shown. What init acts on again are the host's name, sysctls and services; what a boot alone can do stays.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::{Parser, Subcommand};
use kit::control::{self, Reply, Request};
use kit::{Applet, Context, Error, Exit, Place, Result, paths};

use crate::{Config, KEYS, Places, fetch, key};

/// The record.
pub const NAME: Applet =
    Applet { name: "config", about: "show this machine's settings and their sources", place: Place::Hidden, run };

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Each key with its value, its source, and in brackets the sources that may set it
    Show,
    /// Read all sources again and act on them
    Reload,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    match options.verb {
        Verb::Show => show(&Config::load()),
        Verb::Reload => reload(),
    }
}

/// The file of the URL's settings gets its name last: those who wait for it are started with what it says.
fn reload() -> Result<Exit> {
    let (new, fetched) = (Path::new(paths::CONFIG_FETCHED).with_extension("new"), Path::new(paths::CONFIG_FETCHED));
    let wanted = !Config::load().text(&key::CONFIG).is_empty();
    let config = if wanted {
        let url = fetch::fetch(&new)?;
        say(&format!("settings came from {url}"))?;
        Config::load_from(&Places { fetched: new.clone(), ..Places::here() })
    } else {
        Config::load()
    };
    config.keep()?;
    if let Reply::Failed(why) = control::ask(&Request::Reload)? {
        return Err(Error::new(why));
    }
    if wanted {
        std::fs::rename(&new, fetched).on("write", fetched)?;
    }
    Ok(Exit::OK)
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").doing("write the outcome")
}

fn show(config: &Config) -> Result<Exit> {
    let mut out = kit::out();
    for row in rows(config) {
        let Row { name, value, source, trust } = row;
        writeln!(out, "{name:<20} {value:<32} {source} [{trust}]").doing("write the settings")?;
    }
    for complaint in config.complaints() {
        writeln!(out, "wrong: {complaint}").doing("write the settings")?;
    }
    out.flush().doing("write the settings")?;
    Ok(Exit::OK)
}

/// A key as it is shown.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    name: String,
    value: String,
    source: String,
    trust: &'static str,
}

/// Every key, by name; of open keys those that were set.
fn rows(config: &Config) -> Vec<Row> {
    let trust = |name: &str| KEYS.iter().find(|key| key.stars(name).is_some()).map_or("", |key| key.trust.words());
    let set = config.all().map(|(name, value, source)| Row {
        name: name.to_owned(),
        value: hidden(name, &value.join(",")),
        source: source.to_owned(),
        trust: trust(name),
    });
    let plain = KEYS.iter().filter(|key| !key.name.contains('*') && config.source(key).is_none());
    let default = plain.map(|key| Row {
        name: key.name.to_owned(),
        value: key.default.to_owned(),
        source: "by default".to_owned(),
        trust: key.trust.words(),
    });
    let mut rows: Vec<_> = set.chain(default).collect();
    rows.sort();
    rows
}

/// A token's second part is its secret, and a URL's user may have a password.
fn hidden(name: &str, value: &str) -> String {
    if [key::BACKUP_TO.name, key::RESTORE.name].contains(&name) {
        return without_password(value);
    }
    if name != key::JOIN.name {
        return value.to_owned();
    }
    let parts = value.split(',').map(|part| match part.strip_prefix("token=").map(|token| token.split_once('.')) {
        Some(Some((id, _))) => format!("token={id}.(secret)"),
        Some(None) => "token=(secret)".to_owned(),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(",")
}

/// A URL without what stands before the host, and behind a question mark, where stores of files
/// expect a signature.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (rest, more) = rest.split_once(',').map_or((rest, String::new()), |(rest, more)| (rest, format!(",{more}")));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?(secret)"));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or_else(|| host.to_owned(), |(_, host)| format!("(secret)@{host}"));
    format!("{scheme}://{host}{path}{query}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_not_shown() {
        for (value, shown) in [
            ("/var/backup", "/var/backup"),
            ("https://h/${time}.age", "https://h/${time}.age"),
            ("https://u:p@h/x?sig=s,cluster=sha256:00", "https://(secret)@h/x?(secret),cluster=sha256:00"),
        ] {
            assert_eq!(hidden("restore", value), shown);
        }
    }

    #[test]
    fn each_key_is_shown_with_its_source_and_no_secret() {
        let command_line = "kutties.join=h:1,token=abcdef.0123456789abcdef kutties.sysctl.vm.swappiness=1".into();
        let config = Config::load_from(&Places { command_line, ..Places::default() });
        let rows = rows(&config);
        let line = |row: &Row| format!("{} {} [{}]", row.value, row.source, row.trust);
        let row = |name: &str| rows.iter().find(|row| row.name == name).map(line);
        let join = "h:1,token=abcdef.(secret) on the kernel's command line [local, URL, DHCP with settings.dhcp]";
        assert_eq!(row("join").as_deref(), Some(join));
        assert_eq!(row("sysctl.vm.swappiness").as_deref(), Some("1 on the kernel's command line [local, URL]"));
        assert_eq!(row("shutdown.grace").as_deref(), Some("30 by default [local, URL, DHCP with settings.dhcp]"));
        assert_eq!(row("settings.unsigned").as_deref(), Some("no by default [local]"));
        assert_eq!(row("sysctl.**"), None);
    }
}
