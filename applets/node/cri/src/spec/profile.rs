//! The security profiles that are asked for: by the field of today, or in words by the one that the interface calls deprecated. Elder
//! clients fill that alone, and what they confine must not run unconfined.

use kit::{Error, Result};

use cri_api::{SecurityProfile, security_profile::ProfileType};

/// Profile that was asked for, the field of today first; none where both are empty.
pub fn asked(now: Option<&SecurityProfile>, words: &str) -> Result<Option<SecurityProfile>> {
    if now.is_some() {
        return Ok(now.cloned());
    }
    let of = |kind: ProfileType, name: &str| Some(SecurityProfile { profile_type: kind.into(), localhost_ref: name.into() });
    match words {
        "" => Ok(None),
        "unconfined" => Ok(of(ProfileType::Unconfined, "")),
        "runtime/default" => Ok(of(ProfileType::RuntimeDefault, "")),
        _ => match words.strip_prefix("localhost/") {
            Some(name) => Ok(of(ProfileType::Localhost, name)),
            None => {
                Err(Error::new(format!("use profile {words:?}: it is neither runtime/default, unconfined nor localhost/NAME")))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn words_mean_what_the_field_means_and_come_second() {
        let of = |words| asked(None, words).unwrap().map(|profile| (profile.profile_type(), profile.localhost_ref));
        assert_eq!(of(""), None);
        assert_eq!(of("unconfined"), Some((ProfileType::Unconfined, String::new())));
        assert_eq!(of("runtime/default"), Some((ProfileType::RuntimeDefault, String::new())));
        assert_eq!(of("localhost//var/p.json"), Some((ProfileType::Localhost, "/var/p.json".into())));
        assert!(asked(None, "docker").is_err());
        let now = SecurityProfile { profile_type: ProfileType::Unconfined.into(), localhost_ref: String::new() };
        assert_eq!(asked(Some(&now), "localhost/x").unwrap(), Some(now));
    }
}
