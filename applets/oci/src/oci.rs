//! `oci`: an OCI runtime with runc's command line.
//!
//! It must stay single-threaded: libcontainer forks without exec.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use kit::{Applet, Error, Exit, Place, Result, paths};

use crate::trace::{self, Format, Heard, Log};
use crate::{checkpoint, create, delete, events, exec, features, kill, list, pause, ps, resume, run, spec, start, state, update};

/// `oci`: an OCI runtime.
pub const NAME: Applet = Applet { name: "oci", about: "make and run containers from OCI bundles", place: Place::Bin, run: enter };

#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
struct Options {
    /// Folder of the containers' state
    #[arg(long, value_name = "DIR", default_value = paths::OCI)]
    root: PathBuf,
    /// File to add complaints to
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How the log's lines look
    #[arg(long, default_value = "text")]
    log_format: Format,
    /// Log each step too
    #[arg(long)]
    debug: bool,
    /// Refused: there is no systemd here
    #[arg(long)]
    systemd_cgroup: bool,
    /// Whether to work around a missing root; only root can make containers here
    #[arg(long, value_name = "BOOL", default_value = "auto", value_parser = ["auto", "false"])]
    rootless: String,
    /// Say which version this is
    #[arg(long, short = 'v')]
    version: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    Checkpoint(checkpoint::Options),
    Create(create::Options),
    Delete(delete::Options),
    Events(events::Options),
    Exec(exec::Options),
    Features(features::Options),
    Kill(kill::Options),
    List(list::Options),
    Pause(pause::Options),
    Ps(ps::Options),
    Restore(checkpoint::Options),
    Resume(resume::Options),
    Run(run::Options),
    Spec(spec::Options),
    Start(start::Options),
    State(state::Options),
    Update(update::Options),
}

/// What every verb needs.
pub struct Oci {
    /// Folder of the containers' state.
    pub root: PathBuf,
    /// What libcontainer complained of.
    pub heard: Heard,
}

fn enter(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let log = Log::open(options.log.as_ref(), options.log_format)?;
    let done = act(options);
    if let Err(e) = &done
        && !e.is_text()
    {
        log.line("error", &e.to_string());
    }
    done
}

fn act(options: Options) -> Result<Exit> {
    if options.systemd_cgroup {
        return Err(Error::new("--systemd-cgroup: there is no systemd here; cgroups are made by the cgroupfs driver"));
    }
    if options.version {
        return Err(Error::text(version()));
    }
    let Some(verb) = options.verb else { return Err(Error::usage("no verb: kutties oci --help lists them")) };
    if matches!(verb, Verb::Create(_) | Verb::Exec(_) | Verb::Run(_)) {
        kit::own::protect()?;
    }
    let debug = options.debug.then(|| Log::open(options.log.as_ref(), options.log_format)).transpose()?;
    let root = std::path::absolute(&options.root).unwrap_or(options.root);
    let oci = Oci { root, heard: trace::listen(debug)? };
    match verb {
        Verb::Checkpoint(o) => checkpoint::refuse("checkpoint", &o),
        Verb::Create(o) => create::run(&oci, &o),
        Verb::Delete(o) => delete::run(&oci, &o),
        Verb::Events(o) => events::run(&oci, &o),
        Verb::Exec(o) => exec::run(&oci, &o),
        Verb::Features(o) => features::run(&o),
        Verb::Kill(o) => kill::run(&oci, &o),
        Verb::List(o) => list::run(&oci, &o),
        Verb::Pause(o) => pause::run(&oci, &o),
        Verb::Ps(o) => ps::run(&oci, &o),
        Verb::Restore(o) => checkpoint::refuse("restore", &o),
        Verb::Resume(o) => resume::run(&oci, &o),
        Verb::Run(o) => run::run(&oci, &o),
        Verb::Spec(o) => spec::run(&o),
        Verb::Start(o) => start::run(&oci, &o),
        Verb::State(o) => state::run(&oci, &o),
        Verb::Update(o) => update::run(&oci, &o),
    }
}

/// Three lines, as runc's callers read them.
fn version() -> String {
    let (own, spec) = (env!("CARGO_PKG_VERSION"), oci_spec::runtime::VERSION);
    format!("kutties oci version {own}\ncommit: {own}\nspec: {spec}\n")
}
