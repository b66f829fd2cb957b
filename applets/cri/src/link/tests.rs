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
    let (dir, thread) = monitor("order", b"{\"failed\":\"start c: no such file\"}\n");
    let request = Request::Start { container: "c".into() };
    let e = run(order(&dir, &request, Duration::from_secs(5))).unwrap_err();
    assert_eq!(e.to_string(), "start c: no such file");
    assert_eq!(thread.join().unwrap(), "{\"start\":{\"container\":\"c\"}}\n");
}

#[test]
fn an_exec_brings_its_bytes() {
    let line = b"{\"exec\":{\"code\":7,\"timed_out\":false,\"stdout\":3,\"stderr\":2}}\no\nto!!";
    let (dir, _thread) = monitor("exec", line);
    let request = wire::Exec { container: "c".into(), process: serde_json::json!({}), timeout: 0, limit: 10 };
    let (done, stdout, stderr) = run(exec(&dir, &request)).unwrap();
    assert_eq!((done.code, stdout.as_slice(), stderr.as_slice()), (7, &b"o\nt"[..], &b"o!"[..]));
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
