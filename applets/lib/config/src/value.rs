//! Values as they come from TOML or a command line, made to fit a key.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Kind;

/// A value as given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A text, number or yes/no, as text.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Value {
    /// The TOML value, or none for a table or a list of anything but simple values.
    pub fn from_toml(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Array(items) => items.iter().map(simple).collect::<Option<_>>().map(Self::Many),
            other => simple(other).map(Self::One),
        }
    }

    /// The same for that kind of key, or what it should have been.
    pub fn fit(self, kind: Kind) -> Result<Self, String> {
        match (kind, self) {
            (Kind::List, Self::One(text)) => Ok(Self::Many(split(&text))),
            (Kind::List, many @ Self::Many(_)) | (Kind::Text, many @ Self::One(_)) => Ok(many),
            (Kind::Flag, Self::One(text)) if flag(&text).is_some() => Ok(Self::One(text)),
            (Kind::Number(most), Self::One(text)) if text.parse::<u64>().is_ok_and(|number| number <= most) => {
                Ok(Self::One(text))
            }
            (Kind::HostName, Self::One(text)) if is_host_name(&text) => Ok(Self::One(text)),
            (Kind::Address, Self::One(text)) if text.is_empty() || is_machine_address(&text) => Ok(Self::One(text)),
            (Kind::Flag, _) => Err("yes or no".into()),
            (Kind::Number(most), _) => Err(format!("a whole number, at most {most}")),
            (Kind::Text, _) => Err("one text, not a list".into()),
            (Kind::Address, _) => Err("the IP address of one machine, without a prefix length".into()),
            (Kind::HostName, _) => Err("a host's name: letters, digits, dashes and dots, at most 64".into()),
        }
    }

    /// The single value.
    pub fn one(&self) -> Option<&str> {
        match self {
            Self::One(text) => Some(text),
            Self::Many(_) => None,
        }
    }

    /// All values.
    pub fn many(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Many(items) => items.clone(),
        }
    }
}

/// Splits a text at commas; empty parts vanish.
pub fn split(text: &str) -> Vec<String> {
    text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Yes or no.
pub fn flag(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Tells if it can be this machine's name: labels of letters, digits, `-` and `_` (RFC 1123, and
/// what Windows' servers give), and no more than the kernel's 64 bytes. It goes into files that
/// other programs read, and into their arguments.
pub fn is_host_name(name: &str) -> bool {
    const LONGEST: usize = 64;
    const LONGEST_LABEL: usize = 63;
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= LONGEST && name.split('.').all(label)
}

/// Tells whether it is an address that other machines of a network can reach one machine by.
fn is_machine_address(text: &str) -> bool {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(a)) => {
            !(a.is_unspecified() || a.is_loopback() || a.is_multicast() || a.is_broadcast() || a.is_link_local())
        }
        Ok(IpAddr::V6(a)) => !(a.is_unspecified() || a.is_loopback() || a.is_multicast() || a.is_unicast_link_local()),
        Err(_) => false,
    }
}

fn simple(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_one_machine() {
        let fits = |text: &str| Value::One(text.to_owned()).fit(Kind::Address).is_ok();
        for good in ["10.0.0.100", "192.168.1.1", "fd00::64", "2001:db8::1", ""] {
            assert!(fits(good), "{good}");
        }
        for bad in [
            "10.0.0.100/24",
            "10.0.0",
            "api.example",
            "0.0.0.0",
            "127.0.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "169.254.0.1",
            "::",
            "::1",
            "fe80::1",
            "fe80::1%eth0",
            "ff02::1",
            "10.0.0.1 x",
        ] {
            assert!(!fits(bad), "{bad}");
        }
        assert!(Value::Many(vec!["10.0.0.1".into()]).fit(Kind::Address).is_err());
    }

    #[test]
    fn host_names_are_harmless_in_files_and_arguments() {
        let label = "a".repeat(63);
        for good in ["a", "rack7", "RACK-7_b", "rack7.example.org", "7", label.as_str()] {
            assert!(is_host_name(good), "{good}");
        }
        let (label, whole) = ("a".repeat(64), ["a"; 33].join("."));
        for bad in [
            "",
            ".",
            "..",
            "a..b",
            "-a",
            "--all",
            "a-",
            "a b",
            "a;reboot",
            "$(reboot)",
            "a\n127.0.0.1 b",
            "a/b",
            "../a",
            "é",
            "a\0",
            "\u{1b}[2J",
            label.as_str(),
            whole.as_str(),
        ] {
            assert!(!is_host_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn numbers_have_a_limit() {
        let fit = |text: &str| Value::One(text.into()).fit(Kind::Number(3600));
        assert_eq!((fit("3600").is_ok(), fit("0").is_ok()), (true, true));
        for wrong in ["3601", "18446744073709551615", "18446744073709551616", "-1", "1.5", "", "1h"] {
            assert_eq!(fit(wrong), Err("a whole number, at most 3600".into()), "{wrong}");
        }
    }
}
