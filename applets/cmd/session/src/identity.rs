//! A program as another user.

use std::process::Command;

use kit::{Context, Result};
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::accounts::Account;

/// Take the account's groups and number: groups first, for the user may not change them.
pub fn user(account: &Account) -> Result<()> {
    let groups: Vec<Gid> = account.groups().into_iter().map(Gid::from_raw).collect();
    let (group, user) = (Gid::from_raw(account.group), Uid::from_raw(account.user));
    set_thread_groups(&groups).doing("set the groups")?;
    set_thread_res_gid(group, group, group).doing("set the group")?;
    set_thread_res_uid(user, user, user).doing("set the user")
}

/// The environment of a login. The terminal's type stays.
pub fn environment(command: &mut Command, account: &Account, keeps: bool) {
    let terminal = std::env::var_os("TERM");
    if !keeps {
        command.env_clear();
    }
    if let Some(terminal) = terminal {
        command.env("TERM", terminal);
    }
    let path = if account.user == 0 {
        "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin"
    } else {
        "/usr/local/bin:/bin:/usr/bin"
    };
    command.env("PATH", path).env("HOME", &account.home).env("SHELL", &account.shell);
    command.env("USER", &account.name).env("LOGNAME", &account.name);
}

/// The name of a login shell begins with `-`.
pub fn login_name(shell: &str) -> String {
    format!("-{}", shell.rsplit('/').next().unwrap_or(shell))
}

/// Start a program as the user, by way of its groups: the standard library sets the group and the user.
pub fn spawn(mut command: Command, account: &Account) -> Result<std::process::Child> {
    use std::os::unix::process::CommandExt;
    if account.user != 0 {
        // The standard library takes root's other groups away; those of the user are not given.
        command.gid(account.group).uid(account.user);
    }
    command.spawn().doing(format!("run {}", command.get_program().display()))
}
