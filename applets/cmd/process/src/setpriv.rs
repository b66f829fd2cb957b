//! `setpriv [OPTION]... PROGRAM...` runs a program with other users, groups, capabilities or securebits.
//!
//! Lists of capabilities change what there is, from left to right: `-all,+net_bind_service`. `-d` shows the present state and runs nothing.
//! Exit status 127 if a privilege can't be changed.
//!
//! Example: `setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs id`.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, account, out, parse};
use rustix::process::{Gid, Uid};
use rustix::thread::{self, CapabilitiesSecureBits, CapabilitySet};

use crate::{capabilities, select, start};

/// Privileges of a program.
pub const SETPRIV: Applet = Applet { name: "setpriv", about: "run a program with other privileges", place: Place::Bin, run };

/// Exit status for a privilege that can't be changed.
const REFUSED: Exit = Exit(127);

/// The securebits by name; those of the kernel's own bookkeeping are not for a user.
const SECUREBITS: [(&str, CapabilitiesSecureBits); 5] = [
    ("noroot", CapabilitiesSecureBits::NO_ROOT),
    ("noroot_locked", CapabilitiesSecureBits::NO_ROOT_LOCKED),
    ("no_setuid_fixup", CapabilitiesSecureBits::NO_SETUID_FIXUP),
    ("no_setuid_fixup_locked", CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED),
    ("keep_caps_locked", CapabilitiesSecureBits::KEEP_CAPS_LOCKED),
];

#[derive(Parser)]
struct Options {
    /// Show the present state
    #[arg(short, long)]
    dump: bool,
    /// No program gets more privileges by exec
    #[arg(long, alias = "nnp")]
    no_new_privs: bool,
    /// Capabilities that stay over exec
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    ambient_caps: Option<String>,
    /// Inheritable capabilities
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    inh_caps: Option<String>,
    /// Capabilities that can be had at all
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    bounding_set: Option<String>,
    /// Real user
    #[arg(long, value_name = "USER", conflicts_with = "reuid")]
    ruid: Option<String>,
    /// Effective user
    #[arg(long, value_name = "USER", conflicts_with = "reuid")]
    euid: Option<String>,
    /// Real and effective user
    #[arg(long, value_name = "USER")]
    reuid: Option<String>,
    /// Real group
    #[arg(long, value_name = "GROUP", conflicts_with = "regid")]
    rgid: Option<String>,
    /// Effective group
    #[arg(long, value_name = "GROUP", conflicts_with = "regid")]
    egid: Option<String>,
    /// Real and effective group
    #[arg(long, value_name = "GROUP")]
    regid: Option<String>,
    /// No supplementary groups
    #[arg(long, group = "supplementary")]
    clear_groups: bool,
    /// The present supplementary groups
    #[arg(long, group = "supplementary")]
    keep_groups: bool,
    /// The supplementary groups of the new user
    #[arg(long, group = "supplementary")]
    init_groups: bool,
    /// These supplementary groups
    #[arg(long, group = "supplementary", value_delimiter = ',', value_name = "GROUP")]
    groups: Vec<String>,
    /// Securebits to set (+) and clear (-)
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    securebits: Option<String>,
    /// Signal at the parent's death: keep, clear or a name
    #[arg(long, value_name = "SIGNAL")]
    pdeathsig: Option<String>,
    /// An environment of HOME, SHELL, USER, LOGNAME and PATH alone
    #[arg(long)]
    reset_env: bool,
    /// The program
    #[arg(trailing_var_arg = true, value_name = "PROGRAM")]
    words: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SETPRIV, args)?;
    if options.dump {
        return dump();
    }
    if options.words.is_empty() {
        return Err(Error::usage("no program specified").with_exit(Exit::FAILED));
    }
    let ids = options.ids()?;
    let mut command = start::command(&options.words);
    if options.reset_env {
        reset_environment(&mut command, ids.effective_user);
    }
    options.apply(&ids).map_err(|e| e.with_exit(REFUSED))?;
    Err(start::become_it(command))
}

/// Users and groups that were asked for.
struct Ids {
    real_user: Option<u32>,
    effective_user: Option<u32>,
    real_group: Option<u32>,
    effective_group: Option<u32>,
    groups: Option<Vec<u32>>,
}

fn user(name: Option<&String>) -> Result<Option<u32>> {
    name.map(|name| account::user_id(name).ok_or_else(|| Error::usage(format!("no such user: {name}")).with_exit(Exit::FAILED)))
        .transpose()
}

fn group(name: Option<&String>) -> Result<Option<u32>> {
    name.map(|name| account::group_id(name).ok_or_else(|| Error::usage(format!("no such group: {name}")).with_exit(Exit::FAILED)))
        .transpose()
}

impl Options {
    fn ids(&self) -> Result<Ids> {
        let refused = |text: &str| Err(Error::usage(text).with_exit(Exit::FAILED));
        let real_user = user(self.ruid.as_ref().or(self.reuid.as_ref()))?;
        let effective_user = user(self.euid.as_ref().or(self.reuid.as_ref()))?;
        let real_group = group(self.rgid.as_ref().or(self.regid.as_ref()))?;
        let effective_group = group(self.egid.as_ref().or(self.regid.as_ref()))?;
        let chosen = self.clear_groups || self.keep_groups || self.init_groups || !self.groups.is_empty();
        if (real_group.is_some() || effective_group.is_some()) && !chosen {
            return refused("--[re]gid requires --keep-groups, --clear-groups, --init-groups, or --groups");
        }
        if self.init_groups && real_user.is_none() {
            return refused("--init-groups requires --ruid or --reuid");
        }
        let groups = if self.clear_groups {
            Some(Vec::new())
        } else if let (true, Some(id)) = (self.init_groups, real_user) {
            Some(account::groups(&account::user_name(id), real_group))
        } else if self.groups.is_empty() {
            None
        } else {
            Some(self.groups.iter().map(|name| Ok(group(Some(name))?.unwrap_or_default())).collect::<Result<_>>()?)
        };
        Ok(Ids { real_user, effective_user, real_group, effective_group, groups })
    }

    /// Groups first, for the new user may not change them; capabilities stay over the change of the user until exec.
    fn apply(&self, ids: &Ids) -> Result<()> {
        if self.no_new_privs {
            thread::set_no_new_privs(true).doing("disallow new privileges")?;
        }
        if ids.real_group.is_some() || ids.effective_group.is_some() {
            let (real, effective) = (ids.real_group.map(Gid::from_raw), ids.effective_group.map(Gid::from_raw));
            thread::set_thread_res_gid(real, effective, effective).doing("set the group")?;
        }
        if let Some(groups) = &ids.groups {
            let groups: Vec<_> = groups.iter().map(|&id| Gid::from_raw(id)).collect();
            thread::set_thread_groups(&groups).doing("set the supplementary groups")?;
        }
        if let Some(list) = &self.bounding_set {
            bounding_set(list)?;
        }
        if let Some(list) = &self.securebits {
            thread::set_capabilities_secure_bits(securebits(list)?).doing("set the securebits")?;
        }
        if ids.real_user.is_some() || ids.effective_user.is_some() {
            // Refused when the bit is locked: then the user changes without.
            let _ = thread::set_keep_capabilities(true);
            let (real, effective) = (ids.real_user.map(Uid::from_raw), ids.effective_user.map(Uid::from_raw));
            thread::set_thread_res_uid(real, effective, effective).doing("set the user")?;
        }
        self.inherited()?;
        match self.pdeathsig.as_deref() {
            None | Some("keep") => Ok(()),
            Some("clear") => rustix::process::set_parent_process_death_signal(None).doing("clear the parent death signal"),
            Some(name) => {
                let signal = select::signal(name)?;
                rustix::process::set_parent_process_death_signal(Some(signal)).doing("set the parent death signal")
            }
        }
    }

    /// Inheritable and ambient capabilities.
    fn inherited(&self) -> Result<()> {
        let complaint = |e: String| Error::usage(e).with_exit(Exit::FAILED);
        if self.inh_caps.is_none() && self.ambient_caps.is_none() {
            return Ok(());
        }
        let mut sets = thread::capabilities(None).doing("read the capabilities")?;
        sets.effective = sets.permitted;
        if let Some(list) = &self.inh_caps {
            let wanted = capabilities::changed(sets.inheritable.bits(), list).map_err(complaint)?;
            sets.inheritable = CapabilitySet::from_bits_retain(wanted & known());
        }
        thread::set_capabilities(None, sets).doing("set the capabilities")?;
        let Some(list) = &self.ambient_caps else { return Ok(()) };
        let wanted = capabilities::changed(ambient(), list).map_err(complaint)? & known();
        for bit in (0..64).filter(|bit| known() & (1 << bit) != 0) {
            let capability = CapabilitySet::from_bits_retain(1 << bit);
            let adds = wanted & (1 << bit) != 0;
            thread::configure_capability_in_ambient_set(capability, adds)
                .doing(format!("change the ambient capability {}", capabilities::names(1 << bit)))?;
        }
        Ok(())
    }
}

/// Capabilities that the running kernel has.
fn known() -> u64 {
    let bits = (0..64).filter(|bit| thread::capability_is_in_bounding_set(CapabilitySet::from_bits_retain(1 << bit)).is_ok());
    bits.fold(0, |set, bit| set | 1 << bit)
}

fn in_bounding_set() -> u64 {
    let has = |bit: &u32| thread::capability_is_in_bounding_set(CapabilitySet::from_bits_retain(1 << bit)).is_ok_and(|has| has);
    (0..64).filter(has).fold(0, |set, bit| set | 1 << bit)
}

fn ambient() -> u64 {
    let has = |bit: &u32| thread::capability_is_in_ambient_set(CapabilitySet::from_bits_retain(1 << bit)).is_ok_and(|has| has);
    (0..64).filter(has).fold(0, |set, bit| set | 1 << bit)
}

fn bounding_set(list: &str) -> Result<()> {
    let present = in_bounding_set();
    let wanted = capabilities::changed(present, list).map_err(|e| Error::usage(e).with_exit(Exit::FAILED))?;
    for bit in (0..64).filter(|bit| present & !wanted & (1 << bit) != 0) {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        thread::remove_capability_from_bounding_set(capability)
            .doing(format!("drop {} from the bounding set", capabilities::names(1 << bit)))?;
    }
    Ok(())
}

fn securebits(list: &str) -> Result<CapabilitiesSecureBits> {
    let mut bits = thread::capabilities_secure_bits().doing("read the securebits")?;
    for word in list.split(',') {
        let (adds, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(name), _) => (true, name),
            (_, Some(name)) => (false, name),
            _ => return Err(Error::usage(format!("bad securebits string: {word:?}"))),
        };
        let all = SECUREBITS.iter().filter(|(known, _)| *known == name || (name == "all" && !adds));
        let mut found = all.peekable();
        if found.peek().is_none() {
            return Err(Error::usage(format!("unrecognized securebit {name:?}")));
        }
        found.for_each(|(_, bit)| bits.set(*bit, adds));
    }
    Ok(bits)
}

/// As a login would set it; a variable of the terminal stays.
fn reset_environment(command: &mut std::process::Command, euid: Option<u32>) {
    let id = euid.unwrap_or_else(|| rustix::process::geteuid().as_raw());
    let name = account::user_name(id);
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&&*name));
    let field = |at: usize, usual: &str| {
        let found = line.as_ref().and_then(|fields| fields.get(at)).filter(|text| !text.is_empty());
        found.map_or_else(|| usual.to_owned(), |text| (*text).to_owned())
    };
    let path =
        if id == 0 { "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin" } else { "/usr/local/bin:/bin:/usr/bin" };
    let terminal = std::env::var_os("TERM");
    command.env_clear();
    command.envs([("HOME", field(5, "/")), ("SHELL", field(6, "/bin/sh")), ("PATH", path.to_owned())]);
    command.env("USER", &name).env("LOGNAME", &name);
    if let Some(terminal) = terminal {
        command.env("TERM", terminal);
    }
}

fn dump() -> Result<Exit> {
    let mut out = out();
    let users = [rustix::process::getuid(), rustix::process::geteuid()].map(Uid::as_raw);
    let owners = [rustix::process::getgid(), rustix::process::getegid()].map(Gid::as_raw);
    let groups = rustix::process::getgroups().doing("read the groups")?;
    let groups: Vec<_> = groups.iter().map(|group| group.as_raw().to_string()).collect();
    let or_none = |text: String| if text.is_empty() { "[none]".to_owned() } else { text };
    let sets = thread::capabilities(None).doing("read the capabilities")?;
    let bits = thread::capabilities_secure_bits().doing("read the securebits")?;
    let bits: Vec<_> = SECUREBITS.iter().filter(|(_, bit)| bits.contains(*bit)).map(|(name, _)| *name).collect();
    let death = rustix::process::parent_process_death_signal().doing("read the parent death signal")?;
    write!(
        out,
        "uid: {}\neuid: {}\ngid: {}\negid: {}\nSupplementary groups: {}\nno_new_privs: {}\nInheritable capabilities: {}\n\
         Ambient capabilities: {}\nCapability bounding set: {}\nSecurebits: {}\nParent death signal: {}\n",
        users[0],
        users[1],
        owners[0],
        owners[1],
        or_none(groups.join(",")),
        u8::from(thread::no_new_privs().doing("read no_new_privs")?),
        capabilities::names(sets.inheritable.bits()),
        capabilities::names(ambient()),
        capabilities::names(in_bounding_set()),
        or_none(bits.join(",")),
        death.map_or_else(|| "[none]".to_owned(), |signal| kit::signal::name(signal.as_raw()).replacen("SIG", "", 1)),
    )
    .and_then(|()| out.flush())
    .doing("write standard output")?;
    Ok(Exit::OK)
}
