//! Versions of NFS, and those that options leave to try.

use std::fmt;

use kit::{Error, Result};

/// A version of the protocol: 3, or a minor one of 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(Option<u8>);

impl Version {
    /// The last one that needs daemons beside the kernel.
    pub const THREE: Self = Self(None);

    const fn four(minor: u8) -> Self {
        Self(Some(minor))
    }

    /// True for every version whose server keeps a client's state.
    pub const fn is_four(self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("3"),
            Some(minor) => write!(f, "4.{minor}"),
        }
    }
}

/// The versions to try. `named` are the options about versions with their values, in order: of two
/// that contradict the later holds.
pub fn versions(only_four: bool, named: &[(&str, &str)]) -> Result<Vec<Version>> {
    let fours = [2, 1, 0].map(Version::four);
    let (mut chosen, mut minor) = (None, None);
    for (name, value) in named {
        let text = name.strip_prefix('v').filter(|text| text.starts_with(['3', '4'])).unwrap_or(value);
        let wrong = || Error::new(format!("mount option {name}={value}: versions are 3, 4, 4.0, 4.1 and 4.2"));
        match (*name, text) {
            ("minorversion", text) => {
                minor = Some(text.parse::<u8>().ok().filter(|minor| *minor <= 2).ok_or_else(wrong)?);
            }
            (_, "3") => chosen = Some(vec![Version::THREE]),
            (_, "4") => chosen = Some(fours.to_vec()),
            (_, "4.0") => chosen = Some(vec![Version::four(0)]),
            (_, "4.1") => chosen = Some(vec![Version::four(1)]),
            (_, "4.2") => chosen = Some(vec![Version::four(2)]),
            _ => return Err(wrong()),
        }
    }
    let chosen = match (chosen, minor) {
        (Some(chosen), Some(minor)) if chosen.len() == fours.len() => {
            chosen.into_iter().filter(|version| *version == Version::four(minor)).collect()
        }
        (Some(_), Some(_)) => return Err(Error::new("mount option minorversion: only beside vers=4")),
        (Some(chosen), None) => chosen,
        (None, Some(minor)) => vec![Version::four(minor)],
        (None, None) if only_four => fours.to_vec(),
        (None, None) => fours.into_iter().chain([Version::THREE]).collect(),
    };
    if only_four && chosen.contains(&Version::THREE) {
        return Err(Error::new("mount type nfs4: NFS 3 is of type nfs"));
    }
    Ok(chosen)
}
