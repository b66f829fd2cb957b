#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use spdy::{OUTPUT_LIMIT, Role, Session};
use tokio::net::TcpListener;

/// A running connection, and the client's session and socket.
async fn pair() -> (Running, Session, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let (running, _) = Running::begin(server, Box::new(Session::new(Role::Server)), Vec::new(), &[]);
    (running, Session::new(Role::Client), client)
}

async fn opened(running: &mut Running, session: &mut Session, socket: &mut TcpStream) -> Opened {
    session.open(Headers::new());
    socket.write_all(&session.take_output()).await.unwrap();
    let opened = running.opened.recv().await.unwrap();
    running.connection.accept(opened.channel);
    opened
}

fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(Duration::from_mins(1), work).await.unwrap() });
}

const MUCH: usize = 16 << 20;

#[test]
fn a_slow_client_holds_up_the_sender_and_gets_all() {
    run(async {
        let (mut running, mut session, mut socket) = pair().await;
        let stream = opened(&mut running, &mut session, &mut socket).await;
        let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (counted, to) = (sent.clone(), stream.outgoing.clone());
        let sender = tokio::spawn(async move {
            let bytes = vec![1; 64 * 1024];
            for _ in 0..MUCH / bytes.len() {
                to.send(&bytes).await.unwrap();
                counted.fetch_add(bytes.len(), Ordering::Relaxed);
            }
            to.finish();
        });
        // The kernel's own buffers fill, and then ours.
        let mut before = usize::MAX;
        while before != sent.load(Ordering::Relaxed) {
            before = sent.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(before < MUCH, "{before} bytes were taken for a client that reads none");
        assert!(running.connection.lock().take_output().len() <= 2 * OUTPUT_LIMIT || before == 0);
        drop(socket);
        assert!(sender.await.is_err(), "the sender is told that the client is gone");
    });
}

#[test]
fn everything_arrives_in_both_directions_at_once() {
    run(async {
        let (mut running, mut session, socket) = pair().await;
        let mut socket = socket;
        let mut stream = opened(&mut running, &mut session, &mut socket).await;
        // An echo.
        let echo = tokio::spawn(async move {
            while let Input::Piece(piece) = stream.incoming.next().await {
                stream.outgoing.send(&piece).await.unwrap();
            }
            stream.outgoing.finish();
        });
        let (mut read, mut write) = socket.into_split();
        let writer = tokio::spawn(async move {
            // Without a window, as Kubernetes' clients.
            let bytes: Vec<u8> = (0..MUCH).map(|n| (n % 253) as u8).collect();
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                rest = &rest[session.send(1, rest).unwrap()..];
                write.write_all(&session.take_output()).await.unwrap();
            }
            session.finish(1);
            write.write_all(&session.take_output()).await.unwrap();
            (session, write)
        });
        let mut came = Vec::new();
        let (mut decoder, mut bytes) = (spdy::Decoder::default(), vec![0; 100_000]);
        loop {
            let count = read.read(&mut bytes).await.unwrap();
            let mut input = &bytes[..count];
            let mut ended = count == 0;
            while let Some(frame) = decoder.next(&mut input).unwrap() {
                if let spdy::Frame::Data { fin, bytes, .. } = frame {
                    came.extend_from_slice(bytes);
                    ended |= fin;
                }
            }
            if ended {
                break;
            }
        }
        assert!(came.len() == MUCH && came.iter().enumerate().all(|(n, byte)| *byte == (n % 253) as u8));
        echo.await.unwrap();
        drop(writer.await.unwrap());
        running.close().await;
    });
}

#[test]
fn who_takes_nothing_is_sent_no_more_than_is_held() {
    run(async {
        let (mut running, mut session, mut socket) = pair().await;
        let mut stream = opened(&mut running, &mut session, &mut socket).await;
        let writer = tokio::spawn(async move {
            let bytes = vec![0; 64 * 1024];
            let mut taken = 0;
            while taken < MUCH {
                taken += session.send(1, &bytes).unwrap();
                socket.write_all(&session.take_output()).await.unwrap();
            }
            socket
        });
        while !running.connection.lock().is_full() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut came = 0;
        while came < MUCH {
            let Input::Piece(piece) = stream.incoming.next().await else { unreachable!() };
            came += piece.len();
        }
        drop(writer.await.unwrap());
        assert!(matches!(stream.incoming.next().await, Input::Lost));
        running.connection.lost().await;
    });
}

#[test]
fn nonsense_is_answered_and_closed() {
    run(async {
        let (running, _, mut socket) = pair().await;
        // A frame of a version that nobody knows, and more behind it than is ever read.
        let _ = socket.write_all(&[0x80, 9, 0, 0, 0, 0, 0, 0].repeat(200_000)).await;
        let mut said = Vec::new();
        socket.read_to_end(&mut said).await.unwrap();
        assert_eq!(said[..4], [0x80, 3, 0, 7]);
        drop(socket);
        running.connection.lost().await;
    });
}
