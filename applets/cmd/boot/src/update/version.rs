//! Order of versions, as the builder writes them: `0.1.0` of a release, `0.1.0-480-g0123456789` of a commit before it.

use kit::{Error, Result};

/// Refuses a system that is older than this one: an attacker who can't sign may still serve what
/// was signed long ago, with the faults that it had.
///
/// # Errors
/// The offered version is older, or not named.
pub fn check(offered: &str, own: &str) -> Result<()> {
    let (Some(theirs), Some(ours)) = (number(offered), number(own)) else {
        return Err(Error::new(format!(
            "the manifest's version {offered:?} can't be compared with {own}: --older takes it all the same"
        )));
    };
    if theirs >= ours {
        return Ok(());
    }
    Err(Error::new(format!("{offered} is older than this system, which is {own}: --older takes it all the same")))
}

/// Major, minor and patch number, and the number of commits; a release is newer than each commit
/// before it.
fn number(version: &str) -> Option<[u64; 4]> {
    let (release, commit) = version.split_once('-').map_or((version, None), |(release, commit)| (release, Some(commit)));
    let mut parts = release.split('.').map(|part| part.parse::<u64>().ok());
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    let count = match commit {
        None | Some("dirty") => u64::MAX,
        Some(commit) => commit.split('-').next()?.parse().ok()?,
    };
    Some([major, minor, patch, count])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_systems_are_refused() {
        let newer = ["0.1.0-480-g0123456789", "0.1.0-480-g0123456789-dirty", "0.1.0-481-gabc", "0.1.0", "0.2.0-5-gabc", "1.0.0"];
        for offered in newer {
            assert!(check(offered, "0.1.0-480-g0123456789").is_ok(), "{offered}");
        }
        for offered in ["0.1.0-479-gabc", "0.0.9", "", "nonsense", "0.1", "0.1.0.0", "0.1.0-x"] {
            assert!(check(offered, "0.1.0-480-g0123456789").is_err(), "{offered}");
        }
        assert!(check("0.1.0-480-gabc", "0.1.0").is_err() && check("0.1.0", "0.1.0").is_ok());
    }
}
