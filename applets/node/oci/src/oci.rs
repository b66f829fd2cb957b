//! `oci`: an OCI runtime with runc's command line.
//!
//! It must stay single-threaded: libcontainer forks without exec.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use kit::{Applet, Error, Exit, Later, Place, Result, paths};

use crate::context::Oci;
use crate::trace::{self, Format, Log};
use crate::{checkpoint, create, delete, events, exec, features, kill, list, pause, ps, resume, run, spec, start, state, update};

/// `oci`: an OCI runtime.
pub const NAME: Applet = Applet { name: "oci", about: "make and run containers from OCI bundles", place: Place::Bin, run: enter };

/// The verbs that go into a container. They are looked for before the options are read, so that these are read once, not
/// again after the new start; a container of such a name has the other verbs start twice, too.
const ENTERING: [&str; 3] = ["create", "exec", "run"];

#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
struct Options {
    /// Directory of the containers' state
    #[arg(long, value_name = "DIR", default_value = paths::OCI)]
    root: PathBuf,
    /// File to add complaints to
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Format of the log's lines
    #[arg(long, default_value = "text")]
    log_format: Format,
    /// Log each step too
    #[arg(long)]
    debug: bool,
    /// Refused: there is no systemd here
    #[arg(long)]
    systemd_cgroup: bool,
    /// Work around a missing root, or not; only root can make containers here
    #[arg(long, value_name = "BOOL", default_value = "auto", value_parser = ["auto", "false"])]
    rootless: String,
    /// Say which version this is
    #[arg(long, short = 'v')]
    version: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Command to run.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Refused: containers can't be saved and restored
    Checkpoint(Later<checkpoint::Options>),
    /// Make a container; start begins its program
    Create(Later<create::Options>),
    /// Remove a container that has ended
    Delete(Later<delete::Options>),
    /// Tell what a container uses until it ends
    Events(Later<events::Options>),
    /// Run a process in a running container
    Exec(Later<exec::Options>),
    /// Print what this runtime can do
    Features(Later<features::Options>),
    /// Send a signal to a container
    Kill(Later<kill::Options>),
    /// List the containers
    List(Later<list::Options>),
    /// Freeze a container
    Pause(Later<pause::Options>),
    /// List a container's processes
    Ps(Later<ps::Options>),
    /// Refused: containers can't be saved and restored
    Restore(Later<checkpoint::Options>),
    /// Thaw a container
    Resume(Later<resume::Options>),
    /// Create and start a container
    Run(Later<run::Options>),
    /// Write a config.json to begin from
    Spec(Later<spec::Options>),
    /// Begin the program of a created container
    Start(Later<start::Options>),
    /// Print a container's state
    State(Later<state::Options>),
    /// Change a container's limits
    Update(Later<update::Options>),
}

fn enter(args: &[OsString]) -> Result<Exit> {
    let protected = if args.iter().any(|word| ENTERING.iter().any(|verb| word == verb)) { kit::own::protect() } else { Ok(()) };
    // runc's callers know 1 for every failure that is not a process's own.
    let options: Options = kit::parse(&NAME, args).map_err(as_runc)?;
    let log = Log::open(options.log.as_ref(), options.log_format)?;
    let done = protected.and_then(|()| act(options)).map_err(as_runc);
    if let Err(e) = &done
        && !e.is_text()
    {
        log.line("error", &e.to_string());
    }
    done
}

fn as_runc(e: Error) -> Error {
    if e.exit() == Exit::USAGE { e.with_exit(Exit::FAILED) } else { e }
}

fn act(options: Options) -> Result<Exit> {
    if options.systemd_cgroup {
        return Err(Error::new("--systemd-cgroup: there is no systemd here; cgroups are made by the cgroupfs driver"));
    }
    if options.version {
        return Err(Error::text(version()));
    }
    let Some(verb) = options.verb else { return Err(Error::usage("no verb: kutties oci --help lists them")) };
    let debug = options.debug.then(|| Log::open(options.log.as_ref(), options.log_format)).transpose()?;
    let root = std::path::absolute(&options.root).unwrap_or(options.root);
    let log = Log::open(options.log.as_ref(), options.log_format)?;
    let oci = Oci { root, heard: trace::listen(debug)?, log };
    match verb {
        Verb::Checkpoint(o) => checkpoint::refuse("checkpoint", &o.0),
        Verb::Create(o) => create::run(&oci, &o.0),
        Verb::Delete(o) => delete::run(&oci, &o.0),
        Verb::Events(o) => events::run(&oci, &o.0),
        Verb::Exec(o) => exec::run(&oci, &o.0),
        Verb::Features(o) => features::run(&o.0),
        Verb::Kill(o) => kill::run(&oci, &o.0),
        Verb::List(o) => list::run(&oci, &o.0),
        Verb::Pause(o) => pause::run(&oci, &o.0),
        Verb::Ps(o) => ps::run(&oci, &o.0),
        Verb::Restore(o) => checkpoint::refuse("restore", &o.0),
        Verb::Resume(o) => resume::run(&oci, &o.0),
        Verb::Run(o) => run::run(&oci, &o.0),
        Verb::Spec(o) => spec::run(&o.0),
        Verb::Start(o) => start::run(&oci, &o.0),
        Verb::State(o) => state::run(&oci, &o.0),
        Verb::Update(o) => update::run(&oci, &o.0),
    }
}

/// Three lines, as runc's callers read them.
fn version() -> String {
    let (own, spec) = (kit::version_number(), oci_spec::runtime::VERSION);
    format!("kutties oci version {own}\ncommit: {own}\nspec: {spec}\n")
}
