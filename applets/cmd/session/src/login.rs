//! `login [-p] [-h HOST] [-f] [USER]` asks for a name and a password, and starts the account's shell.
//!
//! `-f` believes that somebody else has asked; `-p` keeps the environment; `-h` tells the host that the person comes from. Only root may log in while /etc/nologin
//! exists. /etc/motd is shown before the shell. Three failures, or a minute without an answer, end it.
//!
//! Example: `getty -L 115200 ttyS0` runs it for a serial line.

use std::ffi::OsString;
use std::fs;
use std::io::{Write, stdin};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

use crate::accounts::Account;
use crate::crypt::{Verdict, verify};
use crate::{identity, terminal};

/// Logins.
pub const LOGIN: Applet =
    Applet { name: "login", about: "ask for a name and a password, and start a shell", place: Place::Bin, run };

/// Time for all questions together.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// Pause after a wrong password: nobody tries many.
const FAILURE_PAUSE: Duration = Duration::from_secs(3);
/// Number of tries.
const TRIES: usize = 3;
/// Hash of no password, for names that have no account: an answer takes the same time.
const NOBODYS: &str = "$6$................$";

// `-h` is the host here, as in every login.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Ask for no password
    #[arg(short)]
    force: bool,
    /// Keep the environment
    #[arg(short)]
    preserve: bool,
    /// Host that the person comes from
    #[arg(short = 'h', value_name = "HOST")]
    host: Option<String>,
    /// The name
    user: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LOGIN, args)?;
    if !rustix::process::geteuid().is_root() {
        return Err(Error::new("only root can log others in"));
    }
    let account = if options.force {
        let name = options.user.as_deref().ok_or_else(|| Error::usage("-f needs a name"))?;
        Account::named(name)?
    } else {
        ask(&options)?
    };
    if account.user != 0
        && let Ok(text) = fs::read_to_string("/etc/nologin")
    {
        kit::print(&text)?;
        return Err(Error::new("the system is closed: /etc/nologin exists"));
    }
    start(&options, &account)
}

/// Asks until a password is right.
fn ask(options: &Options) -> Result<Account> {
    // A terminal that nobody sits at is free again after a while: this thread ends the process.
    let limit = thread::Builder::new().spawn(|| {
        thread::sleep(ANSWER_TIMEOUT);
        let own = rustix::process::getpid();
        let _ = rustix::process::kill_process(own, rustix::process::Signal::TERM);
    });
    drop(limit.doing("watch the time")?);
    let mut given = options.user.clone();
    for _ in 0..TRIES {
        let name = match given.take() {
            Some(name) => name,
            None => name()?,
        };
        let password = terminal::secret("Password: ")?;
        let account = Account::named(&name).ok();
        let hash = match &account {
            Some(account) => account.hash()?,
            None => NOBODYS.to_owned(),
        };
        let is_open = hash.is_empty() && password.is_empty();
        match (account, verify(&password, &hash)) {
            (Some(account), Verdict::Right) => return Ok(account),
            (Some(account), _) if is_open => return Ok(account),
            _ => {
                thread::sleep(FAILURE_PAUSE);
                kit::print("Login incorrect\n")?;
            }
        }
    }
    Err(Error::new("too many failures"))
}

fn name() -> Result<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    for _ in 0..TRIES {
        kit::print(&format!("{} login: ", host.trim()))?;
        let line = terminal::typed()?.ok_or_else(|| Error::new("no name was given"))?;
        let name = String::from_utf8_lossy(&line).trim().to_owned();
        if !name.is_empty() && !name.starts_with('-') {
            return Ok(name);
        }
    }
    Err(Error::new("no name was given"))
}

fn start(options: &Options, account: &Account) -> Result<Exit> {
    // The terminal belongs to the person now; one that has no file has no owner either.
    let _ = rustix::fs::fchown(
        stdin(),
        Some(rustix::process::Uid::from_raw(account.user)),
        Some(rustix::process::Gid::from_raw(account.group)),
    );
    let _ = rustix::fs::fchmod(stdin(), rustix::fs::Mode::from_raw_mode(0o600));
    if let Ok(text) = fs::read("/etc/motd") {
        let mut out = out();
        out.write_all(&text).and_then(|()| out.flush()).doing("write standard output")?;
    }
    let mut command = Command::new(&account.shell);
    identity::environment(&mut command, account, options.preserve);
    if let Some(host) = &options.host {
        command.env("REMOTEHOST", host);
    }
    identity::user(account)?;
    if rustix::process::chdir(account.home.as_str()).is_err() {
        kit::print(&format!("No directory {}, logging in with HOME=/\n", account.home))?;
        rustix::process::chdir("/").doing("enter /")?;
        command.env("HOME", "/");
    }
    let error = command.arg0(identity::login_name(&account.shell)).exec();
    Err(error).doing(format!("run {}", account.shell))
}
