//! A Node of this name that the cluster still believes in.

use std::time::{Duration, Instant};

use kit::{Error, Result};
use serde_json::Value;

use crate::api::Api;

/// Time that a Node may stay Ready after its machine has gone. The controller's default is 50 s,
/// and clusters raise it to a few minutes.
const NODE_TIMEOUT: Duration = Duration::from_mins(10);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_secs(2);

/// Wait until no Node of that name is Ready: a join refuses then. After a reboot it is, until the cluster misses the old kubelet.
pub fn wait(api: &Api, name: &str, say: &mut dyn FnMut(&str)) -> Result<()> {
    let end = Instant::now() + NODE_TIMEOUT;
    let mut told = false;
    loop {
        let node = api.get(&format!("/api/v1/nodes/{name}"))?;
        // A token that may not see the Node can't refuse the join here: the kubelet's request will
        // tell.
        if node.status != 200 || !is_ready(&node.body) {
            if told {
                say(&format!("the cluster has noticed that the old node {name} is gone; joining"));
            }
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(Error::new(format!(
                "node {name} stays Ready: another machine has that name; choose one with --node-name"
            )));
        }
        if !told {
            say(&format!("the cluster still shows node {name} as Ready; waiting until it notices that the old one is gone"));
            told = true;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Tells if a Node's condition Ready is True.
fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

/// This machine's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
