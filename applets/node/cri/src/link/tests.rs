#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use std::io::{BufRead, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// A monitor that gives the same answer to every request, and the request that it got.
fn monitor(name: &str, answer: &'static [u8]) -> (PathBuf, std::thread::JoinHandle<String>) {
    let dir = std::env::temp_dir().join(format!("cri-link-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let listener = UnixListener::bind(wire::socket(&dir)).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(socket.try_clone().unwrap()).read_line(&mut line).unwrap();
        socket.write_all(answer).unwrap();
        line
    });
    (dir, thread)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn an_order_is_a_line_and_a_failure_its_sentence() {
    let (dir, thread) = monitor("order", b"{\"failed\":{\"kind\":\"missing\",\"message\":\"start c: no such file\"}}\n");
    let request = Request::Start { container: "c".into() };
    let e = run(order(&dir, &request, Duration::from_secs(5))).unwrap_err();
    assert_eq!((e.kind(), e.message()), (kit::Kind::Missing, "start c: no such file"));
    assert_eq!(thread.join().unwrap(), "{\"start\":{\"container\":\"c\"}}\n");
}

/// A monitor that runs one exec: its request's descriptors are given to `process`, whose answer is the reply.
fn running(name: &str, process: impl FnOnce([std::fs::File; 2]) -> &'static [u8] + Send + 'static) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("cri-link-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let listener = UnixListener::bind(wire::socket(&dir)).unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let (_, fds) = scm::receive(&socket, &mut [0; 4096]).unwrap();
        let [out, err]: [OwnedFd; 2] = fds.try_into().unwrap();
        let answer = process([out.into(), err.into()]);
        socket.write_all(answer).unwrap();
    });
    dir
}

fn an_exec() -> wire::Exec {
    wire::Exec { container: "c".into(), process: serde_json::json!({}), timeout: 0 }
}

#[test]
fn an_exec_brings_its_bytes_up_to_the_limit() {
    let dir = running("exec", |[mut out, mut err]| {
        out.write_all(b"o\nt").unwrap();
        err.write_all(b"far too much").unwrap();
        b"{\"exec\":{\"code\":7,\"timed_out\":false}}\n"
    });
    let (done, stdout, stderr) = run(exec(&dir, &an_exec(), 7)).unwrap();
    assert_eq!((done.code, stdout.as_slice(), stderr.as_slice()), (7, &b"o\nt"[..], &b"far too"[..]));
}

#[test]
fn an_exec_that_can_not_be_run_says_why() {
    let dir = running("why", |_| b"{\"failed\":{\"kind\":\"missing\",\"message\":\"exec in c: no such file\"}}\n");
    let e = run(exec(&dir, &an_exec(), 100)).unwrap_err();
    assert_eq!((e.kind(), e.message()), (kit::Kind::Missing, "exec in c: no such file"));
}

#[test]
fn a_flood_holds_up_neither_its_end_nor_others() {
    let begun = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let told = begun.clone();
    let dir = running("flood", move |[out, _]| {
        // The writers go on after the process's end, too.
        for _ in 0..4 {
            let (mut out, told) = (out.try_clone().unwrap(), told.clone());
            std::thread::spawn(move || {
                while out.write_all(&[b'y'; 4096]).is_ok() {
                    told.store(true, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
        while !told.load(std::sync::atomic::Ordering::Relaxed) {
            std::thread::yield_now();
        }
        b"{\"exec\":{\"code\":0,\"timed_out\":false}}\n"
    });
    let limit = 128 * 1024;
    run(async move {
        let flood = tokio::spawn(async move { exec(&dir, &an_exec(), limit).await });
        let others = async {
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), others).await.unwrap();
        let (done, stdout, _) = timeout(Duration::from_secs(30), flood).await.unwrap().unwrap().unwrap();
        assert!(done.code == 0 && stdout.len() <= limit, "{} bytes", stdout.len());
    });
}

#[test]
fn a_zygotes_death_is_noticed() {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    run(async {
        let zygote = Zygote(ours);
        let death = zygote.death();
        tokio::pin!(death);
        assert!(timeout(Duration::from_millis(20), &mut death).await.is_err(), "it lives");
        drop(theirs);
        let e = timeout(Duration::from_secs(5), death).await.unwrap();
        assert!(e.to_string().contains("zygote"), "{e}");
    });
}

#[test]
fn a_watch_tells_exits_and_death() {
    let (dir, _thread) =
        monitor("watch", b"{\"info\":{\"pid\":4,\"containers\":[]}}\n{\"exited\":{\"container\":\"c\"}}\n{\"exi");
    run(async {
        let (info, mut watch) = Watch::open(&dir, Duration::from_secs(5)).await.unwrap();
        assert_eq!(info.pid, 4);
        assert_eq!(watch.next().await, Some(Reply::Exited { container: "c".into() }));
        assert_eq!(watch.next().await, None);
    });
}
