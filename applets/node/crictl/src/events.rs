//! `crictl events`: what happens to pods and containers, a line each, until interrupted.

use std::io::Write;

use clap::{Args, ValueEnum};
use kit::{Context, Exit, Result};
use serde_json::json;

use super::{Server, ask, told};
use cri_api::{ContainerEventResponse, ContainerEventType, GetEventsRequest};
use monitor::log;

#[derive(Debug, Args)]
pub struct Options {
    /// Format of an event
    #[arg(long, short, value_enum, default_value = "text")]
    output: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

pub fn run(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        let mut events = runtime.get_container_events(GetEventsRequest {}).await.map_err(told)?.into_inner();
        let mut out = kit::out();
        while let Some(event) = events.message().await.map_err(told)? {
            let text = match options.output {
                Form::Text => line(&event),
                Form::Json => object(&event),
            };
            writeln!(out, "{text}").and_then(|()| out.flush()).doing("write an event")?;
        }
        Ok(Exit::OK)
    })
}

/// The pod's namespace and name, and the container's name; a pod's own event has none.
fn names(event: &ContainerEventResponse) -> (String, String, String) {
    let pod = event.pod_sandbox_status.clone().unwrap_or_default().metadata.unwrap_or_default();
    let of = event.containers_statuses.iter().find(|status| status.id == event.container_id);
    (pod.namespace, pod.name, of.and_then(|status| status.metadata.clone()).unwrap_or_default().name)
}

fn line(event: &ContainerEventResponse) -> String {
    let (namespace, pod, container) = names(event);
    let what = match event.container_event_type() {
        ContainerEventType::ContainerCreatedEvent => "created",
        ContainerEventType::ContainerStartedEvent => "started",
        ContainerEventType::ContainerStoppedEvent => "stopped",
        ContainerEventType::ContainerDeletedEvent => "deleted",
    };
    format!("{} {what} {} {namespace}/{pod} {container}", log::timestamp(event.created_at), event.container_id)
        .trim_end()
        .to_owned()
}

fn object(event: &ContainerEventResponse) -> String {
    let (namespace, pod, container) = names(event);
    json!({
        "createdAt": log::timestamp(event.created_at),
        "containerEventType": event.container_event_type().as_str_name(),
        "containerId": event.container_id,
        "podNamespace": namespace,
        "podName": pod,
        "containerName": container,
    })
    .to_string()
}
