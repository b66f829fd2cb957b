#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use cri_api::{ContainerConfig, ContainerMetadata, PodSandboxConfig, PodSandboxMetadata};

fn sandbox(id: &str, name: &str) -> Sandbox {
    let metadata = PodSandboxMetadata { name: name.into(), uid: "u".into(), namespace: "ns".into(), attempt: 1 };
    let config = PodSandboxConfig { metadata: Some(metadata), ..PodSandboxConfig::default() };
    Sandbox { id: id.into(), config, phase: SandboxPhase::Ready, ..Sandbox::default() }
}

fn container(id: &str, sandbox: &str) -> Container {
    let metadata = ContainerMetadata { name: "c".into(), attempt: 0 };
    let config = ContainerConfig { metadata: Some(metadata), ..ContainerConfig::default() };
    let phase = ContainerPhase::Started;
    Container { id: id.into(), sandbox: sandbox.into(), config, phase, ..Container::default() }
}

fn fresh(name: &str) -> PathBuf {
    let root = std::env::temp_dir().join(format!("cri-store-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    root
}

#[test]
fn the_next_server_finds_all() {
    let root = fresh("reopen");
    let store = Store::open(&root).unwrap();
    store.put_sandbox(sandbox("abc1", "p")).unwrap();
    store.put_container(container("def1", "abc1")).unwrap();
    store.change_sandbox("abc1", |s| s.ips = vec!["10.0.0.1".into()]).unwrap();

    let next = Store::open(&root).unwrap();
    assert_eq!(next.sandbox("abc1").unwrap().ips, ["10.0.0.1"]);
    assert_eq!(next.containers_of("abc1"), store.containers());
    assert_eq!(next.sandbox_named("p_ns_u_1").unwrap().id, "abc1");
    assert_eq!(next.container_named("abc1_c_0").unwrap().id, "def1");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_broken_record_hides_only_itself() {
    let root = fresh("broken");
    let store = Store::open(&root).unwrap();
    store.put_sandbox(sandbox("aa", "p")).unwrap();
    fs::create_dir_all(root.join("bb")).unwrap();
    fs::write(root.join("bb/sandbox.json"), b"{").unwrap();
    assert_eq!(Store::open(&root).unwrap().sandboxes().len(), 1);
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn ids_may_be_cut_as_long_as_they_are_clear() {
    let root = fresh("prefix");
    let store = Store::open(&root).unwrap();
    for id in ["abc1", "abc2", "b"] {
        store.put_sandbox(sandbox(id, id)).unwrap();
    }
    assert!(store.sandbox("abc").is_none());
    assert_eq!(store.sandbox("abc2").unwrap().id, "abc2");
    assert_eq!(store.sandbox("b").unwrap().id, "b");
    assert!(store.sandbox("").is_none());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn the_journal_ends_a_container_once() {
    let root = fresh("journal");
    let store = Store::open(&root).unwrap();
    store.put_sandbox(sandbox("s", "p")).unwrap();
    let running = store.put_container(container("c", "s")).unwrap();
    assert!(store.refreshed(running.clone()).is_running());
    let exit = Exit { code: 3, finished_at: 9, ..Exit::default() };
    disk::write(&wire::exit_file(&store.dir("s"), "c"), &exit).unwrap();
    assert_eq!(store.refreshed(running).exit, Some(exit));
    let later = Exit { code: 137, ..Exit::default() };
    assert_eq!(store.ended("c", later, "MonitorDied", "").unwrap().exit.as_ref().unwrap().code, 3);
    store.forget_container(&store.container("c").unwrap()).unwrap();
    store.forget_sandbox("s").unwrap();
    assert!(Store::open(&root).unwrap().sandboxes().is_empty());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_start_is_noted_once() {
    let root = fresh("started");
    let store = Store::open(&root).unwrap();
    store.put_sandbox(sandbox("s", "p")).unwrap();
    store.put_container(Container { phase: ContainerPhase::Created, ..container("c", "s") }).unwrap();
    for at in [7, 8] {
        store.started("c", at).unwrap();
        assert_eq!(store.container("c").unwrap().started_at, 7);
    }
    store.started("nobody", 9).unwrap();
    assert!(Store::open(&root).unwrap().container("c").unwrap().is_running());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn half_makings_and_half_removals_are_strays() {
    let root = fresh("strays");
    let store = Store::open(&root).unwrap();
    store.put_sandbox(sandbox("whole", "p")).unwrap();
    fs::create_dir_all(root.join("half/containers")).unwrap();
    fs::write(root.join("half/sandbox.new"), b"{").unwrap();
    // A record that can't be read still keeps its name.
    fs::create_dir_all(root.join("broken")).unwrap();
    fs::write(root.join("broken/sandbox.json"), b"{").unwrap();
    assert_eq!(Store::open(&root).unwrap().strays().unwrap(), [root.join("half")]);
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn an_end_that_can_not_be_noted_is_told_all_the_same() {
    let root = fresh("no-note");
    let store = Store::open(&root).unwrap();
    store.put_sandbox(sandbox("s", "p")).unwrap();
    let running = store.put_container(container("c", "s")).unwrap();
    let exit = Exit { code: 3, ..Exit::default() };
    disk::write(&wire::exit_file(&store.dir("s"), "c"), &exit).unwrap();
    // Nothing can be written where a file is in the directory's place.
    let records = store.dir("s").join("containers");
    fs::remove_dir_all(&records).unwrap();
    fs::write(&records, b"").unwrap();
    assert_eq!(store.refreshed(running).exit, Some(exit));
    assert!(store.put_sandbox(Sandbox { id: "s/containers/t".into(), ..sandbox("t", "q") }).is_err());
    fs::remove_dir_all(root).unwrap();
}
