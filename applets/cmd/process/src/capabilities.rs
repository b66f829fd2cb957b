//! Names of the kernel's capabilities, as linux/capability.h numbers them.

/// Their names in order, without `cap_`.
pub const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The set that a list makes of `present`: `-all,+kill` and the like, from left to right; none for a word that is no capability.
pub fn changed(present: u64, list: &str) -> Result<u64, String> {
    let mut set = present;
    for word in list.split(',') {
        let (adds, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(name), _) => (true, name),
            (_, Some(name)) => (false, name),
            _ => return Err(format!("bad capability string: {word:?}")),
        };
        let bits = bits(name).ok_or_else(|| format!("unknown capability {name:?}"))?;
        set = if adds { set | bits } else { set & !bits };
    }
    Ok(set)
}

fn bits(name: &str) -> Option<u64> {
    if name == "all" {
        return Some((1 << NAMES.len()) - 1);
    }
    let number = name.strip_prefix("cap_").filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    if let Some(number) = number.and_then(|digits| digits.parse::<u32>().ok()).filter(|number| *number < 64) {
        return Some(1 << number);
    }
    let short = name.strip_prefix("cap_").unwrap_or(name);
    NAMES.iter().position(|known| known.eq_ignore_ascii_case(short)).map(|at| 1 << at)
}

/// The names of a set, with commas between.
pub fn names(set: u64) -> String {
    let bits = (0..64).filter(|bit| set & (1 << bit) != 0);
    let named = bits.map(|bit: usize| NAMES.get(bit).map_or_else(|| format!("cap_{bit}"), |name| (*name).to_owned()));
    let text = named.collect::<Vec<_>>().join(",");
    if text.is_empty() { "[none]".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn lists_change_a_set() {
        assert_eq!(changed(3, "-all,+kill").unwrap(), 1 << 5);
        assert_eq!(changed(0, "+chown,+cap_1").unwrap(), 3);
        assert!(changed(0, "kill").is_err());
        assert!(changed(0, "+nothing").is_err());
        assert_eq!(names(33), "chown,kill");
        assert_eq!(names(0), "[none]");
    }
}
