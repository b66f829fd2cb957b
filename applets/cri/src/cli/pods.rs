//! `kutties pods`: the node's pods.

use std::ffi::OsString;
use std::io::Write;

use clap::{Parser, ValueEnum};
use kit::{Applet, Context, Exit, Place, Result};

use super::{Server, ask, label, short, table, time, told};
use crate::api::{ListPodSandboxRequest, PodSandbox, PodSandboxFilter, PodSandboxState, PodSandboxStateValue};

/// The applet.
pub const PODS: Applet = Applet { name: "pods", about: "list pods", place: Place::Node, run };

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    /// Only the pod of that id, or beginning
    #[arg(long, value_name = "ID", default_value = "")]
    id: String,
    /// Only pods whose name holds that
    #[arg(long, value_name = "TEXT", default_value = "")]
    name: String,
    /// Only pods in that namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only pods with that label
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Only pods in that state
    #[arg(long, short, value_enum, ignore_case = true)]
    state: Option<State>,
    /// The latest alone
    #[arg(long, short)]
    latest: bool,
    /// Only the last so many that were made
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
#[value(rename_all = "lower")]
enum State {
    Ready,
    NotReady,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&PODS, args)?;
    ask(async {
        let state = options.state.map(|state| match state {
            State::Ready => PodSandboxState::SandboxReady,
            State::NotReady => PodSandboxState::SandboxNotready,
        });
        let filter = PodSandboxFilter {
            id: options.id.clone(),
            state: state.map(|state| PodSandboxStateValue { state: state.into() }),
            label_selector: options.label.iter().cloned().collect(),
        };
        let mut runtime = options.server.connect().await?;
        let request = ListPodSandboxRequest { filter: Some(filter) };
        let mut found = runtime.list_pod_sandbox(request).await.map_err(told)?.into_inner().items;
        found.retain(|pod| {
            let metadata = pod.metadata.clone().unwrap_or_default();
            metadata.name.contains(&options.name) && options.namespace.as_ref().is_none_or(|wanted| metadata.namespace == *wanted)
        });
        found.sort_by_key(|pod| std::cmp::Reverse(pod.created_at));
        found.truncate(options.last.or(options.latest.then_some(1)).unwrap_or(usize::MAX));
        show(&options, &found)
    })
}

fn show(options: &Options, found: &[PodSandbox]) -> Result<Exit> {
    if options.quiet {
        let mut out = kit::out();
        for pod in found {
            writeln!(out, "{}", pod.id).doing("write the list")?;
        }
        out.flush().doing("write the list")?;
        return Ok(Exit::OK);
    }
    let row = |pod: &PodSandbox| {
        let metadata = pod.metadata.clone().unwrap_or_default();
        let handler = if pod.runtime_handler.is_empty() { "(default)" } else { &pod.runtime_handler };
        vec![
            short(&pod.id, options.no_trunc),
            time::ago(pod.created_at),
            state(pod.state()).to_owned(),
            metadata.name,
            metadata.namespace,
            metadata.attempt.to_string(),
            handler.to_owned(),
        ]
    };
    let titles = ["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"];
    table::write(&titles, &found.iter().map(row).collect::<Vec<_>>())?;
    Ok(Exit::OK)
}

/// A state in crictl's words.
pub const fn state(state: PodSandboxState) -> &'static str {
    match state {
        PodSandboxState::SandboxReady => "Ready",
        PodSandboxState::SandboxNotready => "NotReady",
    }
}
