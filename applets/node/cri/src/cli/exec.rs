//! `kutties exec` and `kutties attach`: a command in a container, or what runs in it already, with a person's input, output and
//! terminal.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result};

use super::stream::{Wanted, talk};
use super::{Server, ask, told};
use crate::api::{AttachRequest, ExecRequest, ExecSyncRequest};

/// The applet that runs a command.
pub const EXEC: Applet = Applet { name: "exec", about: "run a command in a container", place: Place::Node, run: exec };
/// The applet that joins what runs.
pub const ATTACH: Applet =
    Applet { name: "attach", about: "see and type what a container's own process does", place: Place::Node, run: attach };

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    /// Let the command read the standard input
    #[arg(long, short)]
    interactive: bool,
    /// Give the command a terminal
    #[arg(long, short)]
    tty: bool,
    /// Show the output when the command has ended
    #[arg(long, short, conflicts_with_all = ["interactive", "tty"])]
    sync: bool,
    /// Seconds until the command is killed; 0 waits for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = "sync")]
    timeout: u32,
    /// The container's id, or beginning
    container: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[derive(Debug, Parser)]
struct AttachOptions {
    #[command(flatten)]
    server: Server,
    /// Let the process read the standard input
    #[arg(long, short)]
    interactive: bool,
    /// The process has a terminal; ^P ^Q leaves it alone
    #[arg(long, short)]
    tty: bool,
    /// The container's id, or beginning
    container: String,
}

fn exec(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&EXEC, args)?;
    if options.sync {
        return sync(options);
    }
    let Options { server, interactive: stdin, tty, container, command, .. } = options;
    let url = ask(async {
        let mut runtime = server.connect().await?;
        let request = ExecRequest { container_id: container, cmd: command, tty, stdin, stdout: true, stderr: !tty };
        Ok(runtime.exec(request).await.map_err(told)?.into_inner().url)
    })?;
    talk(&url, Wanted { stdin, tty, leaves: false })
}

fn attach(args: &[OsString]) -> Result<Exit> {
    let AttachOptions { server, interactive: stdin, tty, container } = kit::parse(&ATTACH, args)?;
    let url = ask(async {
        let mut runtime = server.connect().await?;
        let request = AttachRequest { container_id: container, stdin, tty, stdout: true, stderr: !tty };
        Ok(runtime.attach(request).await.map_err(told)?.into_inner().url)
    })?;
    talk(&url, Wanted { stdin, tty, leaves: true })
}

fn sync(options: Options) -> Result<Exit> {
    let Options { server, timeout, container, command, .. } = options;
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
