//! `crictl stats`: what containers use.

use std::time::Duration;

use clap::Args;
use kit::{Exit, Result};

use super::{Runtime, Server, ask, label, short, table, told, with_own};
use cri_api::{ContainerStats, ContainerStatsFilter, ListContainerStatsRequest, UInt64Value};

#[derive(Debug, Args)]
pub struct Options {
    /// Only the container of that id, or beginning
    #[arg(long, value_name = "ID", default_value = "")]
    id: String,
    /// Only containers of the pod of that id, or beginning
    #[arg(long, short, value_name = "ID", default_value = "")]
    pod: String,
    /// Only containers with that label
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Seconds between the two looks that tell the processor's use
    #[arg(long, short, value_name = "SECONDS", default_value_t = 1)]
    seconds: u32,
    /// Go on until interrupted
    #[arg(long, short)]
    watch: bool,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
    /// The same as --id
    container: Option<String>,
}

pub fn run(server: &Server, options: &Options) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        let mut first = look(&mut runtime, options).await?;
        loop {
            tokio::time::sleep(Duration::from_secs(options.seconds.max(1).into())).await;
            let second = look(&mut runtime, options).await?;
            let rows: Vec<_> = second.iter().map(|stats| row(stats, &first, options.no_trunc)).collect();
            table::write(&["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"], &rows)?;
            if !options.watch {
                return Ok(Exit::OK);
            }
            first = second;
        }
    })
}

async fn look(runtime: &mut Runtime, options: &Options) -> Result<Vec<ContainerStats>> {
    let filter = ContainerStatsFilter {
        id: options.container.clone().unwrap_or_else(|| options.id.clone()),
        pod_sandbox_id: options.pod.clone(),
        label_selector: options.label.iter().cloned().collect(),
    };
    let mut found = Vec::new();
    for label_selector in with_own(&format!("{}{}", filter.id, filter.pod_sandbox_id), &filter.label_selector) {
        let request = ListContainerStatsRequest { filter: Some(ContainerStatsFilter { label_selector, ..filter.clone() }) };
        found.extend(runtime.list_container_stats(request).await.map_err(told)?.into_inner().stats);
    }
    Ok(found)
}

fn row(now: &ContainerStats, before: &[ContainerStats], whole: bool) -> Vec<String> {
    let attributes = now.attributes.clone().unwrap_or_default();
    let earlier = before.iter().find(|stats| stats.attributes.as_ref().is_some_and(|known| known.id == attributes.id));
    let disk = now.writable_layer.clone().unwrap_or_default();
    vec![
        short(&attributes.id, whole),
        attributes.metadata.unwrap_or_default().name,
        earlier.map_or_else(|| "--".into(), |earlier| format!("{:.2}", processors(earlier, now))),
        table::bytes(number(now.memory.as_ref().and_then(|memory| memory.working_set_bytes))),
        table::bytes(number(disk.used_bytes)),
        number(disk.inodes_used).to_string(),
        table::bytes(number(now.swap.as_ref().and_then(|swap| swap.swap_usage_bytes))),
    ]
}

/// Per cent of one processor between two looks.
fn processors(before: &ContainerStats, now: &ContainerStats) -> f64 {
    let of = |stats: &ContainerStats| {
        let cpu = stats.cpu.unwrap_or_default();
        (number(cpu.usage_core_nano_seconds), cpu.timestamp)
    };
    let ((used_before, at_before), (used, at)) = (of(before), of(now));
    let passed = Duration::from_nanos((at - at_before).max(1).unsigned_abs());
    Duration::from_nanos(used.saturating_sub(used_before)).div_duration_f64(passed) * 100.0
}

fn number(value: Option<UInt64Value>) -> u64 {
    value.map_or(0, |value| value.value)
}
