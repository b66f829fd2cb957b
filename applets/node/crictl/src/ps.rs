//! `crictl ps`: the node's containers. (`ps` alone lists processes.)

use clap::{Args, ValueEnum};
use kit::{Exit, Result};
use serde_json::{Value, json};

use super::{Server, ask, list, short, time, told, with_own};
use cri_api::{Container, ContainerFilter, ContainerState, ContainerStateValue, ListContainersRequest};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    list: list::Options,
    /// Show all, not only the running ones
    #[arg(long, short)]
    all: bool,
    /// Only containers of the pod of that id, or beginning
    #[arg(long, short, value_name = "ID", default_value = "")]
    pod: String,
    /// Only containers of images whose name or id holds that
    #[arg(long, value_name = "TEXT", default_value = "")]
    image: String,
    /// Only containers in that state
    #[arg(long, short, value_enum)]
    state: Option<State>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Created,
    Running,
    Exited,
    Unknown,
}

pub fn run(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        let (mut found, filter) = (Vec::new(), filter(options));
        for label_selector in with_own(&format!("{}{}", filter.id, filter.pod_sandbox_id), &filter.label_selector) {
            let request = ListContainersRequest { filter: Some(ContainerFilter { label_selector, ..filter.clone() }) };
            found.extend(runtime.list_containers(request).await.map_err(told)?.into_inner().containers);
        }
        found.retain(|container| {
            let image = container.image.clone().unwrap_or_default().image;
            [&image, &container.image_id, &container.image_ref].iter().any(|known| known.contains(&options.image))
        });
        options.list.show(found, &KIND)
    })
}

fn filter(options: &Options) -> ContainerFilter {
    let state = match options.state {
        None if options.all || options.list.of_any_state() => None,
        Some(State::Created) => Some(ContainerState::ContainerCreated),
        Some(State::Exited) => Some(ContainerState::ContainerExited),
        Some(State::Unknown) => Some(ContainerState::ContainerUnknown),
        Some(State::Running) | None => Some(ContainerState::ContainerRunning),
    };
    ContainerFilter {
        id: options.list.id.clone(),
        pod_sandbox_id: options.pod.clone(),
        state: state.map(|state| ContainerStateValue { state: state.into() }),
        label_selector: options.list.labels(),
    }
}

const KIND: list::Kind<Container> = list::Kind {
    list: "containers",
    titles: &["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"],
    id: |container| &container.id,
    made: |container| container.created_at,
    names: |container| (name(container), of_pod(container, "namespace")),
    row,
    json,
};

fn row(container: &Container, whole: bool) -> Vec<String> {
    vec![
        short(&container.id, whole),
        image(container, whole),
        time::ago(container.created_at),
        state(container.state()).to_owned(),
        name(container),
        container.metadata.clone().unwrap_or_default().attempt.to_string(),
        short(&container.pod_sandbox_id, whole),
        of_pod(container, "name"),
        of_pod(container, "namespace"),
    ]
}

fn json(container: &Container) -> Value {
    json!({
        "id": container.id,
        "podSandboxId": container.pod_sandbox_id,
        "metadata": container.metadata,
        "image": { "image": container.image.clone().unwrap_or_default().image },
        "imageRef": container.image_ref,
        "imageId": container.image_id,
        "state": container.state().as_str_name(),
        // The interface's JSON has long numbers as texts.
        "createdAt": container.created_at.to_string(),
        "labels": container.labels,
        "annotations": container.annotations,
    })
}

/// The image as a person called it; where that is an id, its beginning.
fn image(container: &Container, whole: bool) -> String {
    let name = container.image.clone().unwrap_or_default().image;
    if name.starts_with("sha256:") { short(&name, whole) } else { name }
}

/// A state in crictl's words.
pub fn state(state: ContainerState) -> &'static str {
    match state {
        ContainerState::ContainerCreated => "Created",
        ContainerState::ContainerRunning => "Running",
        ContainerState::ContainerExited => "Exited",
        ContainerState::ContainerUnknown => "Unknown",
    }
}

fn name(container: &Container) -> String {
    container.metadata.clone().unwrap_or_default().name
}

/// Returns the pod's field from the kubelet's labels of a container.
fn of_pod(container: &Container, what: &str) -> String {
    container.labels.get(&format!("io.kubernetes.pod.{what}")).cloned().unwrap_or_default()
}
