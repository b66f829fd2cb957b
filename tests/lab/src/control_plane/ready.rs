//! Waits for what the cluster says, by its watches.

use std::time::{Duration, Instant};

use kit::{Context, Result};

use super::ControlPlane;

impl ControlPlane {
    /// Waits until a node of that name is there and Ready; how long that took.
    pub fn wait_node_ready(&self, name: &str, limit: Duration) -> Result<Duration> {
        self.wait_for(&format!("node/{name}"), "condition=Ready", limit)
    }

    /// Waits until an object, such as `pod/web`, is there and `condition` holds (`condition=Ready`, `delete`,
    /// `jsonpath={.status.phase}=Running`); how long that took.
    pub fn wait_for(&self, object: &str, condition: &str, limit: Duration) -> Result<Duration> {
        let start = Instant::now();
        let wait = |what: &str| {
            // kubectl takes 0 for "look once".
            let left = limit.saturating_sub(start.elapsed()).as_millis().max(1);
            self.ask(&["wait", object, &format!("--for={what}"), &format!("--timeout={left}ms")])
        };
        if condition != "delete" {
            wait("create").doing(format!("wait for {object}"))?;
        }
        wait(condition).doing(format!("wait for {object}"))?;
        Ok(start.elapsed())
    }
}
