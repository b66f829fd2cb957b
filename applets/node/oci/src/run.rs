//! `run`: create and start; in the foreground also wait and delete, with the process's exit status.

use clap::Args;
use kit::{Exit, Result};

use crate::console::Awaited;
use crate::context::Oci;
use crate::directory::Known;
use crate::{config, create, delete, start, wait};

/// Options of `run`.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Options {
    #[command(flatten)]
    create: create::Options,
    /// Leave it running
    #[arg(long, short)]
    detach: bool,
    /// Do not delete it after its end
    #[arg(long)]
    keep: bool,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let given = options.create.console_socket.as_deref();
    if options.detach {
        create::create(oci, &options.create, given)?;
        started(oci, options)?;
        return Ok(Exit::OK);
    }
    let spec = config::read(&options.create.bundle)?;
    let terminal = spec.pointer("/process/terminal").and_then(serde_json::Value::as_bool).unwrap_or(false);
    let awaited = if terminal && given.is_none() { Some(Awaited::listen(&std::env::temp_dir())?) } else { None };
    let socket = awaited.as_ref().map(|awaited| awaited.path().to_owned());
    let pid = create::create(oci, &options.create, given.or(socket.as_deref()))?;
    let console = awaited.map(Awaited::receive).transpose()?;
    started(oci, options)?;
    let exit = wait::wait(pid, console)?;
    if !options.keep {
        delete::delete(oci, &options.create.id, true)?;
    }
    Ok(exit)
}

/// A container that can't be started is of no use to anyone.
fn started(oci: &Oci, options: &Options) -> Result<()> {
    let done = start::start(oci, &options.create.id);
    if done.is_err() && Known::load(&oci.root, &options.create.id).is_ok() {
        // The first failure is the one to tell.
        let _ = delete::delete(oci, &options.create.id, true);
    }
    done
}
