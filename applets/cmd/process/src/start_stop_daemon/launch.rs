//! Start of a daemon: user, root, directory, descriptors, pid file.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use kit::{Context, Error, Exit, Result, account};
use rustix::process::{Gid, Uid};
use sys::child::{Before, before_exec};

use super::options::Options;
use crate::start;

/// Start the program. In the background it is a child in a session of its own; otherwise it takes our place.
pub fn launch(options: &Options, program: &Path) -> Result<Exit> {
    if let Some(number) = options.nicelevel {
        rustix::process::nice(number).doing("change the niceness")?;
    }
    if let Some(mask) = &options.umask {
        let mask = u32::from_str_radix(mask, 8).map_err(|_| Error::usage(format!("{mask} is no mask of octal digits")))?;
        rustix::process::umask(rustix::fs::Mode::from_bits_truncate(mask));
    }
    let mut command = Command::new(program);
    command.args(&options.arguments);
    if options.background {
        return in_background(options, command);
    }
    if options.make_pidfile {
        write_pid(options, std::process::id())?;
    }
    enter(options)?;
    Err(start::become_it(command))
}

/// Root, directory and user, for this process and the child that it starts.
fn enter(options: &Options) -> Result<()> {
    if let Some(root) = &options.chroot {
        rustix::process::chroot(root).on("change the root to", root)?;
        rustix::process::chdir("/").doing("enter /")?;
    }
    rustix::process::chdir(&options.chdir).on("enter", &options.chdir)?;
    let (user, group) = ids(options)?;
    if let Some(group) = group {
        rustix::thread::set_thread_groups(&groups(options, group)).doing("set the supplementary groups")?;
        rustix::thread::set_thread_res_gid(group, group, group).doing("set the group")?;
    }
    if let Some(user) = user {
        rustix::thread::set_thread_res_uid(user, user, user).doing("set the user")?;
    }
    Ok(())
}

/// The groups to start with: those of the user, as a login has them, unless a group was given.
fn groups(options: &Options, group: Gid) -> Vec<Gid> {
    let name = options.chuid.as_deref().filter(|text| !text.contains(':') && options.group.is_none());
    let user = name.and_then(account::user_id).map(account::user_name);
    let all = user.map_or_else(|| vec![group.as_raw()], |user| account::groups(&user, Some(group.as_raw())));
    all.into_iter().map(Gid::from_raw).collect()
}

/// The user and the group to start as; the user's own group without another.
fn ids(options: &Options) -> Result<(Option<Uid>, Option<Gid>)> {
    let Some(text) = &options.chuid else {
        let group = options.group.as_ref().map(|name| group_id(name)).transpose()?;
        return Ok((None, group));
    };
    let (name, own_group) = text.split_once(':').map_or((text.as_str(), None), |(name, group)| (name, Some(group)));
    let id = account::user_id(name).ok_or_else(|| Error::usage(format!("user '{name}' not found")))?;
    let group = match own_group.or(options.group.as_deref()) {
        Some(name) => Some(group_id(name)?),
        None => account::primary_group(id).map(Gid::from_raw),
    };
    Ok((Some(Uid::from_raw(id)), group))
}

fn group_id(name: &str) -> Result<Gid> {
    account::group_id(name).map(Gid::from_raw).ok_or_else(|| Error::usage(format!("group '{name}' not found")))
}

fn in_background(options: &Options, mut command: Command) -> Result<Exit> {
    before_exec(&mut command, Before { session: true, ..Before::default() });
    if !options.no_close {
        // Opened as root: a new root may have no such device, and the user no right to it.
        let null = File::options().read(true).write(true).open("/dev/null").on("open", "/dev/null")?;
        let share = || null.try_clone().on("share", "/dev/null");
        command.stdin(share()?).stdout(share()?).stderr(share()?);
    }
    if let Some(file) = &options.output {
        let output = File::options().create(true).append(true).open(file).on("open", file)?;
        command.stdout(output.try_clone().on("share", file)?).stderr(output);
    }
    // The pid file is ours to write, and lies outside a new root: it is opened before and written after the start.
    let file = options.pidfile.as_ref().filter(|_| options.make_pidfile);
    let pid_file = file.map(|file| File::create(file).on("create", file)).transpose()?;
    enter(options)?;
    let child = command.spawn().doing(format!("start {}", command.get_program().display()))?;
    if let (Some(mut opened), Some(file)) = (pid_file, file) {
        std::io::Write::write_all(&mut opened, format!("{}\n", child.id()).as_bytes()).on("write", file)?;
    }
    Ok(Exit::OK)
}

fn write_pid(options: &Options, pid: u32) -> Result<()> {
    let file = options.pidfile.as_ref().ok_or_else(|| Error::usage("--make-pidfile needs --pidfile"))?;
    fs::write(file, format!("{pid}\n")).on("write", file)
}
