//! `ip netns`: network namespaces with names, each a file below /run/netns.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::{Context, Error, Exit, Result};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_change, unmount};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::json;

use super::view::{Thing, View};
use super::words::{Words, usage};

/// Directory of the files, for iproute2 too.
const DIR: &str = "/run/netns";

pub fn run(view: &View, words: &mut Words<'_>) -> Result<Exit> {
    match words.command(&["show", "add", "delete", "exec"])? {
        "show" => show(view),
        "add" => add(words.need("a name")?),
        "delete" => delete(words.need("a name")?),
        _ => exec(words.need("a name")?, words.all()),
    }
}

/// A namespace by its name, or the one of a process by its number.
pub fn open(name: &str) -> Result<File> {
    let file = match name.parse::<u32>() {
        Ok(pid) => PathBuf::from(format!("/proc/{pid}/ns/net")),
        Err(_) => file(name)?,
    };
    File::open(&file).on("open the network namespace", &file)
}

fn file(name: &str) -> Result<PathBuf> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(usage(format!("{name:?} is not a name for a network namespace")));
    }
    Ok(Path::new(DIR).join(name))
}

fn show(view: &View) -> Result<Exit> {
    let entries = std::fs::read_dir(DIR).into_iter().flatten().filter_map(std::result::Result::ok);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let thing = |name: &String| Thing { text: name.clone(), brief: name.clone(), json: json!({"name": name}) };
    view.show(names.iter().map(thing).collect())
}

fn add(name: &str) -> Result<Exit> {
    let file = file(name)?;
    std::fs::create_dir_all(DIR).on("make", DIR)?;
    // A mount point that is shared, so that a namespace deleted here is gone for everybody who has a copy of it.
    if mount_change(DIR, MountPropagationFlags::SHARED).is_err() {
        mount_bind(DIR, DIR).on("mount", DIR)?;
        mount_change(DIR, MountPropagationFlags::SHARED).on("share", DIR)?;
    }
    File::create_new(&file).on("make", &file)?;
    let made = sys::unshare::unshare(true, false, false).doing("make a network namespace");
    let kept = made.and_then(|()| mount_bind("/proc/thread-self/ns/net", &file).on("mount", &file));
    kept.inspect_err(|_| {
        // An empty file would only be in the way; the error is reported.
        let _ = std::fs::remove_file(&file);
    })?;
    Ok(Exit::OK)
}

fn delete(name: &str) -> Result<Exit> {
    let file = file(name)?;
    // A file without a mount is left from a namespace that is gone.
    let _ = unmount(&file, UnmountFlags::DETACH);
    std::fs::remove_file(&file).on("remove", &file)?;
    Ok(Exit::OK)
}

/// Become the command, in the namespace. /sys still shows the old one's links.
fn exec(name: &str, command: &[String]) -> Result<Exit> {
    let Some((program, args)) = command.split_first() else { return Err(usage("a command is missing")) };
    let kind = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(open(name)?.as_fd(), kind).doing("enter the network namespace")?;
    let e = Command::new(program).args(args).exec();
    let exit = if e.kind() == std::io::ErrorKind::NotFound { Exit::NOT_FOUND } else { Exit::NOT_RUN };
    Err(e).on("run", program).map_err(|e: Error| e.with_exit(exit))
}
