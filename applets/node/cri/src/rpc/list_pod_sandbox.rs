//! `ListPodSandbox` and `StreamPodSandboxes`.

use kit::Result;
use tonic::codegen::BoxStream;

use crate::filter::{id_fits, is_listed, labels_fit};
use crate::pieces;
use crate::server::Shared;
use crate::store::{Sandbox, sandbox_state};
use cri_api::{
    ListPodSandboxRequest, ListPodSandboxResponse, PodSandbox, PodSandboxFilter, StreamPodSandboxesRequest,
    StreamPodSandboxesResponse,
};

pub async fn list_pod_sandbox(server: &Shared, request: ListPodSandboxRequest) -> Result<ListPodSandboxResponse> {
    Ok(ListPodSandboxResponse { items: items(server, &request.filter.unwrap_or_default()) })
}

pub async fn stream_pod_sandboxes(
    server: &Shared,
    request: StreamPodSandboxesRequest,
) -> Result<BoxStream<StreamPodSandboxesResponse>> {
    let items = items(server, &request.filter.unwrap_or_default());
    Ok(pieces::stream(items, |pod_sandboxes| StreamPodSandboxesResponse { pod_sandboxes }))
}

fn items(server: &Shared, filter: &PodSandboxFilter) -> Vec<PodSandbox> {
    server.store.sandboxes().iter().filter(|sandbox| fits(filter, sandbox)).map(|sandbox| item(sandbox)).collect()
}

fn fits(filter: &PodSandboxFilter, sandbox: &Sandbox) -> bool {
    id_fits(&filter.id, &sandbox.id)
        && filter.state.is_none_or(|asked| asked.state() == sandbox_state(sandbox))
        && labels_fit(&filter.label_selector, &sandbox.config.labels)
        && is_listed(&[&filter.id], &filter.label_selector, &sandbox.config.labels)
}

fn item(sandbox: &Sandbox) -> PodSandbox {
    PodSandbox {
        id: sandbox.id.clone(),
        metadata: sandbox.config.metadata.clone(),
        state: sandbox_state(sandbox).into(),
        created_at: sandbox.created_at,
        labels: sandbox.config.labels.clone(),
        annotations: sandbox.config.annotations.clone(),
        runtime_handler: sandbox.handler.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SandboxPhase;
    use cri_api::{PodSandboxState, PodSandboxStateValue};

    #[test]
    fn id_state_and_labels_must_all_fit() {
        let mut sandbox = Sandbox { id: "abc".into(), phase: SandboxPhase::Ready, ..Sandbox::default() };
        sandbox.config.labels.insert("app".into(), "x".into());
        let state = |state: PodSandboxState| Some(PodSandboxStateValue { state: state.into() });
        let mut filter = PodSandboxFilter { id: "ab".into(), state: state(PodSandboxState::SandboxReady), ..Default::default() };
        filter.label_selector.insert("app".into(), "x".into());
        assert!(fits(&filter, &sandbox));
        sandbox.displaced = true;
        assert!(!fits(&filter, &sandbox));
        filter.state = state(PodSandboxState::SandboxNotready);
        assert!(fits(&filter, &sandbox));
        sandbox.displaced = false;
        assert!(!fits(&filter, &sandbox));
        sandbox.phase = SandboxPhase::Stopped;
        assert!(fits(&filter, &sandbox));
        filter.label_selector.insert("app".into(), "y".into());
        assert!(!fits(&filter, &sandbox));
    }
}
