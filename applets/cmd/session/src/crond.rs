//! `crond [-f] [-b] [-c DIR] [-l LEVEL] [-d LEVEL] [-L FILE]` runs jobs at their times.
//!
//! The tables are the files of DIR (/var/spool/cron/crontabs without), each named after its user, and /etc/crontab with a user in each line. A table that changes is read again. A job
//! that still runs when its time comes again is not started a second time. Output of jobs goes to the daemon's own, or to FILE.
//!
//! Example: `crond -f -L /var/log/cron`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use sys::child::{Before, before_exec};

use crate::accounts::Account;
use crate::cron::{self, Job, Moment, When};
use crate::identity;

/// Jobs at their times.
pub const CROND: Applet = Applet { name: "crond", about: "run jobs at their times", place: Place::Sbin, run };

/// Directory of the users' tables.
pub const TABLES: &str = "/var/spool/cron/crontabs";
/// Table of the system.
const SYSTEM: &str = "/etc/crontab";
const MINUTE: i64 = 60;
/// After a jump of the clock by more minutes than these, those between are passed over.
const MOST_MISSED: i64 = 5;

#[derive(Parser)]
struct Options {
    /// Stay in the foreground
    #[arg(short)]
    foreground: bool,
    /// Go to the background, as without -f
    #[arg(short, conflicts_with = "foreground")]
    background: bool,
    /// Directory of the tables
    #[arg(short = 'c', value_name = "DIR", default_value = TABLES)]
    tables: PathBuf,
    /// Say more below this level, as BusyBox counts: 0 says each start
    #[arg(short, value_name = "LEVEL", default_value_t = 8)]
    level: u8,
    /// The same, in the foreground
    #[arg(short, value_name = "LEVEL")]
    debug: Option<u8>,
    /// File for the output
    #[arg(short = 'L', value_name = "FILE")]
    log: Option<PathBuf>,
}

/// A table that was read.
struct Table {
    changed: (i64, i64, u64),
    jobs: Vec<Job>,
}

struct Daemon<'a> {
    options: &'a Options,
    tables: HashMap<PathBuf, Table>,
    running: Vec<(PathBuf, usize, Child)>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&CROND, args)?;
    if !rustix::process::geteuid().is_root() {
        return Err(Error::new("only root can run jobs of others"));
    }
    if !options.foreground && options.debug.is_none() {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(&args[0]).args(args[1..].iter().filter(|arg| *arg != "-b")).arg("-f").stdin(Stdio::null());
        before_exec(&mut command, Before { session: true, ..Before::default() });
        command.spawn().doing("go to the background")?;
        return Ok(Exit::OK);
    }
    let mut daemon = Daemon { options: &options, tables: HashMap::new(), running: Vec::new() };
    daemon.look();
    daemon.start_all(|when| when == When::Reboot);
    let mut last = now() / MINUTE;
    loop {
        let seconds = now();
        let rest = MINUTE - seconds.rem_euclid(MINUTE);
        thread::sleep(Duration::from_secs(rest.cast_unsigned()));
        daemon.reap();
        daemon.look();
        let minute = now() / MINUTE;
        // A clock that is set: forward by a little, all minutes count; far, or back, only the present one.
        let first = if (1..=MOST_MISSED).contains(&(minute - last)) { last + 1 } else { minute };
        if minute == last {
            continue;
        }
        for minute in first..=minute {
            let moment = moment(minute * MINUTE)?;
            daemon.start_all(|when| matches!(when, When::At(times) if times.has(moment)));
        }
        last = minute;
    }
}

fn now() -> i64 {
    kit::clock::now() / 1_000_000_000
}

/// The local time of a moment.
fn moment(seconds: i64) -> Result<Moment> {
    let text = sys::calendar::format(b"%M %H %d %m %w", seconds, false).doing("tell the time")?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let numbers: Vec<u32> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [minute, hour, day, month, weekday] = numbers.as_slice() else { return Err(Error::new("tell the time: no date")) };
    Ok(Moment { minute: *minute, hour: *hour, day: *day, month: *month, weekday: *weekday })
}

impl Daemon<'_> {
    /// Reads the tables that are new or have changed.
    fn look(&mut self) {
        let entries = fs::read_dir(&self.options.tables).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        // Names with a point are those of editors and of tables that are being written.
        paths.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&b'.')));
        paths.push(SYSTEM.into());
        self.tables.retain(|path, _| paths.contains(path));
        for path in paths {
            let Ok(about) = fs::symlink_metadata(&path) else {
                self.tables.remove(&path);
                continue;
            };
            let changed = (about.mtime(), about.mtime_nsec(), about.ino());
            if self.tables.get(&path).is_some_and(|table| table.changed == changed) {
                continue;
            }
            let jobs = Self::read(&path, &about).unwrap_or_else(|e| {
                kit::warn("crond", &Error::new(format!("{}: {e}; none of its jobs runs", path.display())));
                Vec::new()
            });
            self.tables.insert(path, Table { changed, jobs });
        }
    }

    fn read(path: &Path, about: &fs::Metadata) -> Result<Vec<Job>> {
        let is_system = path == Path::new(SYSTEM);
        let user = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let owner = if is_system { 0 } else { Account::named(&user)?.user };
        // Nobody may write another's jobs.
        if !about.is_file() || (about.uid() != 0 && about.uid() != owner) || about.mode() & 0o022 != 0 {
            return Err(Error::new("it is not a file that its owner alone can write"));
        }
        let mut text = String::new();
        File::open(path).and_then(|file| file.take(cron::MOST).read_to_string(&mut text)).on("read", path)?;
        let mut jobs = cron::read(&text, is_system).map_err(Error::new)?;
        if !is_system {
            for job in &mut jobs {
                job.user = Some(user.clone());
            }
        }
        Ok(jobs)
    }

    fn start_all(&mut self, is_due: impl Fn(When) -> bool) {
        let mut due = Vec::new();
        for (path, table) in &self.tables {
            let jobs = table.jobs.iter().enumerate().filter(|(_, job)| is_due(job.when));
            due.extend(jobs.map(|(number, job)| (path.clone(), number, job.clone())));
        }
        for (path, number, job) in due {
            if self.running.iter().any(|(running, at, _)| *running == path && *at == number) {
                continue;
            }
            if self.options.debug.unwrap_or(self.options.level) == 0 {
                kit::warn("crond", &Error::new(format!("starting {:?} of {}", job.command, path.display())));
            }
            match self.start(&job) {
                Ok(child) => self.running.push((path, number, child)),
                Err(e) => kit::warn("crond", &Error::new(format!("{}: {:?}: {e}", path.display(), job.command))),
            }
        }
    }

    fn start(&self, job: &Job) -> Result<Child> {
        let account = Account::named(job.user.as_deref().unwrap_or("root"))?;
        let shell = job.environment.iter().find(|(name, _)| name == "SHELL").map_or("/bin/sh", |(_, shell)| shell);
        let mut command = Command::new(shell);
        identity::environment(&mut command, &account, false);
        command.env("SHELL", shell);
        for (name, value) in job.environment.iter().filter(|(name, _)| name != "LOGNAME" && name != "USER") {
            command.env(name, value);
        }
        command.arg("-c").arg(&job.command);
        let home = Path::new(&account.home);
        command.current_dir(if home.is_dir() { home } else { Path::new("/") });
        command.stdin(if job.input.is_empty() { Stdio::null() } else { Stdio::piped() });
        if let Some(log) = &self.options.log {
            let file = File::options().create(true).append(true).open(log).on("open", log)?;
            command.stdout(file.try_clone().on("share", log)?).stderr(file);
        }
        before_exec(&mut command, Before { session: true, ..Before::default() });
        let mut child = identity::spawn(command, &account)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A job that does not read its input is none the worse; a pipe holds 64 KiB.
            let input = job.input.clone().into_bytes();
            let writer = thread::Builder::new().spawn(move || drop(stdin.write_all(&input)));
            drop(writer.doing("write the job's input")?);
        }
        Ok(child)
    }

    fn reap(&mut self) {
        self.running.retain_mut(|(.., child)| matches!(child.try_wait(), Ok(None)));
    }
}
