//! `crictl pods`: the node's pods.

use clap::{Args, ValueEnum};
use kit::{Exit, Result};
use serde_json::{Value, json};

use super::{Server, ask, list, short, time, told, with_own};
use cri_api::{ListPodSandboxRequest, PodSandbox, PodSandboxFilter, PodSandboxState, PodSandboxStateValue};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    list: list::Options,
    /// Only pods in that state
    #[arg(long, short, value_enum, ignore_case = true)]
    state: Option<State>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
enum State {
    Ready,
    NotReady,
}

pub fn run(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let state = options.state.map(|state| match state {
            State::Ready => PodSandboxState::SandboxReady,
            State::NotReady => PodSandboxState::SandboxNotready,
        });
        let filter = PodSandboxFilter {
            id: options.list.id.clone(),
            state: state.map(|state| PodSandboxStateValue { state: state.into() }),
            label_selector: options.list.labels(),
        };
        let mut runtime = server.connect().await?;
        let mut found = Vec::new();
        for label_selector in with_own(&filter.id, &filter.label_selector) {
            let filter = PodSandboxFilter { label_selector, ..filter.clone() };
            let request = ListPodSandboxRequest { filter: Some(filter) };
            found.extend(runtime.list_pod_sandbox(request).await.map_err(told)?.into_inner().items);
        }
        options.list.show(found, &KIND)
    })
}

const KIND: list::Kind<PodSandbox> = list::Kind {
    list: "items",
    titles: &["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"],
    id: |pod| &pod.id,
    made: |pod| pod.created_at,
    names: |pod| {
        let metadata = pod.metadata.clone().unwrap_or_default();
        (metadata.name, metadata.namespace)
    },
    row,
    json,
};

fn row(pod: &PodSandbox, whole: bool) -> Vec<String> {
    let metadata = pod.metadata.clone().unwrap_or_default();
    let handler = if pod.runtime_handler.is_empty() { "(default)" } else { &pod.runtime_handler };
    vec![
        short(&pod.id, whole),
        time::ago(pod.created_at),
        state(pod.state()).to_owned(),
        metadata.name,
        metadata.namespace,
        metadata.attempt.to_string(),
        handler.to_owned(),
    ]
}

fn json(pod: &PodSandbox) -> Value {
    json!({
        "id": pod.id,
        "metadata": pod.metadata,
        "state": pod.state().as_str_name(),
        // The interface's JSON has long numbers as texts.
        "createdAt": pod.created_at.to_string(),
        "labels": pod.labels,
        "annotations": pod.annotations,
        "runtimeHandler": pod.runtime_handler,
    })
}

/// A state in crictl's words.
pub const fn state(state: PodSandboxState) -> &'static str {
    match state {
        PodSandboxState::SandboxReady => "Ready",
        PodSandboxState::SandboxNotready => "NotReady",
    }
}
