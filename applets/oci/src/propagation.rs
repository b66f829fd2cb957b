//! Propagation of single mounts (`rprivate`, `rslave`, `rshared` among a mount's options): libcontainer knows the words and
//! does nothing about them, so that each bind mount follows its source on the host for ever.

use std::path::Path;

use libcontainer::oci_spec::runtime::{Mount, Spec};
use nix::mount::{MsFlags, mount};
use serde_json::Value;

/// The flags of an option; none for other options.
fn flags(option: &str) -> Option<MsFlags> {
    let (plain, recursive) = match option.strip_prefix('r') {
        Some(plain) => (plain, MsFlags::MS_REC),
        None => (option, MsFlags::empty()),
    };
    let kind = match plain {
        "private" => MsFlags::MS_PRIVATE,
        "slave" => MsFlags::MS_SLAVE,
        "shared" => MsFlags::MS_SHARED,
        "unbindable" => MsFlags::MS_UNBINDABLE,
        _ => return None,
    };
    Some(kind | recursive)
}

/// Whether a configuration asks for any.
pub fn asked(spec: &Value) -> bool {
    let mounts = spec.get("mounts").and_then(Value::as_array).into_iter().flatten();
    let mut options = mounts.filter_map(|mount| mount.get("options")?.as_array()).flatten();
    options.any(|option| option.as_str().and_then(flags).is_some())
}

/// Give each mount its propagation, in the container and with the right to mount.
pub fn apply(spec: &Spec) -> Result<(), String> {
    spec.mounts().iter().flatten().try_for_each(give)
}

fn give(one: &Mount) -> Result<(), String> {
    let asked = one.options().iter().flatten().filter_map(|option| flags(option));
    for flags in asked {
        let to: &Path = one.destination();
        mount(None::<&str>, to, None::<&str>, flags, None::<&str>)
            .map_err(|e| format!("propagation of mount {}: {}", to.display(), e.desc().to_lowercase()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_of_propagation_are_known_from_others() {
        assert_eq!(flags("rprivate"), Some(MsFlags::MS_PRIVATE | MsFlags::MS_REC));
        assert_eq!(flags("shared"), Some(MsFlags::MS_SHARED));
        assert!(["ro", "rro", "rbind", "relatime", ""].iter().all(|option| flags(option).is_none()));
        assert!(asked(&json!({"mounts": [{"options": ["rbind", "rslave"]}]})));
        assert!(!asked(&json!({"mounts": [{"options": ["rbind", "ro"]}, {}]})));
    }
}
