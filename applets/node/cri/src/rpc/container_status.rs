//! `ContainerStatus`.

use std::collections::BTreeMap;

use kit::{Result, signal};
use serde_json::json;

use super::list_containers::{image, state};
use crate::server::{Shared, not_found};
use crate::store::{Container, ContainerPhase};
use cri_api::{ContainerResources, ContainerStatus, ContainerStatusRequest, ContainerStatusResponse, ContainerUser, Signal};

pub async fn container_status(server: &Shared, request: ContainerStatusRequest) -> Result<ContainerStatusResponse> {
    let id = &request.container_id;
    let known = server.store.container(id).filter(|container| container.phase != ContainerPhase::Making);
    let container = server.store.refreshed(known.ok_or_else(|| not_found("container", id))?);
    let mut info = BTreeMap::new();
    if request.verbose {
        let bundle = server.containers.join(&container.id);
        let text =
            json!({ "sandboxID": container.sandbox, "bundle": bundle, "cgroup": container.cgroup, "config": container.config });
        info.insert("info".into(), text.to_string());
    }
    Ok(ContainerStatusResponse { status: Some(of(&container)), info })
}

/// The status.
pub fn of(container: &Container) -> ContainerStatus {
    let exit = container.exit.clone().unwrap_or_default();
    let linux = container.config.linux.as_ref().and_then(|linux| linux.resources.clone());
    ContainerStatus {
        id: container.id.clone(),
        metadata: container.config.metadata.clone(),
        state: state(container).into(),
        created_at: container.created_at,
        started_at: container.started_at,
        finished_at: exit.finished_at,
        exit_code: exit.code,
        image: Some(image(container)),
        image_ref: container.image_ref.clone(),
        reason: reason(container),
        message: container.message.clone(),
        labels: container.config.labels.clone(),
        annotations: container.config.annotations.clone(),
        mounts: container.config.mounts.clone(),
        log_path: container.log_path.clone(),
        resources: Some(ContainerResources { linux }),
        image_id: container.image_id.clone(),
        user: Some(ContainerUser { linux: Some(container.user.clone()) }),
        stop_signal: stop_signal(container.stop_signal).into(),
    }
}

/// Why it ended, in the words that the kubelet passes on to people.
fn reason(container: &Container) -> String {
    let word = match &container.exit {
        _ if !container.reason.is_empty() => &container.reason,
        None => "",
        Some(exit) if exit.oom_killed => "OOMKilled",
        Some(exit) if exit.code == 0 => "Completed",
        Some(_) => "Error",
    };
    word.to_owned()
}

fn stop_signal(number: i32) -> Signal {
    Signal::from_str_name(&format!("SIGNAL_{}", signal::name(number))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use monitor::wire::Exit;

    #[test]
    fn the_reason_tells_an_oom_kill_from_a_failure() {
        let mut container = Container { phase: ContainerPhase::Started, stop_signal: 15, ..Container::default() };
        assert_eq!(reason(&container), "");
        container.exit = Some(Exit::default());
        assert_eq!(reason(&container), "Completed");
        container.exit = Some(Exit { code: 137, oom_killed: true, ..Exit::default() });
        assert_eq!(reason(&container), "OOMKilled");
        container.reason = "MonitorDied".into();
        assert_eq!(of(&container).reason, "MonitorDied");
        assert_eq!(of(&container).stop_signal(), Signal::Sigterm);
    }

    #[test]
    fn all_signals_of_the_interface_come_back() {
        for value in 1..=65 {
            let told = |number| Signal::from_str_name(&format!("SIGNAL_{}", signal::name(number)));
            let number = |asked: Signal| signal::number(asked.as_str_name().trim_start_matches("SIGNAL_"));
            let asked = Signal::try_from(value).map(number);
            let back = asked.as_ref().ok().and_then(|number| number.as_ref().ok().copied()).and_then(told).map(number);
            assert!(matches!((&asked, &back), (Ok(Ok(a)), Some(Ok(b))) if a == b), "{value}: {asked:?}, {back:?}");
        }
    }
}
