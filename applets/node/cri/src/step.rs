//! The steps of the RPCs at which a test kills the server. Outside of test builds (feature `failpoints`) they are nothing.
//!
//! [`TABLE`] says which RPC passes which step; a test of whole systems goes through its rows, and one that is not reached is a failure.
//! A new step: a variant, `reached` where it is, and a row.

use monitor::wire::Request;

macro_rules! steps {
    ($($(#[$doc:meta])* $step:ident,)*) => {
        /// A place at which the server may be killed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Step { $($(#[$doc])* $step,)* }

        /// Every step.
        #[cfg(test)]
        const ALL: &[Step] = &[$(Step::$step,)*];
    };
}

steps! {
    /// A record's new text lies beside the old one.
    RecordHalf,
    /// A sandbox has its record, and nothing else.
    SandboxNoted,
    /// Its directory holds the files of its monitor and its containers.
    SandboxDirectoryMade,
    /// The zygote was told to make the monitor.
    MonitorOrdered,
    /// The monitor is there, and the namespaces.
    MonitorMade,
    /// It is noted that the network's plugins will be called.
    NetworkNoted,
    /// The sandbox has addresses, which nobody has noted.
    NetworkAttached,
    /// Its addresses are in the hosts file.
    HostsWritten,
    /// It is noted to be ready; nobody was told.
    SandboxReady,
    /// The network's plugins have undone what they did; it is not noted.
    NetworkDetached,
    /// A sandbox is noted to be stopped; its monitor lives.
    SandboxStopped,
    /// The monitor was told to end.
    ShutdownOrdered,
    /// The monitor has ended.
    MonitorEnded,
    /// Nothing is mounted for the sandbox any more.
    SandboxReleased,
    /// Its cgroup is gone.
    PodCgroupRemoved,
    /// Its record is gone, its directory is not.
    SandboxRecordRemoved,
    /// Its directory is gone.
    SandboxForgotten,
    /// A container has its record, and nothing else.
    ContainerNoted,
    /// Its root is mounted.
    RootMounted,
    /// The images that it mounts are, too.
    VolumesMounted,
    /// Its specification is written.
    BundleWritten,
    /// The monitor was told to make it.
    CreateOrdered,
    /// It was made; it is not noted.
    ContainerMade,
    /// It is noted to have been made; nobody was told.
    ContainerCreated,
    /// The monitor was told to start it.
    StartOrdered,
    /// It was started; it is not noted.
    ContainerStarted,
    /// It is noted to have been started; nobody was told.
    StartNoted,
    /// The monitor was told to stop it.
    StopOrdered,
    /// It has ended.
    ContainerStopped,
    /// The monitor was told to delete it.
    DeleteOrdered,
    /// The monitor has deleted it.
    ContainerDeleted,
    /// Nothing is mounted in its directory any more.
    RootUnmounted,
    /// Its directory is gone.
    ContainerDirectoryRemoved,
    /// Its record is gone, its journal entry is not.
    ContainerRecordRemoved,
    /// Both are gone.
    ContainerForgotten,
    /// Its new limits are in its cgroup; it is not noted.
    LimitsWritten,
    /// They are noted.
    LimitsNoted,
    /// A pod's new sum of resources is noted.
    SumNoted,
    /// The monitor was told to open a log anew.
    LogOrdered,
    /// It has.
    LogReopened,
    /// The monitor was told to run a process.
    ExecOrdered,
    /// The process has ended.
    ExecEnded,
    /// A URL was promised.
    UrlPromised,
    /// The process that pulls an image runs.
    PullStarted,
    /// It knows what is wanted.
    PullOrdered,
    /// It has the image.
    PullEnded,
    /// Our network's new configuration lies beside the old one.
    NetworkHalf,
    /// It is the valid one.
    NetworkConfigured,
    /// A new server has read the state and answers nobody yet.
    StartBegun,
    /// It has taken a sandbox over, or undone a half-made one.
    StartTookOver,
    /// It has swept what no record explains.
    StartSwept,
}

/// The steps that each RPC passes, by their names. `Start` is the server's own start; some steps are those of the image store.
pub const TABLE: &[(&str, &[&str])] = &[
    (
        "RunPodSandbox",
        &[
            "RecordHalf",
            "SandboxNoted",
            "SandboxDirectoryMade",
            "MonitorOrdered",
            "MonitorMade",
            "NetworkNoted",
            "NetworkAttached",
            "HostsWritten",
            "SandboxReady",
        ],
    ),
    (
        "StopPodSandbox",
        &[
            "StopOrdered",
            "ContainerStopped",
            "NetworkDetached",
            "RecordHalf",
            "SandboxStopped",
            "ShutdownOrdered",
            "MonitorEnded",
            "SandboxReleased",
        ],
    ),
    (
        "RemovePodSandbox",
        &[
            "SandboxStopped",
            "ContainerDirectoryRemoved",
            "ContainerForgotten",
            "PodCgroupRemoved",
            "SandboxRecordRemoved",
            "SandboxForgotten",
        ],
    ),
    (
        "CreateContainer",
        &[
            "RecordHalf",
            "ContainerNoted",
            "RootMounted",
            "VolumesMounted",
            "BundleWritten",
            "CreateOrdered",
            "ContainerMade",
            "ContainerCreated",
        ],
    ),
    ("StartContainer", &["StartOrdered", "ContainerStarted", "RecordHalf", "StartNoted"]),
    ("StopContainer", &["StopOrdered", "ContainerStopped"]),
    (
        "RemoveContainer",
        &[
            "StopOrdered",
            "DeleteOrdered",
            "ContainerDeleted",
            "RootUnmounted",
            "ContainerDirectoryRemoved",
            "ContainerRecordRemoved",
            "ContainerForgotten",
        ],
    ),
    ("UpdateContainerResources", &["LimitsWritten", "RecordHalf", "LimitsNoted"]),
    ("UpdatePodSandboxResources", &["RecordHalf", "SumNoted"]),
    ("ReopenContainerLog", &["LogOrdered", "LogReopened"]),
    ("ExecSync", &["ExecOrdered", "ExecEnded"]),
    ("Exec", &["UrlPromised"]),
    ("Attach", &["UrlPromised"]),
    ("PortForward", &["UrlPromised"]),
    (
        "PullImage",
        &[
            "PullStarted",
            "PullOrdered",
            "Begun",
            "LayerHalf",
            "LayerWhole",
            "LayerMoved",
            "ConfigWritten",
            "IndexWritten",
            "Committed",
            "PullEnded",
        ],
    ),
    ("RemoveImage", &["IndexWritten", "Committed", "Swept"]),
    ("UpdateRuntimeConfig", &["NetworkHalf", "NetworkConfigured"]),
    ("Start", &["StartBegun", "StartTookOver", "StartSwept"]),
];

/// Write the table, `RPC STEP` a line.
#[cfg(feature = "failpoints")]
pub fn list() -> kit::Result<()> {
    use kit::Context;
    use std::io::Write;
    let mut out = kit::out();
    let mut rows = TABLE.iter().flat_map(|(rpc, steps)| steps.iter().map(move |step| (rpc, step)));
    rows.try_for_each(|(rpc, step)| writeln!(out, "{rpc} {step}")).and_then(|()| out.flush()).doing("write the steps")
}

/// The server is at this step.
#[cfg(feature = "failpoints")]
pub fn reached(step: Step) {
    image::step::strike(&format!("{step:?}"));
}

/// The server is at this step.
#[cfg(not(feature = "failpoints"))]
pub const fn reached(_: Step) {}

/// A monitor has this request, and has not answered.
pub fn ordered(request: &Request) {
    match request {
        Request::Create(_) => reached(Step::CreateOrdered),
        Request::Start { .. } => reached(Step::StartOrdered),
        Request::Stop { .. } => reached(Step::StopOrdered),
        Request::Delete { .. } => reached(Step::DeleteOrdered),
        Request::ReopenLog { .. } => reached(Step::LogOrdered),
        Request::Shutdown => reached(Step::ShutdownOrdered),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_in_the_table_and_the_table_knows_no_other() {
        let own = ALL.iter().map(|step| format!("{step:?}"));
        let known: Vec<String> = own.chain(image::step::ALL.iter().map(|step| format!("{step:?}"))).collect();
        let rows: Vec<&str> = TABLE.iter().flat_map(|(_, steps)| steps.iter().copied()).collect();
        for step in &known {
            assert!(rows.contains(&step.as_str()), "no RPC passes {step}");
            assert_eq!(known.iter().filter(|other| *other == step).count(), 1, "{step} is the name of two");
        }
        assert!(rows.iter().all(|row| known.iter().any(|step| step == row)), "{rows:?}");
    }
}
