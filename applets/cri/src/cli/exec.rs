//! `kutties exec`: run a command in a container to its end.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result};

use super::{Server, ask, told};
use crate::api::ExecSyncRequest;

/// The applet.
pub const EXEC: Applet = Applet { name: "exec", about: "run a command in a container", place: Place::Node, run };

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    /// Show the output when the command has ended, which is the only way that is there
    #[arg(long, short)]
    sync: bool,
    /// Seconds until the command is killed; 0 waits for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u32,
    /// The container's id, or beginning
    container: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let Options { server, timeout, container, command, sync: _ } = kit::parse(&EXEC, args)?;
    ask(async {
        let mut runtime = server.connect().await?;
        let request = ExecSyncRequest { container_id: container, cmd: command, timeout: timeout.into() };
        let done = runtime.exec_sync(request).await.map_err(told)?.into_inner();
        let mut out = kit::out();
        out.write_all(&done.stdout).and_then(|()| out.flush()).doing("write the command's output")?;
        std::io::stderr().write_all(&done.stderr).doing("write the command's complaints")?;
        Ok(Exit(u8::try_from(done.exit_code).unwrap_or(u8::MAX)))
    })
}
