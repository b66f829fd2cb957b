//! `kutties rm` and `kutties rmp`: remove containers, or whole pods. (`rm` alone removes files.)

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result};

use super::{Runtime, Server, ask, told};
use crate::api::{
    ContainerState, ContainerStatusRequest, PodSandboxState, PodSandboxStatusRequest, RemoveContainerRequest,
    RemovePodSandboxRequest, StopContainerRequest, StopPodSandboxRequest,
};

/// The applet for containers.
pub const RM: Applet = Applet { name: "rm", about: "remove containers", place: Place::Node, run: containers };
/// The applet for pods.
pub const RMP: Applet = Applet { name: "rmp", about: "remove pods", place: Place::Node, run: pods };

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    /// Stop what runs first
    #[arg(long, short)]
    force: bool,
    /// Ids, or beginnings
    #[arg(required = true)]
    ids: Vec<String>,
}

fn containers(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&RM, args)?;
    ask(async {
        let mut runtime = options.server.connect().await?;
        for id in &options.ids {
            container(&mut runtime, id, options.force).await?;
            say(id)?;
        }
        Ok(Exit::OK)
    })
}

async fn container(runtime: &mut Runtime, id: &str, force: bool) -> Result<()> {
    let status = ContainerStatusRequest { container_id: id.to_owned(), verbose: false };
    let status = runtime.container_status(status).await.map_err(told)?.into_inner().status.unwrap_or_default();
    if status.state() == ContainerState::ContainerRunning {
        refuse(!force, "container", id)?;
        let request = StopContainerRequest { container_id: id.to_owned(), timeout: 0 };
        runtime.stop_container(request).await.map_err(told)?;
    }
    runtime.remove_container(RemoveContainerRequest { container_id: id.to_owned() }).await.map_err(told).map(drop)
}

fn pods(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&RMP, args)?;
    ask(async {
        let mut runtime = options.server.connect().await?;
        for id in &options.ids {
            pod(&mut runtime, id, options.force).await?;
            say(id)?;
        }
        Ok(Exit::OK)
    })
}

async fn pod(runtime: &mut Runtime, id: &str, force: bool) -> Result<()> {
    let status = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: false };
    let status = runtime.pod_sandbox_status(status).await.map_err(told)?.into_inner().status.unwrap_or_default();
    if status.state() == PodSandboxState::SandboxReady {
        refuse(!force, "pod", id)?;
        runtime.stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: id.to_owned() }).await.map_err(told)?;
    }
    runtime.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id: id.to_owned() }).await.map_err(told).map(drop)
}

/// The server would stop what runs without a question, as the interface wants it.
fn refuse(it: bool, kind: &str, id: &str) -> Result<()> {
    if it { Err(Error::new(format!("remove {kind} {id}: it runs; stop it first, or use --force"))) } else { Ok(()) }
}

fn say(id: &str) -> Result<()> {
    let mut out = kit::out();
    writeln!(out, "{id}").and_then(|()| out.flush()).doing("say what was removed")
}
