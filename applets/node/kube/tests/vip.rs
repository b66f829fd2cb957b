//! The service `vip` on machines of the test's own: network namespaces on a switch, each with an API server of which only the Lease and
//! a log of writes are real. Needs root. This executable is the service too (`vip vip …`).
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stdout, reason = "a test's own harness")]

mod members;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use members::{Lab, Member, SHARED};
use nix::sys::signal::Signal;

/// Time in which the address must answer again, whatever has become of its holder.
const MOVE_TIMEOUT: Duration = Duration::from_secs(20);
/// The same where the holder gives it back.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(8);
/// A look at all machines.
const LOOK: Duration = Duration::from_millis(50);

/// A test's name and what it does.
type Test = (&'static str, fn(&mut Lab));

const TESTS: &[Test] = &[
    ("one of two holds it, and its own address stays first", one_holds),
    ("a machine that dies while a client writes", a_machine_dies),
    ("a service that is killed", |lab| lost(lab, |holder| holder.signal(Signal::SIGKILL))),
    ("a service that hangs", hangs),
    ("a service that is stopped", |lab| given(lab, |holder| holder.signal(Signal::SIGTERM))),
    ("an API server that is not ready", |lab| given(lab, |holder| holder.server.set_ready(false))),
    ("an API server that does not answer", |lab| lost(lab, |holder| holder.server.stop())),
    ("a control plane that is taken away", |lab| given(lab, members::Member::forget)),
    ("a service that starts anew keeps it", starts_anew),
];

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if let Some(applet) = args.get(1).and_then(|name| kube::APPLETS.iter().find(|applet| *name == applet.name)) {
        return match (applet.run)(&args[1..]) {
            Ok(exit) => ExitCode::from(exit.0),
            Err(e) => {
                std::io::Write::write_all(&mut std::io::stderr(), format!("{e}\n").as_bytes()).unwrap();
                ExitCode::from(e.exit().0)
            }
        };
    }
    let only = std::env::args().nth(1).unwrap_or_default();
    // All at once: they mostly wait.
    let wanted = TESTS.iter().enumerate().filter(|(_, (name, _))| name.contains(&only));
    let running: Vec<_> = wanted.map(|(at, (name, test))| (name, std::thread::spawn(move || test(&mut Lab::new(at))))).collect();
    let (mut passed, mut failed) = (0, 0);
    for (name, thread) in running {
        let good = thread.join().is_ok();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        *(if good { &mut passed } else { &mut failed }) += 1;
    }
    // As the standard harness says it, for those who count.
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}

/// Wait until one machine has the address, and give its place. At no moment two have it.
fn holder(lab: &Lab, limit: Duration, except: Option<usize>) -> usize {
    let began = Instant::now();
    loop {
        let has = lab.holders();
        assert!(has.len() <= 1, "{has:?} have it at once");
        if let Some(at) = has.first().filter(|at| Some(**at) != except) {
            return *at;
        }
        assert!(began.elapsed() < limit, "nobody has it; {}", lab.logs());
        sleep(LOOK);
    }
}

/// The address answers, from that machine.
fn answers(lab: &Lab, at: usize) {
    let began = Instant::now();
    while members::write("hello").as_deref() != Some(lab.members[at].name.as_str()) {
        assert!(began.elapsed() < Duration::from_secs(3), "{SHARED} does not answer; {}", lab.logs());
        sleep(LOOK);
    }
}

fn one_holds(lab: &mut Lab) {
    let at = holder(lab, HAND_OVER_TIMEOUT, None);
    answers(lab, at);
    let own = lab.members[at].addresses();
    assert_eq!(own, [format!("{}/24", lab.members[at].address), format!("{SHARED}/32")]);
    assert_eq!(lab.members[at].source_of_its_connections(), lab.members[at].address);
    // It stays there.
    let end = Instant::now() + Duration::from_secs(15);
    while Instant::now() < end {
        assert_eq!(lab.holders(), [at]);
        sleep(LOOK);
    }
    assert_eq!(lab.transitions(), 0);
}

fn a_machine_dies(lab: &mut Lab) {
    let at = holder(lab, HAND_OVER_TIMEOUT, None);
    answers(lab, at);
    let client = members::client();
    sleep(Duration::from_secs(2));
    let died = Instant::now();
    lab.members[at].die();
    let next = holder(lab, MOVE_TIMEOUT, Some(at));
    answers(lab, next);
    println!("writes go on {:.1} s after the holder's end", died.elapsed().as_secs_f32());
    assert!(died.elapsed() < MOVE_TIMEOUT);
    sleep(Duration::from_secs(1));
    let acknowledged = client.stop();
    let kept = lab.kept();
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    assert!(acknowledged.iter().all(|line| kept.contains(line)), "something acknowledged is lost");
    assert!(lab.members.iter().all(|member| member.server.writes() > 0), "both have served");
}

/// The holder can't renew: the other has the address only after the holder's has ended.
fn lost(lab: &mut Lab, act: fn(&mut Member)) {
    let at = holder(lab, HAND_OVER_TIMEOUT, None);
    act(&mut lab.members[at]);
    let next = holder(lab, MOVE_TIMEOUT, Some(at));
    answers(lab, next);
    assert_eq!(lab.transitions(), 1);
}

/// The holder gives it back.
fn given(lab: &mut Lab, act: fn(&mut Member)) {
    let at = holder(lab, HAND_OVER_TIMEOUT, None);
    act(&mut lab.members[at]);
    let next = holder(lab, HAND_OVER_TIMEOUT, Some(at));
    answers(lab, next);
}

fn hangs(lab: &mut Lab) {
    let at = holder(lab, HAND_OVER_TIMEOUT, None);
    lab.members[at].signal(Signal::SIGSTOP);
    let next = holder(lab, MOVE_TIMEOUT, Some(at));
    lab.members[at].signal(Signal::SIGCONT);
    // The one that wakes believes what it sees.
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        assert_eq!(lab.holders(), [next]);
        sleep(LOOK);
    }
    answers(lab, next);
}

fn starts_anew(lab: &mut Lab) {
    let at = holder(lab, HAND_OVER_TIMEOUT, None);
    lab.members[at].signal(Signal::SIGKILL);
    lab.members[at].serve();
    let end = Instant::now() + Duration::from_secs(15);
    while Instant::now() < end {
        assert_eq!(lab.holders(), [at]);
        sleep(LOOK);
    }
    assert_eq!(lab.transitions(), 0);
}
