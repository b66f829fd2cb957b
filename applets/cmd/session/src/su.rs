//! `su [-] [-l] [-m] [-c TEXT] [-s SHELL] [USER [ARGUMENT]...]` starts a shell as another user, root without a name.
//!
//! `-` and `-l` make it a login shell in the user's home, `-m` keeps the environment, `-c` runs a text. Anybody but root needs the other's password.
//!
//! Example: `su -s /bin/sh -c id nobody`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, parse};

use crate::accounts::Account;
use crate::crypt::check;
use crate::{identity, terminal};

/// Other users.
pub const SU: Applet = Applet { name: "su", about: "start a shell as another user", place: Place::Bin, run };

/// Pause after a wrong password.
const FAILURE_PAUSE: Duration = Duration::from_secs(3);

#[derive(Parser)]
struct Options {
    /// A login shell
    #[arg(short, long)]
    login: bool,
    /// Keep the environment
    #[arg(short = 'm', long, visible_short_alias = 'p')]
    preserve_environment: bool,
    /// Run a text
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    command: Option<OsString>,
    /// Other shell than the account's
    #[arg(short, long, value_name = "SHELL")]
    shell: Option<String>,
    /// User, and arguments of the shell
    #[arg(value_name = "USER")]
    words: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut options: Options = parse(&SU, args)?;
    if options.words.first().is_some_and(|word| word == "-") {
        options.words.remove(0);
        options.login = true;
    }
    let name = if options.words.is_empty() { "root".to_owned() } else { options.words.remove(0).to_string_lossy().into_owned() };
    let account = Account::named(&name)?;
    if !rustix::process::getuid().is_root() {
        let password = terminal::secret("Password: ")?;
        check(&password, &account.hash()?).inspect_err(|_| std::thread::sleep(FAILURE_PAUSE))?;
    }
    let shell = options.shell.clone().unwrap_or_else(|| account.shell.clone());
    let mut command = Command::new(&shell);
    if let Some(text) = &options.command {
        command.arg("-c").arg(text);
    }
    command.args(&options.words);
    if options.login {
        identity::environment(&mut command, &account, false);
        command.arg0(identity::login_name(&shell));
    } else if !options.preserve_environment {
        command.env("HOME", &account.home).env("SHELL", &shell);
        if account.user != 0 {
            command.env("USER", &account.name).env("LOGNAME", &account.name);
        }
    }
    identity::user(&account)?;
    if options.login {
        rustix::process::chdir(account.home.as_str())
            .or_else(|_| rustix::process::chdir("/"))
            .doing("enter the home directory")?;
    }
    let error = command.exec();
    Err(error).doing(format!("run {shell}")).map_err(|e| e.with_exit(Exit::NOT_FOUND))
}
