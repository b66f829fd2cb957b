//! AppArmor: our profile for containers, loaded into the kernel at the server's start, and which profile a container gets.

use std::fs;
use std::io::Write;
use std::path::Path;

use kit::{Context, Error, Result};

use cri_api::{SecurityProfile, security_profile::ProfileType};

/// Name of the profile of containers that ask for the runtime's default or for none.
pub const DEFAULT: &str = "kutties-default";
/// `apparmor/default.profile`, compiled: little-endian, for the interface of Linux 5.4 and newer.
const POLICY: &[u8] = include_bytes!("apparmor/default.bin");
/// Says `Y` where the kernel has AppArmor and it is on.
const ENABLED: &str = "/sys/module/apparmor/parameters/enabled";
/// The kernel's own list of what is loaded.
const LOADED: &str = "/sys/kernel/security/apparmor/profiles";
/// Takes a compiled policy in one write, in place of one of the same name.
const REPLACE: &str = "/sys/kernel/security/apparmor/.replace";

/// Load our profile, where the kernel has AppArmor.
pub fn load() -> Result<()> {
    if !is_on() {
        return Ok(());
    }
    let mut file = fs::File::options().write(true).open(REPLACE).on("open", REPLACE)?;
    // A second write would be a second policy.
    let written = file.write(POLICY).doing(format_args!("load AppArmor profile {DEFAULT}"))?;
    if written == POLICY.len() {
        Ok(())
    } else {
        Err(Error::new(format!("load AppArmor profile {DEFAULT}: the kernel took {written} bytes of it")))
    }
}

/// The profile that a container runs under, or none.
///
/// # Errors
/// A profile that was asked for and can't be given.
pub fn choose(asked: Option<&SecurityProfile>, privileged: bool) -> Result<Option<String>> {
    let on = is_on();
    let list = || if on { fs::read_to_string(LOADED).unwrap_or_default() } else { String::new() };
    let mut loaded = list();
    // Somebody took it away, or it could not be loaded when the server started.
    if on && !is_loaded(&loaded, DEFAULT) && load().is_ok() {
        loaded = list();
    }
    of(asked, privileged, on.then_some(loaded.as_str()))
}

fn is_on() -> bool {
    fs::read_to_string(Path::new(ENABLED)).is_ok_and(|text| text.trim() == "Y")
}

/// `loaded` is the kernel's list, none where it has no AppArmor.
fn of(asked: Option<&SecurityProfile>, privileged: bool, loaded: Option<&str>) -> Result<Option<String>> {
    let name = match asked.map(SecurityProfile::profile_type) {
        Some(ProfileType::Unconfined) => return Ok(None),
        Some(ProfileType::Localhost) => asked.map_or("", |profile| profile.localhost_ref.trim_start_matches("localhost/")),
        // As containerd has it: without AppArmor the default is none, and a privileged container has none.
        Some(ProfileType::RuntimeDefault) | None if privileged || loaded.is_none() => return Ok(None),
        Some(ProfileType::RuntimeDefault) | None => DEFAULT,
    };
    let no = |why: &str| Err(Error::new(format!("use AppArmor profile {name}: {why}")));
    match loaded {
        None => no("the kernel has no AppArmor"),
        Some(list) if is_loaded(list, name) => Ok(Some(name.to_owned())),
        // A pod that asked for nothing gets what there is; the failure was logged when the server started.
        Some(_) if asked.is_none() => Ok(None),
        Some(_) => no("it is not loaded"),
    }
}

/// Lines such as `name (enforce)`.
fn is_loaded(list: &str, name: &str) -> bool {
    list.lines().any(|line| line.rsplit_once(" (").is_some_and(|(known, _)| known == name))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const LIST: &str = "kutties-default (enforce)\nk8s-web (enforce)\nwith (brackets) (complain)\n";

    fn asked(kind: ProfileType, name: &str) -> SecurityProfile {
        SecurityProfile { profile_type: kind.into(), localhost_ref: name.into() }
    }

    #[test]
    fn a_loaded_profile_is_found_by_its_whole_name() {
        assert!(is_loaded(LIST, "k8s-web") && is_loaded(LIST, "with (brackets)"));
        assert!(!is_loaded(LIST, "k8s") && !is_loaded(LIST, ""));
    }

    #[test]
    fn who_names_none_gets_ours_unless_privileged() {
        let default = asked(ProfileType::RuntimeDefault, "");
        let free = asked(ProfileType::Unconfined, "");
        let name = |asked, privileged, list| of(asked, privileged, list).unwrap();
        for asked in [None, Some(&default)] {
            assert_eq!(name(asked, false, Some(LIST)).as_deref(), Some(DEFAULT));
            assert_eq!(name(asked, true, Some(LIST)), None);
            assert_eq!(name(asked, false, None), None);
        }
        assert_eq!(name(Some(&free), false, Some(LIST)), None);
        // It could not be loaded: only who asked in words is refused.
        assert_eq!(name(None, false, Some("")), None);
        assert!(of(Some(&default), false, Some("")).is_err());
    }

    #[test]
    fn a_named_profile_is_given_or_refused() {
        let web = asked(ProfileType::Localhost, "localhost/k8s-web");
        for privileged in [false, true] {
            assert_eq!(of(Some(&web), privileged, Some(LIST)).unwrap().as_deref(), Some("k8s-web"));
            assert!(of(Some(&web), privileged, None).is_err());
            assert!(of(Some(&asked(ProfileType::Localhost, "k8s")), privileged, Some(LIST)).is_err());
        }
    }

    #[test]
    fn the_policy_is_the_profile_s() {
        // The kernel's format: tagged fields, names in clear. The whole is compared where Debian's compiler is (tests/src/pods).
        let text = include_str!("apparmor/default.profile");
        assert!(text.contains(&format!("profile {DEFAULT} ")));
        assert!(POLICY.starts_with(b"\x04\x08\x00version\x00"));
        assert!(POLICY.windows(DEFAULT.len()).any(|window| window == DEFAULT.as_bytes()));
    }
}
