//! `kutties stop` and `kutties stopp`: stop containers, or whole pods.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result};

use super::{Server, ask, told};
use crate::api::{ContainerStatusRequest, PodSandboxStatusRequest, StopContainerRequest, StopPodSandboxRequest};

/// The applet for containers.
pub const STOP: Applet = Applet { name: "stop", about: "stop containers", place: Place::Node, run: stop };
/// The applet for pods.
pub const STOPP: Applet = Applet { name: "stopp", about: "stop pods", place: Place::Node, run: stop_pods };

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    /// Seconds until a container is killed that does not end when asked to
    #[arg(long, short, value_name = "SECONDS", default_value_t = 0)]
    timeout: u32,
    /// The containers' ids, or beginnings
    #[arg(required = true)]
    containers: Vec<String>,
}

#[derive(Debug, Parser)]
struct PodOptions {
    #[command(flatten)]
    server: Server,
    /// The pods' ids, or beginnings
    #[arg(required = true)]
    pods: Vec<String>,
}

fn stop(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&STOP, args)?;
    ask(async {
        let mut runtime = options.server.connect().await?;
        for id in &options.containers {
            // The server says nothing of a container that it does not know: to stop it twice is no mistake. A wrong id is one.
            let status = ContainerStatusRequest { container_id: id.clone(), verbose: false };
            runtime.container_status(status).await.map_err(told)?;
            let request = StopContainerRequest { container_id: id.clone(), timeout: options.timeout.into() };
            runtime.stop_container(request).await.map_err(told)?;
            say(id)?;
        }
        Ok(Exit::OK)
    })
}

fn stop_pods(args: &[OsString]) -> Result<Exit> {
    let options: PodOptions = kit::parse(&STOPP, args)?;
    ask(async {
        let mut runtime = options.server.connect().await?;
        for id in &options.pods {
            let status = PodSandboxStatusRequest { pod_sandbox_id: id.clone(), verbose: false };
            runtime.pod_sandbox_status(status).await.map_err(told)?;
            runtime.stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: id.clone() }).await.map_err(told)?;
            say(id)?;
        }
        Ok(Exit::OK)
    })
}

fn say(id: &str) -> Result<(), Error> {
    let mut out = kit::out();
    writeln!(out, "{id}").and_then(|()| out.flush()).doing("say what was stopped")
}
