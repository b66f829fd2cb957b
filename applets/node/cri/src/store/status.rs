//! Records in the interface's words: states and statuses.

use kit::signal;

use super::record::{Container, ContainerPhase, Sandbox, SandboxPhase};
use cri_api::{
    ContainerResources, ContainerState, ContainerStatus, ContainerUser, ImageSpec, LinuxPodSandboxStatus, Namespace, PodIp,
    PodSandboxNetworkStatus, PodSandboxState, PodSandboxStatus, Signal,
};

/// State of a container in the interface's words.
pub fn container_state(container: &Container) -> ContainerState {
    match (&container.exit, container.phase) {
        (Some(_), _) => ContainerState::ContainerExited,
        (None, ContainerPhase::Started) => ContainerState::ContainerRunning,
        (None, ContainerPhase::Created) => ContainerState::ContainerCreated,
        (None, ContainerPhase::Making) => ContainerState::ContainerUnknown,
    }
}

/// The image by the name that a person gave.
pub fn image(container: &Container) -> ImageSpec {
    let mut spec = container.config.image.clone().unwrap_or_default();
    if !spec.user_specified_image.is_empty() {
        spec.image.clone_from(&spec.user_specified_image);
    }
    spec
}

/// Status of a container.
pub fn container_status(container: &Container) -> ContainerStatus {
    let exit = container.exit.clone().unwrap_or_default();
    let linux = container.config.linux.as_ref().and_then(|linux| linux.resources.clone());
    ContainerStatus {
        id: container.id.clone(),
        metadata: container.config.metadata.clone(),
        state: container_state(container).into(),
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

/// Reason of its end, in the words that the kubelet passes on to people.
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

/// State of a sandbox. Ready, or not: a half-made sandbox is not, nor one whose network has gone.
pub fn sandbox_state(sandbox: &Sandbox) -> PodSandboxState {
    let is_ready = sandbox.phase == SandboxPhase::Ready && !sandbox.displaced;
    if is_ready { PodSandboxState::SandboxReady } else { PodSandboxState::SandboxNotready }
}

/// Status of a sandbox. A pod on the host's network has no address of its own.
pub fn sandbox_status(sandbox: &Sandbox) -> PodSandboxStatus {
    let mut ips = sandbox.ips.iter().cloned();
    let network =
        PodSandboxNetworkStatus { ip: ips.next().unwrap_or_default(), additional_ips: ips.map(|ip| PodIp { ip }).collect() };
    let namespaces = Namespace { options: Some(sandbox.namespaces()) };
    PodSandboxStatus {
        id: sandbox.id.clone(),
        metadata: sandbox.config.metadata.clone(),
        state: sandbox_state(sandbox).into(),
        created_at: sandbox.created_at,
        network: Some(network),
        linux: Some(LinuxPodSandboxStatus { namespaces: Some(namespaces) }),
        labels: sandbox.config.labels.clone(),
        annotations: sandbox.config.annotations.clone(),
        runtime_handler: sandbox.handler.clone(),
    }
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
        assert_eq!(container_status(&container).reason, "MonitorDied");
        assert_eq!(container_status(&container).stop_signal(), Signal::Sigterm);
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
