//! Changing limits in place: of a container, or of a pod whose cgroup is ours.

use std::fs;
use std::path::Path;

use kit::calls::CRI_OCI;
use kit::cgroup::Cgroup;
use kit::fs::Form;
use kit::{Context, Result, paths};
use rustix::io::Errno;
use serde_json::Value;

use cri_api::LinuxContainerResources;

/// Limits after a change: those that the change does not name stay as they were. A number of 0 and an empty text name nothing.
pub fn merged(now: &LinuxContainerResources, change: &LinuxContainerResources) -> LinuxContainerResources {
    let number = |now: i64, change: i64| if change == 0 { now } else { change };
    let text = |now: &String, change: &String| if change.is_empty() { now.clone() } else { change.clone() };
    let mut all = LinuxContainerResources {
        cpu_period: number(now.cpu_period, change.cpu_period),
        cpu_quota: number(now.cpu_quota, change.cpu_quota),
        cpu_shares: number(now.cpu_shares, change.cpu_shares),
        memory_limit_in_bytes: number(now.memory_limit_in_bytes, change.memory_limit_in_bytes),
        memory_swap_limit_in_bytes: number(now.memory_swap_limit_in_bytes, change.memory_swap_limit_in_bytes),
        oom_score_adj: number(now.oom_score_adj, change.oom_score_adj),
        cpuset_cpus: text(&now.cpuset_cpus, &change.cpuset_cpus),
        cpuset_mems: text(&now.cpuset_mems, &change.cpuset_mems),
        hugepage_limits: now.hugepage_limits.clone(),
        unified: now.unified.clone(),
    };
    for page in &change.hugepage_limits {
        all.hugepage_limits.retain(|known| known.page_size != page.page_size);
        all.hugepage_limits.push(page.clone());
    }
    all.unified.extend(change.unified.clone());
    all
}

/// Write a living container's limits to its cgroup. `section` is `linux.resources` of the OCI specification. Blocks.
pub fn write(id: &str, section: &Value) -> Result<()> {
    let args = ["--root", paths::OCI, "update", "--resources", "-", id];
    CRI_OCI.run_with(args, section.to_string().as_bytes()).map(drop)
}

/// Give every process in a container's cgroup another rank for the kernel's OOM killer; and those that are run there later, for which
/// the container's `config.json` is looked up.
pub fn set_score(cgroup: &str, bundle: &Path, score: i64) -> Result<()> {
    let path = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).on("read", &path)?).on("decode", &path)?;
    config["process"]["oomScoreAdj"] = score.into();
    kit::fs::replace(&path, config.to_string(), Form::PLAIN)?;
    for process in Cgroup::at(cgroup).processes().unwrap_or_default() {
        let file = format!("/proc/{process}/oom_score_adj");
        match fs::write(&file, score.to_string()) {
            // It has ended meanwhile.
            Err(e) if matches!(e.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::NOENT | Errno::SRCH)) => {}
            other => other.on("write", &file)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cri_api::HugepageLimit;

    #[test]
    fn what_a_change_does_not_name_stays() {
        let page = |size: &str, limit| HugepageLimit { page_size: size.into(), limit };
        let now = LinuxContainerResources {
            cpu_shares: 100,
            cpu_quota: 5000,
            memory_limit_in_bytes: 1 << 20,
            cpuset_cpus: "0".into(),
            hugepage_limits: vec![page("2MB", 0), page("1GB", 0)],
            unified: [("memory.high".to_owned(), "1".to_owned()), ("memory.oom.group".into(), "1".into())].into(),
            ..Default::default()
        };
        let change = LinuxContainerResources {
            cpu_quota: -1,
            hugepage_limits: vec![page("2MB", 5)],
            unified: [("memory.high".to_owned(), "2".to_owned())].into(),
            ..Default::default()
        };
        let all = merged(&now, &change);
        assert_eq!((all.cpu_shares, all.cpu_quota, all.memory_limit_in_bytes, all.cpuset_cpus.as_str()), (100, -1, 1 << 20, "0"));
        assert_eq!(all.hugepage_limits, [page("1GB", 0), page("2MB", 5)]);
        assert_eq!(all.unified["memory.high"], "2");
        assert_eq!(all.unified["memory.oom.group"], "1");
    }
}
