//! The clock of a machine that wakes with a wrong one, and time servers that are right or not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::{Context, Error};
use lab::guest::Guest;
use lab::time::{Manner, PORT, Time};
use lab::until;

use crate::case::{Case, Outcome, X86, ensure};
use crate::world::World;

/// The cases.
pub const CASES: &[Case] = &[Case { name: "set-by-time-servers", boards: X86, run: set }];

/// From the network's start to a clock that is right.
const SET: Duration = Duration::from_mins(1);
/// By how many seconds a clock that is right may seem off, with the way of a question to the agent.
const NEAR: i64 = 2;

/// A machine without a battery: its DHCP server names a time server, which sets it.
fn set(world: &mut World, board: &str) -> Outcome {
    let server = Time::start(PORT, Manner::Right)?;
    let node = world.boot(board, |appliance, spec| {
        let kube = appliance.kube_node();
        spec.segments.retain(|segment| *segment != kube);
        spec.rtc = Some("1999-01-01T00:00:00".into());
        // A card to which the lab's DHCP names its time server.
        for nic in &mut spec.nics {
            nic.mac = nic.mac.replace("52:54:00", lab::network::TIMED);
        }
        Ok(())
    })?;
    let guest = &node.vm.guest;
    right(guest)?;
    let told = guest.sh("cat /run/kutties/boot.log /run/kutties/log/ntp.log; kutties config show")?;
    for words in
        ["clock: was behind; set to the day of the build", "set the clock: it was behind by", "ntp.servers          10.77.0.1"]
    {
        ensure(told.contains(words), || format!("not {words:?}:\n{told}"))?;
    }
    ensure(server.asked() > 0, || "nobody asked the time server".into())?;
    refused(guest)?;
    // Years ahead: what a person set wrongly, the next start of the service sets right.
    guest.sh("date -s @1924991999 && systemctl restart ntp")?;
    right(guest)
}

/// Checks that other answers are reported and set nothing.
fn refused(guest: &Guest) -> Outcome {
    let table = [
        (Manner::Old, "it tells a time before this system was made"),
        (Manner::Deaf, "the answer is not to this question"),
        (Manner::Unset, "its own clock is not set"),
        (Manner::Rude, "it sends us away: DENY"),
        (Manner::Cut, "the answer is too short"),
    ];
    for (port, (manner, sentence)) in (PORT + 1000..).zip(table) {
        let server = Time::start(port, manner)?;
        let name = format!("10.77.0.1:{port}");
        let output = guest.exec(&["kutties", "ntp", "-q", &name])?;
        let expected = format!("ntp: ask the time server {name}: {sentence}");
        ensure(output.code == 1 && output.stderr.contains(&expected), || format!("{manner:?}: {output:?}"))?;
        // Without -q it asks on; a busy machine may not even start it within the time.
        let output = until(SET, || {
            let output = guest.exec(&["timeout", "-s", "KILL", "1", "kutties", "ntp", &name])?;
            if server.asked() > 1 { Ok(output) } else { Err(Error::new(format!("it did not ask: {output:?}"))) }
        })?;
        ensure(!output.stdout.contains("set the clock"), || format!("{manner:?}: {output:?}"))?;
    }
    right(guest)
}

/// The guest's clock is the host's.
fn right(guest: &Guest) -> Outcome {
    let off = until(SET, || {
        let text = guest.sh("date +%s")?;
        let theirs: i64 = text.trim().parse().doing("read the guest's clock")?;
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64;
        if (theirs - ours).abs() <= NEAR { Ok(()) } else { Err(Error::new(format!("it is off by {} s", theirs - ours))) }
    });
    match off {
        Ok(()) => Ok(()),
        Err(e) => ensure(false, || format!("{e}\n{}", guest.sh("cat /run/kutties/log/ntp.log").unwrap_or_default())),
    }
}
