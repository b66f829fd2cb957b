//! `passwd [-d | -l | -u | -S] [USER]` changes an account's password.
//!
//! `-d` takes the password away, `-l` locks it, `-u` unlocks it, `-S` shows its state. The new password is asked for twice, and comes from standard input where there is
//! no terminal. It is kept as a hash by SHA-512.
//!
//! Example: `passwd root`.

use std::ffi::OsString;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::accounts::{Account, set_hash};
use crate::crypt;
use crate::terminal;

/// Passwords.
pub const PASSWD: Applet = Applet { name: "passwd", about: "change an account's password", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// No password
    #[arg(short, long, group = "verb")]
    delete: bool,
    /// Lock the password
    #[arg(short, long, group = "verb")]
    lock: bool,
    /// Unlock the password
    #[arg(short, long, group = "verb")]
    unlock: bool,
    /// Show the state
    #[arg(short = 'S', long, group = "verb")]
    status: bool,
    /// The account
    user: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&PASSWD, args)?;
    let own = rustix::process::getuid().as_raw();
    let account = match &options.user {
        Some(name) => Account::named(name)?,
        None => Account::of(own)?,
    };
    if own != 0 && (account.user != own || options.delete || options.lock || options.unlock) {
        return Err(Error::new("permission denied"));
    }
    let hash = account.hash()?;
    if options.status {
        let state = match hash.as_str() {
            "" => "NP",
            hash if hash.starts_with(['!', '*']) => "L",
            _ => "P",
        };
        return kit::print(&format!("{} {state}\n", account.name)).map(|()| Exit::OK);
    }
    if options.delete {
        set_hash(&account, |_| Ok(String::new()))?;
    } else if options.lock {
        set_hash(&account, |old| Ok(if old.starts_with('!') { old.to_owned() } else { format!("!{old}") }))?;
    } else if options.unlock {
        set_hash(&account, |old| match old.strip_prefix('!') {
            None => Ok(old.to_owned()),
            Some("") => Err(Error::new("unlocking would leave an account without a password; use -d for that")),
            Some(rest) => Ok(rest.to_owned()),
        })?;
    } else {
        change(&account, &hash, own)?;
    }
    kit::print("passwd: password information changed.\n")?;
    Ok(Exit::OK)
}

fn change(account: &Account, hash: &str, own: u32) -> Result<()> {
    kit::print(&format!("Changing password for {}.\n", account.name))?;
    if own != 0 && !hash.is_empty() {
        let old = terminal::secret("Current password: ")?;
        crypt::check(&old, hash).doing("check the current password")?;
    }
    let new = terminal::secret("New password: ")?;
    if new.is_empty() {
        return Err(Error::new("no password was given; nothing is changed"));
    }
    if new.contains(&0) {
        return Err(Error::new("a password has no zero byte; nothing is changed"));
    }
    if terminal::secret("Retype password: ")? != new {
        return Err(Error::new("the two are not the same; nothing is changed"));
    }
    let mut random = [0; 16];
    getrandom(&mut random, GetRandomFlags::empty()).doing("make a salt")?;
    set_hash(account, |_| Ok(crypt::hash(&new, &random)))
}
