//! `start-stop-daemon --start|--stop|--status OPTION... [-- ARGUMENT...]` starts a daemon once, and ends it, for init scripts.
//!
//! A daemon is known by `-p PIDFILE`, `-x PROGRAM`, `-n NAME`, `-u USER`, `--pid PID` or `--ppid PID`; all that are given must hold.
//! Exit status of `--start` and `--stop`: 0 done, 1 nothing to do (0 with `-o`), 2 processes left over, 3 trouble; of `--status`:
//! 0 runs, 1 dead with a pid file, 3 does not run, 4 unknown.
//!
//! Example: `start-stop-daemon -S -b -m -p /run/d.pid -x /sbin/d -- -f /etc/d.conf`.

mod launch;
mod options;
mod schedule;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kit::{Applet, Context, Error, Exit, Place, Result, account, out, parse};

use crate::process::{self, Process};
use options::Options;
use schedule::Schedule;

/// Daemons of init scripts.
pub const START_STOP_DAEMON: Applet =
    Applet { name: "start-stop-daemon", about: "start and stop daemons for init scripts", place: Place::Sbin, run };

/// Exit status for any trouble.
const TROUBLE: Exit = Exit(3);
/// Exit status for processes that did not end.
const LEFT_OVER: Exit = Exit(2);

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&START_STOP_DAEMON, args).map_err(trouble)?;
    let is_known = options.exec.is_some()
        || options.pidfile.is_some()
        || options.name.is_some()
        || options.user.is_some()
        || options.pid.is_some()
        || options.ppid.is_some();
    if !is_known {
        return Err(trouble(Error::usage("need at least one of --exec, --pidfile, --user, --name, --pid or --ppid")));
    }
    if options.make_pidfile && options.pidfile.is_none() {
        return Err(trouble(Error::usage("--make-pidfile needs --pidfile")));
    }
    if !options.background && (options.no_close || options.output.is_some()) {
        return Err(trouble(Error::usage("--no-close and --output need --background")));
    }
    if options.verb.status {
        return Ok(status(&options));
    }
    let done = if options.verb.start { start(&options) } else { stop(&options) };
    done.map_err(trouble)
}

fn trouble(e: Error) -> Error {
    if e.is_text() { e } else { e.with_exit(TROUBLE) }
}

/// Show a line unless it is to be quiet.
fn tell(options: &Options, text: &str) -> Result<()> {
    if options.quiet {
        return Ok(());
    }
    let mut out = out();
    writeln!(out, "{text}").and_then(|()| out.flush()).doing("write standard output")
}

fn status(options: &Options) -> Exit {
    match found(options) {
        Err(_) => Exit(4),
        Ok(found) if !found.is_empty() => Exit::OK,
        Ok(_) if options.pidfile.as_ref().is_some_and(|file| file.exists()) => Exit(1),
        Ok(_) => Exit(3),
    }
}

fn start(options: &Options) -> Result<Exit> {
    let program = options.startas.as_ref().or(options.exec.as_ref());
    let program = program.ok_or_else(|| Error::usage("--start needs --exec or --startas"))?;
    let running = found(options)?;
    if let Some(process) = running.first() {
        tell(options, &format!("{} already running.", program.display()))?;
        if options.verbose {
            tell(options, &format!("Its process is {}.", process.pid))?;
        }
        return Ok(if options.oknodo { Exit::OK } else { Exit(1) });
    }
    if options.test {
        let words = options.arguments.iter().map(|word| word.to_string_lossy());
        let words: Vec<_> = [program.to_string_lossy()].into_iter().chain(words).collect();
        tell(options, &format!("Would start {}.", words.join(" ")))?;
        return Ok(Exit::OK);
    }
    if options.verbose {
        tell(options, &format!("Starting {}...", program.display()))?;
    }
    launch::launch(options, program)
}

fn stop(options: &Options) -> Result<Exit> {
    let schedule = Schedule::read(&options.signal, options.retry.as_deref())?;
    let known = found(options)?;
    if known.is_empty() {
        let what = match (&options.exec, &options.pidfile) {
            (Some(program), _) => program.display().to_string(),
            (None, Some(file)) => format!("process in pidfile '{}'", file.display()),
            (None, None) => "process".to_owned(),
        };
        tell(options, &format!("No {what} found running; none killed."))?;
        return Ok(if options.oknodo { Exit::OK } else { Exit(1) });
    }
    if options.test {
        tell(options, &format!("Would send signal {} to {}.", options.signal, numbers(&known)))?;
        return Ok(Exit::OK);
    }
    let left = schedule.run(&known)?;
    if !left.is_empty() {
        let pids: Vec<_> = left.iter().map(ToString::to_string).collect();
        tell(options, &format!("Program {} did not end.", pids.join(" ")))?;
        return Ok(LEFT_OVER);
    }
    if let Some(file) = options.pidfile.as_ref().filter(|_| options.remove_pidfile) {
        match fs::remove_file(file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e).on("remove", file),
            _ => {}
        }
    }
    if options.verbose {
        tell(options, &format!("Stopped {}.", numbers(&known)))?;
    }
    Ok(Exit::OK)
}

fn numbers(processes: &[Process]) -> String {
    let pids: Vec<_> = processes.iter().map(|process| process.pid.to_string()).collect();
    pids.join(" ")
}

/// Processes that all the words fit.
fn found(options: &Options) -> Result<Vec<Process>> {
    let user =
        options.user.as_ref().map(|name| account::user_id(name).ok_or_else(|| Error::usage(format!("user '{name}' not found"))));
    let user = user.transpose()?;
    let numbered = match (&options.pidfile, options.pid) {
        (Some(file), _) => match fs::read_to_string(file) {
            Ok(text) => Some(text.split_whitespace().next().and_then(|word| word.parse::<u32>().ok())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(None),
            Err(e) => return Err(e).on("read", file),
        },
        (None, Some(pid)) => Some(Some(pid)),
        (None, None) => None,
    };
    // A pid file alone can name a process that has nothing to do with it: root's file is believed, another's must fit a second word.
    if let (Some(file), true) = (&options.pidfile, options.exec.is_none() && options.name.is_none() && options.user.is_none()) {
        let owner = fs::metadata(file).map_or(0, |found| found.uid());
        if owner != 0 && rustix::process::geteuid().is_root() {
            return Err(Error::new(format!("matching only on non-root pidfile {} is insecure", file.display())));
        }
    }
    let candidates = match numbered {
        Some(None) => Vec::new(),
        Some(Some(pid)) => process::one(pid).into_iter().collect(),
        None => process::all(),
    };
    let fits = |process: &Process| {
        process.pid != std::process::id()
            && process.state != 'Z'
            && options.ppid.is_none_or(|parent| process.parent == parent)
            && user.is_none_or(|user| process.user == user)
            && options.name.as_ref().is_none_or(|name| process.name == name.chars().take(15).collect::<String>())
            && options.exec.as_ref().is_none_or(|program| is_program(process, program))
    };
    Ok(candidates.into_iter().filter(fits).collect())
}

/// Tells if the process runs that file.
fn is_program(process: &Process, program: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    let (running, wanted) = (id(Path::new(&format!("/proc/{}/exe", process.pid))), id(program));
    if running.is_none() || running != wanted {
        return false;
    }
    // All commands share one binary: the process name is compared too.
    let is_shared = wanted == id(Path::new("/proc/self/exe"));
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    !is_shared || process.is_called(&name)
}
