//! `mount` mounts a file system, or shows what is mounted.
//!
//! ```text
//! mount [-t TYPE]                       show all mounts, or those of a type
//! mount [-t TYPE] [-o OPTIONS] SOURCE DIR
//! mount DIR or SOURCE                   the rest from /etc/fstab; with -o remount, change that mount
//! mount -a [-t TYPE] [-O OPTIONS]       all of /etc/fstab that is not mounted, but noauto
//! mount --bind|--rbind|--move OLD NEW
//! mount --make-[r]{shared,slave,private,unbindable} DIR
//! ```
//!
//! SOURCE may be `LABEL=`, `UUID=`, or a file, which is put behind a loop device. Without `-t`, or with `-t auto`, the type is
//! read from the device. Exit status, as util-linux's: 0, 1 usage or permission, 32 mount failed, 64 some of `-a` failed.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};
use rustix::mount::{MountFlags, MountPropagationFlags};

use crate::flags::{Change, Depth, Options, propagation};
use crate::table::{self, Entry};
use crate::{loops, nfs, signature};

/// Mount.
pub const MOUNT: Applet = Applet { name: "mount", about: "mount file systems, or show mounts", place: Place::Bin, run };

const MOUNT_FAILED: Exit = Exit(32);
const SOME_FAILED: Exit = Exit(64);

#[derive(Parser)]
struct Args {
    /// Mount all of /etc/fstab.
    #[arg(short, long)]
    all: bool,
    /// The file systems' type; with -a and for showing, several by commas, `no` in front of those to leave out.
    #[arg(short = 't', long = "types", value_name = "TYPE")]
    kind: Option<String>,
    /// Options by commas; may be given again.
    #[arg(short, long, value_name = "LIST")]
    options: Vec<String>,
    /// With -a: only lines with these options.
    #[arg(short = 'O', long = "test-opts", value_name = "LIST")]
    test_opts: Option<String>,
    /// The same as -o ro.
    #[arg(short, long)]
    read_only: bool,
    /// The same as -o rw.
    #[arg(short = 'w', long = "rw", visible_alias = "read-write")]
    read_write: bool,
    /// Take paths as they are.
    #[arg(short = 'c', long)]
    no_canonicalize: bool,
    /// Write no mtab: there is none.
    #[arg(short = 'n', long)]
    no_mtab: bool,
    /// Do not call a helper: there is none.
    #[arg(short = 'i', long)]
    internal_only: bool,
    /// Say what was mounted.
    #[arg(short, long)]
    verbose: bool,
    /// Show OLD at NEW too.
    #[arg(short = 'B', long)]
    bind: bool,
    /// Show OLD at NEW too, with all mounts below.
    #[arg(short = 'R', long)]
    rbind: bool,
    /// Move OLD to NEW.
    #[arg(short = 'M', long = "move")]
    move_it: bool,
    #[command(flatten)]
    make: Make,
    /// The source, when it can't be told from the place.
    #[arg(long, value_name = "SOURCE")]
    source: Option<PathBuf>,
    /// The place.
    #[arg(long, value_name = "DIR")]
    target: Option<PathBuf>,
    /// Source and place.
    operands: Vec<PathBuf>,
}

/// `--make-…`
#[derive(clap::Args)]
#[expect(clippy::struct_field_names, reason = "the options have these names")]
struct Make {
    #[arg(long, hide = true)]
    make_shared: bool,
    #[arg(long, hide = true)]
    make_slave: bool,
    #[arg(long, hide = true)]
    make_private: bool,
    #[arg(long, hide = true)]
    make_unbindable: bool,
    #[arg(long, hide = true)]
    make_rshared: bool,
    #[arg(long, hide = true)]
    make_rslave: bool,
    #[arg(long, hide = true)]
    make_rprivate: bool,
    #[arg(long, hide = true)]
    make_runbindable: bool,
}

impl Make {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.make_shared, "shared"),
            (self.make_slave, "slave"),
            (self.make_private, "private"),
            (self.make_unbindable, "unbindable"),
            (self.make_rshared, "rshared"),
            (self.make_rslave, "rslave"),
            (self.make_rprivate, "rprivate"),
            (self.make_runbindable, "runbindable"),
        ]
        .into_iter()
        .filter_map(|(given, word)| given.then_some(word))
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let args: Args = parse(&MOUNT, args).map_err(|e| if e.is_text() { e } else { e.with_exit(Exit::FAILED) })?;
    let options = options(&args);
    let source = args.source.clone();
    let (source, target) = match (source, args.target.clone(), args.operands.as_slice()) {
        (None, None, []) if args.all => return mount_all(&args),
        (None, None, []) if args.options.is_empty() => return show(args.kind.as_deref()),
        (None, None, [source, target]) => (Some(source.clone()), target.clone()),
        (source, None, [target]) => (source, target.clone()),
        (source, Some(target), []) => (source, target),
        (None, Some(target), [source]) => (Some(source.clone()), target),
        _ => return Err(Error::usage("give a source and a directory").with_exit(Exit::FAILED)),
    };
    let entry = match source {
        Some(source) => {
            Entry { source, target, kind: args.kind.clone().unwrap_or_else(|| "auto".into()), options: String::new() }
        }
        None if options.remount || (!options.propagation.is_empty() && options.bind.is_none()) => mounted(&target, &options)?,
        None => from_fstab(&target)?,
    };
    let mut all = Options::default();
    all.add(&entry.options);
    args_into(&mut all, &args);
    let mut entry = entry;
    if !args.no_canonicalize {
        entry.target =
            std::fs::canonicalize(&entry.target).on("mount on", &entry.target).map_err(|e| e.with_exit(MOUNT_FAILED))?;
    }
    mount(&entry, &all).map_err(|e| e.with_exit(MOUNT_FAILED))?;
    if args.verbose {
        say(&format!("{} mounted on {}", entry.source.display(), entry.target.display()))?;
    }
    Ok(Exit::OK)
}

/// Returns the options of the arguments alone.
fn options(args: &Args) -> Options {
    let mut options = Options::default();
    args_into(&mut options, args);
    options
}

fn args_into(options: &mut Options, args: &Args) {
    args.options.iter().for_each(|list| options.add(list));
    let words =
        [(args.read_only, "ro"), (args.read_write, "rw"), (args.bind, "bind"), (args.rbind, "rbind"), (args.move_it, "move")];
    words.iter().filter(|(given, _)| *given).for_each(|(_, word)| options.add(word));
    options.propagation.extend(args.make.words().filter_map(propagation));
}

/// The kernel's calls for one mount, in order: mount (or bind, move, remount), then the flags that bind ignores, then propagation.
fn mount(entry: &Entry, options: &Options) -> Result<()> {
    let (source, target) = (entry.source.as_path(), entry.target.as_path());
    let flags = options.set.0;
    if options.remount {
        remount(target, options)?;
    } else if options.move_it {
        rustix::mount::mount_move(source, target).doing(format!("move {} to {}", source.display(), target.display()))?;
    } else if let Some(depth) = options.bind {
        bind(source, target, depth)?;
        if !flags.is_empty() {
            rustix::mount::mount_remount(target, flags | MountFlags::BIND, c"").on("set the flags of", target)?;
        }
    } else if options.propagation.is_empty() || !entry.options.is_empty() || entry.kind != "none" {
        new_mount(entry, options)?;
    }
    options.propagation.iter().try_for_each(|change| set_propagation(target, *change))
}

fn bind(source: &Path, target: &Path, depth: Depth) -> Result<()> {
    let done = match depth {
        Depth::One => rustix::mount::mount_bind(source, target),
        Depth::Tree => rustix::mount::mount_bind_recursive(source, target),
    };
    done.doing(format!("bind {} to {}", source.display(), target.display()))
}

fn remount(target: &Path, options: &Options) -> Result<()> {
    let bind = if options.bind.is_some() { MountFlags::BIND } else { MountFlags::empty() };
    rustix::mount::mount_remount(target, options.set.0 | bind, options.data()).on("remount", target).map_err(not_mounted(target))
}

/// The kernel calls a directory where nothing is mounted an invalid argument.
fn not_mounted(target: &Path) -> impl Fn(Error) -> Error {
    let is_mounted = table::read(table::MOUNTS).is_ok_and(|all| all.iter().any(|e| e.target == target));
    let text = format!("{}: not mounted", target.display());
    move |e| if is_mounted { e } else { Error::new(text.clone()) }
}

fn set_propagation(target: &Path, Change(flags): Change) -> Result<()> {
    let tree = flags & MountPropagationFlags::REC;
    let kind = flags - MountPropagationFlags::REC;
    rustix::mount::mount_change(target, kind | tree).on("change the propagation of", target)
}

fn new_mount(entry: &Entry, options: &Options) -> Result<()> {
    let mut flags = options.set.0;
    if nfs::is_wanted(&entry.kind, &entry.source) {
        return nfs::mount_nfs(&entry.source, &entry.target, &entry.kind, flags, &options.data);
    }
    let mut source = signature::resolve(&entry.source)?;
    // The loop device goes away with its last user: it stays open until the mount uses it.
    let mut _held = None;
    if options.through_loop || is_file(&source, &entry.kind) {
        let read_only = if flags.contains(MountFlags::RDONLY) { sys::loop_device::READ_ONLY } else { 0 };
        let (offset, size_limit) = options.window;
        let flags = sys::loop_device::AUTOCLEAR | read_only;
        let setting = sys::loop_device::Setting { offset, size_limit, flags, ..Default::default() };
        let (device, open) = loops::attach_free(&source, setting)?;
        _held = Some(open);
        source = device;
    }
    let kinds = kinds(&entry.kind, &source)?;
    let data = std::ffi::CString::new(options.data()).doing("read the options")?;
    let mut last = None;
    for kind in kinds {
        let mut done = rustix::mount::mount(&source, &entry.target, kind.as_str(), flags, data.as_c_str());
        if done == Err(rustix::io::Errno::ROFS) || (done == Err(rustix::io::Errno::ACCESS) && is_block(&source)) {
            // A medium that can't be written: nobody asked for writing in so many words.
            flags |= MountFlags::RDONLY;
            done = rustix::mount::mount(&source, &entry.target, kind.as_str(), flags, data.as_c_str());
        }
        match done {
            Ok(()) => return Ok(()),
            Err(e) => last = Some(explain(e, entry, &source, &kind)),
        }
    }
    Err(last.unwrap_or_else(|| Error::new(format!("mount {}: no file system that this kernel knows", source.display()))))
}

/// The types to try.
fn kinds(kind: &str, source: &Path) -> Result<Vec<String>> {
    if kind != "auto" {
        return Ok(kind.split(',').map(str::to_owned).collect());
    }
    if let Some(found) = signature::file_system(source)? {
        return Ok(vec![found]);
    }
    let known = std::fs::read_to_string("/proc/filesystems").on("read", "/proc/filesystems")?;
    Ok(known.lines().filter(|l| !l.starts_with("nodev")).map(|l| l.trim().to_owned()).collect())
}

/// An errno says little here: what it means for a mount.
fn explain(e: rustix::io::Errno, entry: &Entry, source: &Path, kind: &str) -> Error {
    use rustix::io::Errno;
    let (source, target) = (source.display(), entry.target.display());
    let cause = match e {
        Errno::NODEV => format!("unknown file system type '{kind}'"),
        Errno::NOENT if !entry.target.exists() => "mount point does not exist".into(),
        Errno::NOENT => format!("special device {source} does not exist"),
        Errno::NOTDIR => "mount point is not a directory".into(),
        Errno::BUSY => format!("{source} already mounted or mount point busy"),
        Errno::NOTBLK => format!("{source} is not a block device"),
        Errno::PERM | Errno::ACCESS => "permission denied".into(),
        Errno::INVAL => format!("wrong type, option or superblock on {source} (the kernel log may say more)"),
        _ => e.to_string().split(" (os").next().unwrap_or_default().to_lowercase(),
    };
    Error::new(format!("mount {source} on {target}: {cause}"))
}

fn is_file(source: &Path, kind: &str) -> bool {
    const NO_DEVICE: &[&str] =
        &["tmpfs", "ramfs", "proc", "sysfs", "overlay", "none", "9p", "virtiofs", "nfs", "nfs4", "cifs", "bpf"];
    !NO_DEVICE.contains(&kind) && std::fs::metadata(source).is_ok_and(|m| m.is_file())
}

fn is_block(source: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(source).is_ok_and(|m| m.file_type().is_block_device())
}

/// The line of a mount that is to be changed; its flags stay, unless the change is to a bind, which names all it wants.
fn mounted(target: &Path, options: &Options) -> Result<Entry> {
    let wanted = std::fs::canonicalize(target).unwrap_or_else(|_| target.into());
    let found = table::read(table::MOUNTS)?.into_iter().rfind(|e| e.target == wanted);
    let mut entry = found.unwrap_or(Entry { source: "none".into(), target: wanted, kind: "none".into(), options: String::new() });
    if options.remount && options.bind.is_none() {
        entry.options = flag_words(&entry.options);
    } else {
        entry.options.clear();
        entry.kind = "none".into();
    }
    Ok(entry)
}

/// The flags among options; what the file system reported as its own data must not be given back to it.
fn flag_words(list: &str) -> String {
    let mut words = Vec::new();
    for word in list.split(',') {
        let mut one = Options::default();
        one.add(word);
        if one.named_flags {
            words.push(word);
        }
    }
    words.join(",")
}

fn from_fstab(name: &Path) -> Result<Entry> {
    let found = table::read(table::FSTAB).unwrap_or_default().into_iter().find(|e| e.target == name || e.source == name);
    found.ok_or_else(|| Error::new(format!("{}: not in {}", name.display(), table::FSTAB)).with_exit(Exit::FAILED))
}

fn mount_all(args: &Args) -> Result<Exit> {
    let now = table::read(table::MOUNTS)?;
    let mut exit = Exit::OK;
    for entry in table::read(table::FSTAB)? {
        let mut options = Options::default();
        options.add(&entry.options);
        let wanted = entry.kind != "swap"
            && !options.no_auto
            && fits(args.kind.as_deref(), &entry.kind)
            && args.test_opts.as_deref().is_none_or(|list| list.split(',').all(|o| entry.has(o)))
            && !now.iter().any(|m| m.target == entry.target);
        if !wanted || (options.no_fail && !signature::resolve(&entry.source).is_ok_and(|s| s.exists())) {
            continue;
        }
        args_into(&mut options, args);
        if let Err(e) = mount(&entry, &options) {
            complain(&e);
            exit = SOME_FAILED;
        }
    }
    Ok(exit)
}

/// Tells if a type is among `list`; `noA,B` means all others.
fn fits(list: Option<&str>, kind: &str) -> bool {
    let Some(list) = list else { return true };
    match list.strip_prefix("no") {
        Some(others) => others.split(',').all(|k| k != kind),
        None => list.split(',').any(|k| k == kind),
    }
}

fn show(kind: Option<&str>) -> Result<Exit> {
    let mut out = out();
    for e in table::read(table::MOUNTS)?.iter().filter(|e| fits(kind, &e.kind)) {
        writeln!(out, "{} on {} type {} ({})", e.source.display(), e.target.display(), e.kind, e.options)
            .doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}

fn say(text: &str) -> Result<()> {
    let mut out = out();
    writeln!(out, "mount: {text}").and_then(|()| out.flush()).doing("write standard output")
}

/// One of several failed; the others go on.
fn complain(e: &Error) {
    // A closed standard error loses the message.
    let _ = writeln!(std::io::stderr(), "mount: {e}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_in_and_out() {
        assert!(fits(None, "ext4"));
        assert!(fits(Some("ext4,xfs"), "xfs"));
        assert!(!fits(Some("noproc,sysfs"), "sysfs"));
        assert!(fits(Some("noproc,sysfs"), "tmpfs"));
    }

    #[test]
    fn what_a_file_system_reports_is_not_given_back() {
        assert_eq!(flag_words("rw,nosuid,relatime,size=1024k,inode64"), "rw,nosuid,relatime");
    }
}
