//! `crictl rm` and `crictl rmp`: remove containers, or whole pods. (`rm` alone removes files.)

use std::io::Write;

use clap::Args;
use kit::{Context, Error, Exit, Result};

use super::{Runtime, Server, ask, told};
use cri_api::{
    ContainerState, ContainerStatusRequest, PodSandboxState, PodSandboxStatusRequest, RemoveContainerRequest,
    RemovePodSandboxRequest, StopContainerRequest, StopPodSandboxRequest,
};

#[derive(Debug, Args)]
pub struct Options {
    /// Stop what runs first
    #[arg(long, short)]
    force: bool,
    /// Ids, or beginnings
    #[arg(required = true)]
    ids: Vec<String>,
}

pub fn containers(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
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

pub fn pods(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
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
