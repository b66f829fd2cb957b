//! `kutties ps`: the node's containers. (`ps` alone lists processes.)

use std::ffi::OsString;
use std::io::Write;

use clap::{Parser, ValueEnum};
use kit::{Applet, Context, Exit, Place, Result};

use super::{Server, ask, label, short, table, time, told};
use crate::api::{Container, ContainerFilter, ContainerState, ContainerStateValue, ListContainersRequest};

/// The applet.
pub const PS: Applet = Applet { name: "ps", about: "list containers", place: Place::Node, run };

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    /// Show all, not only the running ones
    #[arg(long, short)]
    all: bool,
    /// Only the container of that id, or beginning
    #[arg(long, value_name = "ID", default_value = "")]
    id: String,
    /// Only containers of the pod of that id, or beginning
    #[arg(long, short, value_name = "ID", default_value = "")]
    pod: String,
    /// Only containers whose name holds that
    #[arg(long, value_name = "TEXT", default_value = "")]
    name: String,
    /// Only containers of pods in that namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only containers of images whose name or id holds that
    #[arg(long, value_name = "TEXT", default_value = "")]
    image: String,
    /// Only containers with that label
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Only containers in that state
    #[arg(long, short, value_enum)]
    state: Option<State>,
    /// The latest alone
    #[arg(long, short)]
    latest: bool,
    /// Only the last so many that were made, whatever their state
    #[arg(long, short = 'n', value_name = "N")]
    last: Option<usize>,
    /// Only the ids
    #[arg(long, short)]
    quiet: bool,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Created,
    Running,
    Exited,
    Unknown,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&PS, args)?;
    ask(async {
        let mut runtime = options.server.connect().await?;
        let request = ListContainersRequest { filter: Some(filter(&options)) };
        let mut found = runtime.list_containers(request).await.map_err(told)?.into_inner().containers;
        found.retain(|container| fits(&options, container));
        found.sort_by_key(|container| std::cmp::Reverse(container.created_at));
        found.truncate(options.last.or(options.latest.then_some(1)).unwrap_or(usize::MAX));
        show(&options, &found)
    })
}

fn filter(options: &Options) -> ContainerFilter {
    let state = match options.state {
        None if options.all || options.latest || options.last.is_some() => None,
        Some(State::Created) => Some(ContainerState::ContainerCreated),
        Some(State::Exited) => Some(ContainerState::ContainerExited),
        Some(State::Unknown) => Some(ContainerState::ContainerUnknown),
        Some(State::Running) | None => Some(ContainerState::ContainerRunning),
    };
    ContainerFilter {
        id: options.id.clone(),
        pod_sandbox_id: options.pod.clone(),
        state: state.map(|state| ContainerStateValue { state: state.into() }),
        label_selector: options.label.iter().cloned().collect(),
    }
}

fn fits(options: &Options, container: &Container) -> bool {
    let image = container.image.clone().unwrap_or_default().image;
    name(container).contains(&options.name)
        && options.namespace.as_ref().is_none_or(|wanted| of_pod(container, "namespace") == *wanted)
        && [&image, &container.image_id, &container.image_ref].iter().any(|known| known.contains(&options.image))
}

fn show(options: &Options, found: &[Container]) -> Result<Exit> {
    if options.quiet {
        let mut out = kit::out();
        for container in found {
            writeln!(out, "{}", container.id).doing("write the list")?;
        }
        out.flush().doing("write the list")?;
        return Ok(Exit::OK);
    }
    let row = |container: &Container| {
        vec![
            short(&container.id, options.no_trunc),
            image(container, options.no_trunc),
            time::ago(container.created_at),
            state(container.state()).to_owned(),
            name(container),
            container.metadata.clone().unwrap_or_default().attempt.to_string(),
            short(&container.pod_sandbox_id, options.no_trunc),
            of_pod(container, "name"),
            of_pod(container, "namespace"),
        ]
    };
    let titles = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    table::write(&titles, &found.iter().map(row).collect::<Vec<_>>())?;
    Ok(Exit::OK)
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

/// What the kubelet notes of the pod in a container's labels.
fn of_pod(container: &Container, what: &str) -> String {
    container.labels.get(&format!("io.kubernetes.pod.{what}")).cloned().unwrap_or_default()
}
