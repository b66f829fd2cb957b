//! Options of `start-stop-daemon`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// Options of the command.
#[derive(Parser)]
#[group(skip)]
pub struct Options {
    /// Work to do
    #[command(flatten)]
    pub verb: Verb,
    /// The program that runs, by its file
    #[arg(short = 'x', long, value_name = "PROGRAM")]
    pub exec: Option<PathBuf>,
    /// The program to start, without a look at those that run
    #[arg(short = 'a', long, value_name = "PROGRAM")]
    pub startas: Option<PathBuf>,
    /// The process's name
    #[arg(short, long, value_name = "NAME")]
    pub name: Option<String>,
    /// File of its number
    #[arg(short, long, value_name = "FILE")]
    pub pidfile: Option<PathBuf>,
    /// Its number
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Its parent's
    #[arg(long, value_name = "PID")]
    pub ppid: Option<u32>,
    /// Its user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Start as USER[:GROUP]
    #[arg(short, long, value_name = "USER")]
    pub chuid: Option<String>,
    /// Start with this group
    #[arg(short, long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Start below this root
    #[arg(short = 'r', long, value_name = "DIR")]
    pub chroot: Option<PathBuf>,
    /// Start in this directory
    #[arg(short = 'd', long, default_value = "/", value_name = "DIR")]
    pub chdir: PathBuf,
    /// Start in the background
    #[arg(short, long)]
    pub background: bool,
    /// Keep the descriptors of a start in the background
    #[arg(short = 'C', long)]
    pub no_close: bool,
    /// File for its output, in the background
    #[arg(short = 'O', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the pid file
    #[arg(short, long)]
    pub make_pidfile: bool,
    /// Remove the pid file after the stop
    #[arg(long)]
    pub remove_pidfile: bool,
    /// Signal of the stop
    #[arg(short, long, default_value = "TERM", value_name = "SIGNAL")]
    pub signal: String,
    /// Wait for the end: SECONDS, or SIGNAL/SECONDS/SIGNAL/SECONDS
    #[arg(short = 'R', long, value_name = "SCHEDULE")]
    pub retry: Option<String>,
    /// Say what would be done
    #[arg(short, long)]
    pub test: bool,
    /// Nothing to do is no failure
    #[arg(short, long)]
    pub oknodo: bool,
    /// Say less
    #[arg(short, long)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long)]
    pub verbose: bool,
    /// Niceness to add
    #[arg(short = 'N', long, allow_hyphen_values = true, value_name = "NUMBER")]
    pub nicelevel: Option<i32>,
    /// Mask of new files
    #[arg(short = 'k', long, value_name = "MASK")]
    pub umask: Option<String>,
    /// Arguments of the daemon
    #[arg(value_name = "ARGUMENT")]
    pub arguments: Vec<OsString>,
}

/// One of three verbs.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct Verb {
    /// Start it, if it does not run
    #[arg(short = 'S', long)]
    pub start: bool,
    /// Stop it
    #[arg(short = 'K', long)]
    pub stop: bool,
    /// Tell if it runs
    #[arg(short = 'T', long)]
    pub status: bool,
}
