//! `crictl inspect` and `crictl inspectp`: all that is known of a container or of a pod, as JSON.

use std::io::Write;

use clap::Args;
use kit::{Context, Exit, Result};
use serde_json::{Map, Value, json};

use super::{Server, ask, told};
use cri_api::{ContainerStatus, ContainerStatusRequest, PodSandboxStatus, PodSandboxStatusRequest};
use monitor::log;

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, or beginnings
    #[arg(required = true)]
    ids: Vec<String>,
}

pub fn inspect(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        for id in &options.ids {
            let request = ContainerStatusRequest { container_id: id.clone(), verbose: true };
            let answer = runtime.container_status(request).await.map_err(told)?.into_inner();
            let status = container(&answer.status.unwrap_or_default());
            show(&status, answer.info.get("info"))?;
        }
        Ok(Exit::OK)
    })
}

pub fn inspect_pods(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        for id in &options.ids {
            let request = PodSandboxStatusRequest { pod_sandbox_id: id.clone(), verbose: true };
            let answer = runtime.pod_sandbox_status(request).await.map_err(told)?.into_inner();
            let status = pod(&answer.status.unwrap_or_default());
            show(&status, answer.info.get("info"))?;
        }
        Ok(Exit::OK)
    })
}

/// The status, and what the server knows beyond the interface.
fn show(status: &Value, info: Option<&String>) -> Result<()> {
    let info: Value = info.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let mut out = kit::out();
    writeln!(out, "{:#}", json!({ "status": status, "info": info })).and_then(|()| out.flush()).doing("write the answer")
}

/// The names are the interface's, as its JSON spells them.
fn container(status: &ContainerStatus) -> Value {
    let user = status.user.as_ref().and_then(|user| user.linux.clone());
    let resources = status.resources.as_ref().and_then(|resources| resources.linux.clone());
    let metadata = status.metadata.clone().unwrap_or_default();
    let mut all = json!({
        "id": status.id,
        "metadata": { "name": metadata.name, "attempt": metadata.attempt },
        "state": status.state().as_str_name(),
        "createdAt": time(status.created_at),
        "startedAt": time(status.started_at),
        "finishedAt": time(status.finished_at),
        "exitCode": status.exit_code,
        "reason": status.reason,
        "message": status.message,
        "image": { "image": status.image.clone().unwrap_or_default().image },
        "imageId": status.image_id,
        "imageRef": status.image_ref,
        "labels": status.labels,
        "annotations": status.annotations,
        "logPath": status.log_path,
        "stopSignal": status.stop_signal().as_str_name(),
        "mounts": camel(&json!(status.mounts)),
    });
    all["resources"] = camel(&json!({ "linux": resources }));
    all["user"] = camel(&json!({ "linux": user }));
    all
}

fn pod(status: &PodSandboxStatus) -> Value {
    let network = status.network.clone().unwrap_or_default();
    let more: Vec<String> = network.additional_ips.into_iter().map(|ip| ip.ip).collect();
    let options = status.linux.as_ref().and_then(|linux| linux.namespaces.as_ref()).and_then(|spaces| spaces.options.clone());
    let options = options.unwrap_or_default();
    let mut all = json!({
        "id": status.id,
        "metadata": camel(&json!(status.metadata)),
        "state": status.state().as_str_name(),
        "createdAt": time(status.created_at),
        "network": { "ip": network.ip, "additionalIps": more },
        "labels": status.labels,
        "annotations": status.annotations,
        "runtimeHandler": status.runtime_handler,
    });
    all["linux"] = json!({ "namespaces": { "options": {
        "network": options.network().as_str_name(),
        "pid": options.pid().as_str_name(),
        "ipc": options.ipc().as_str_name(),
    } } });
    all
}

/// A moment; none has no text.
fn time(at: i64) -> String {
    if at == 0 { String::new() } else { log::timestamp(at) }
}

/// Our records' names with the interface's JSON's spelling: `host_path` becomes `hostPath`.
fn camel(value: &Value) -> Value {
    match value {
        Value::Object(all) => {
            Value::Object(all.iter().map(|(name, value)| (camel_name(name), camel(value))).collect::<Map<_, _>>())
        }
        Value::Array(all) => all.iter().map(camel).collect(),
        other => other.clone(),
    }
}

fn camel_name(name: &str) -> String {
    let mut camel = String::new();
    let mut up = false;
    for c in name.chars() {
        if c == '_' {
            up = true;
        } else {
            camel.push(if up { c.to_ascii_uppercase() } else { c });
            up = false;
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use cri_api::Mount;

    #[test]
    fn names_are_spelt_as_the_interfaces_json_spells_them() {
        let mount = Mount { host_path: "/x".into(), recursive_read_only: true, ..Mount::default() };
        let status = ContainerStatus { id: "a".into(), mounts: vec![mount], created_at: 1_000_000_000, ..Default::default() };
        let told = container(&status);
        assert_eq!((&told["mounts"][0]["hostPath"], &told["mounts"][0]["recursiveReadOnly"]), (&json!("/x"), &json!(true)));
        assert_eq!((&told["createdAt"], &told["finishedAt"]), (&json!("1970-01-01T00:00:01.000000000Z"), &json!("")));
        assert_eq!(told["state"], "CONTAINER_CREATED");
    }
}
