//! `crictl stop` and `crictl stopp`: stop containers, or whole pods.

use std::io::Write;

use clap::Args;
use kit::{Context, Error, Exit, Result};

use super::{Runtime, Server, ask, told};
use cri_api::{
    Container, ContainerFilter, ContainerState, ContainerStateValue, ContainerStatusRequest, ListContainersRequest,
    PodSandboxStatusRequest, StopContainerRequest, StopPodSandboxRequest,
};

#[derive(Debug, Args)]
pub struct Options {
    /// Seconds until a container is killed that does not end when asked to
    #[arg(long, short, value_name = "SECONDS", default_value_t = 0)]
    timeout: u32,
    /// All that run, at the same time; each gets its pod's own grace period where that is shorter than the timeout
    #[arg(long, short, conflicts_with = "containers")]
    all: bool,
    /// The containers' ids, or beginnings
    #[arg(required_unless_present = "all")]
    containers: Vec<String>,
}

#[derive(Debug, Args)]
pub struct PodOptions {
    /// The pods' ids, or beginnings
    #[arg(required = true)]
    pods: Vec<String>,
}

pub fn stop(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        if options.all {
            return all(runtime, options.timeout).await;
        }
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

/// The annotation by which a kubelet notes a pod's grace period, in seconds, at each container.
const GRACE: &str = "io.kubernetes.pod.terminationGracePeriod";

/// Stop what runs, all at once: the longest grace period is the time that it takes. What can't be stopped is told in the end.
async fn all(mut runtime: Runtime, timeout: u32) -> Result<Exit> {
    let state = Some(ContainerStateValue { state: ContainerState::ContainerRunning.into() });
    let request = ListContainersRequest { filter: Some(ContainerFilter { state, ..Default::default() }) };
    let found = runtime.list_containers(request).await.map_err(told)?.into_inner().containers;
    let mut stops = tokio::task::JoinSet::new();
    for container in found {
        let request = StopContainerRequest { timeout: grace(&container, timeout), container_id: container.id };
        let mut runtime = runtime.clone();
        stops.spawn(async move {
            let id = request.container_id.clone();
            (id, runtime.stop_container(request).await.map_err(told))
        });
    }
    let mut failures = Vec::new();
    while let Some(stopped) = stops.join_next().await {
        match stopped {
            Ok((id, Ok(_))) => say(&id)?,
            Ok((id, Err(e))) => failures.push(format!("{id}: {e}")),
            Err(e) => failures.push(e.to_string()),
        }
    }
    if failures.is_empty() { Ok(Exit::OK) } else { Err(Error::new(format!("stop {}", failures.join("; ")))) }
}

/// The seconds that a container has.
fn grace(container: &Container, most: u32) -> i64 {
    let own = container.annotations.get(GRACE).and_then(|text| text.parse::<i64>().ok());
    own.map_or(most.into(), |own| own.clamp(0, most.into()))
}

pub fn stop_pods(server: &Server, options: &PodOptions) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_its_pods_grace_but_never_more_than_is_left() {
        let of = |text: &str| Container { annotations: [(GRACE.to_owned(), text.to_owned())].into(), ..Container::default() };
        for (text, seconds) in [("5", 5), ("30", 30), ("31", 30), ("9223372036854775807", 30), ("-1", 0), ("soon", 30), ("", 30)]
        {
            assert_eq!(grace(&of(text), 30), seconds, "{text}");
        }
        assert_eq!(grace(&Container::default(), 7), 7);
    }
}
