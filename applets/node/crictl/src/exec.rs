//! `crictl exec` and `crictl attach`: a command in a container, or what runs in it already, with a person's input, output and
//! terminal.

use std::io::Write;

use clap::Args;
use kit::{Context, Exit, Result};

use super::stream::{Wanted, talk};
use super::{Server, ask, told};
use cri_api::{AttachRequest, ExecRequest, ExecSyncRequest};

#[derive(Debug, Args)]
pub struct Options {
    /// Let the command read the standard input
    #[arg(long, short)]
    interactive: bool,
    /// Give the command a terminal
    #[arg(long, short)]
    tty: bool,
    /// Show the output when the command has ended
    #[arg(long, short, conflicts_with_all = ["interactive", "tty"])]
    sync: bool,
    /// Seconds until the command is killed; 0 sets no timeout
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = "sync")]
    timeout: u32,
    /// The container's id, or beginning
    container: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct AttachOptions {
    /// Let the process read the standard input
    #[arg(long, short)]
    interactive: bool,
    /// The process has a terminal; ^P ^Q leaves it alone
    #[arg(long, short)]
    tty: bool,
    /// The container's id, or beginning
    container: String,
}

pub fn exec(server: &Server, options: Options) -> Result<Exit> {
    if options.sync {
        return sync(server, options);
    }
    let Options { interactive: stdin, tty, container, command, .. } = options;
    let url = ask(async {
        let mut runtime = server.connect().await?;
        let request = ExecRequest { container_id: container, cmd: command, tty, stdin, stdout: true, stderr: !tty };
        Ok(runtime.exec(request).await.map_err(told)?.into_inner().url)
    })?;
    talk(&url, Wanted { stdin, tty, leaves: false })
}

pub fn attach(server: &Server, options: AttachOptions) -> Result<Exit> {
    let AttachOptions { interactive: stdin, tty, container } = options;
    let url = ask(async {
        let mut runtime = server.connect().await?;
        let request = AttachRequest { container_id: container, stdin, tty, stdout: true, stderr: !tty };
        Ok(runtime.attach(request).await.map_err(told)?.into_inner().url)
    })?;
    talk(&url, Wanted { stdin, tty, leaves: true })
}

fn sync(server: &Server, options: Options) -> Result<Exit> {
    let Options { timeout, container, command, .. } = options;
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
