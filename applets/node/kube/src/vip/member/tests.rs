//! Members, a fake cluster and a clock that only tests move.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::cell::{Cell, RefCell};

use kit::Error;

use super::*;

/// A cluster with one Lease; each call takes `cost`.
#[derive(Default)]
struct Fake {
    now: Cell<Duration>,
    cost: Cell<Duration>,
    lease: RefCell<Option<Lease>>,
    version: Cell<u64>,
    unready: Cell<bool>,
    dead: Cell<bool>,
    /// A write is stored, and its answer is lost.
    mute: Cell<bool>,
    /// Another member's write comes between reading and writing.
    raced: Cell<bool>,
}

impl Fake {
    fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }

    fn store(&self, lease: &Lease) {
        self.version.set(self.version.get() + 1);
        *self.lease.borrow_mut() = Some(Lease { version: self.version.get().to_string(), ..lease.clone() });
    }

    fn call(&self) -> Result<()> {
        self.pass(self.cost.get());
        if self.dead.get() { Err(Error::new("reach it: connection refused")) } else { Ok(()) }
    }

    fn holder(&self) -> String {
        self.lease.borrow().as_ref().map(|lease| lease.holder.clone()).unwrap_or_default()
    }

    fn round(&self, member: &mut Member) -> Right {
        member.round(self, &|| self.now.get())
    }
}

impl Cluster for Fake {
    fn is_ready(&self) -> Result<bool> {
        self.call()?;
        Ok(!self.unready.get())
    }

    fn read(&self) -> Result<Option<Lease>> {
        self.call()?;
        Ok(self.lease.borrow().clone())
    }

    fn write(&self, lease: &Lease) -> Result<bool> {
        self.call()?;
        if self.raced.take() {
            self.store(&Lease { holder: "x".into(), duration: DURATION, ..Lease::default() });
        }
        let version = self.lease.borrow().as_ref().map(|lease| lease.version.clone()).unwrap_or_default();
        if version != lease.version {
            return Ok(false);
        }
        self.store(lease);
        if self.mute.get() { Err(Error::new("hear from it: nothing came in time")) } else { Ok(true) }
    }
}

fn members(names: &[&str]) -> Vec<Member> {
    names.iter().map(|name| Member::new((*name).to_owned())).collect()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_first_takes_it_and_renews_it() {
    let fake = Fake::default();
    let mut all = members(&["a", "b"]);
    assert_eq!(fake.round(&mut all[0]), Right::Mine(HOLD));
    assert_eq!(fake.round(&mut all[1]), Right::Other("a".into()));
    for round in 1..20 {
        fake.pass(RENEW);
        assert_eq!(fake.round(&mut all[0]), Right::Mine(RENEW * round + HOLD));
        assert_eq!(fake.round(&mut all[1]), Right::Other("a".into()));
        assert!(!all[0].has_lapsed(fake.now.get()) && all[0].holds() && !all[1].holds());
    }
}

#[test]
fn a_dead_holders_lease_is_taken_after_its_time_and_never_before_its_right_ended() {
    let fake = Fake::default();
    let mut all = members(&["a", "b", "c"]);
    let Right::Mine(until) = fake.round(&mut all[0]) else { unreachable!() };
    let mut taken = None;
    let (mut b, mut c) = (all.remove(1), all.remove(1));
    while taken.is_none() && fake.now.get() < Duration::from_mins(1) {
        let pause = b.pause(fake.now.get()).min(c.pause(fake.now.get()));
        assert!(pause > Duration::ZERO && pause <= LOOK);
        fake.pass(pause);
        let rights = [fake.round(&mut b), fake.round(&mut c)];
        assert!(rights.iter().filter(|right| matches!(right, Right::Mine(_))).count() <= 1, "{rights:?}");
        taken = rights.iter().any(|right| matches!(right, Right::Mine(_))).then_some(fake.now.get());
    }
    let taken = taken.unwrap();
    assert!(taken >= until + SECOND * 2 && taken <= DURATION + LOOK + SECOND, "{taken:?}");
    assert_eq!(fake.lease.borrow().as_ref().unwrap().transitions, 1);
    // The old one comes back and believes what it sees.
    assert!(all[0].has_lapsed(fake.now.get()) && !all[0].has_lapsed(fake.now.get()));
    assert!(matches!(fake.round(&mut all[0]), Right::Other(_)));
}

#[test]
fn who_can_not_renew_loses_its_right_before_anybody_may_take_it() {
    let fake = Fake::default();
    let mut a = Member::new("a".into());
    let mut b = Member::new("b".into());
    fake.cost.set(SECOND / 2);
    let Right::Mine(until) = fake.round(&mut a) else { unreachable!() };
    // Counted from before the write was sent: two calls had come before it.
    assert_eq!(until, SECOND + HOLD);
    fake.round(&mut b);
    let free_at = fake.now.get() + DURATION;
    fake.dead.set(true);
    while fake.now.get() < until {
        fake.pass(SECOND);
        assert!(matches!(fake.round(&mut a), Right::Unknown(_)) && a.pause(fake.now.get()) < SECOND);
        assert_eq!(a.has_lapsed(fake.now.get()), fake.now.get() >= until);
    }
    assert!(!a.holds() && until + SECOND * 2 < free_at);
}

#[test]
fn an_answer_that_is_lost_gives_no_right() {
    let fake = Fake::default();
    let (mut a, mut b) = (Member::new("a".into()), Member::new("b".into()));
    fake.mute.set(true);
    assert!(matches!(fake.round(&mut a), Right::Unknown(_)));
    assert!(!a.holds() && fake.holder() == "a");
    fake.mute.set(false);
    assert_eq!(fake.round(&mut b), Right::Other("a".into()));
    // It finds its own name there and writes once more.
    assert!(matches!(fake.round(&mut a), Right::Mine(_)));
}

#[test]
fn of_two_at_once_one_gets_it() {
    let fake = Fake::default();
    let mut a = Member::new("a".into());
    fake.raced.set(true);
    assert_eq!(fake.round(&mut a), Right::Unknown("another member was faster".into()));
    assert_eq!(fake.round(&mut a), Right::Other("x".into()));
    assert!(!a.holds());
    // A holder whose Lease somebody has taken by hand.
    fake.store(&Lease::default());
    assert!(matches!(fake.round(&mut a), Right::Mine(_)));
    fake.store(&Lease { holder: "b".into(), duration: DURATION, ..Lease::default() });
    assert_eq!(fake.round(&mut a), Right::Other("b".into()));
    assert!(!a.holds());
}

#[test]
fn a_server_that_is_not_ready_gives_it_to_another() {
    let fake = Fake::default();
    let (mut a, mut b) = (Member::new("a".into()), Member::new("b".into()));
    fake.unready.set(true);
    assert!(matches!(fake.round(&mut a), Right::Unknown(_)), "it does not take what it can't serve");
    fake.unready.set(false);
    assert!(matches!(fake.round(&mut a), Right::Mine(_)));
    fake.unready.set(true);
    assert!(matches!(fake.round(&mut a), Right::Unknown(_)) && a.holds(), "once is nothing");
    assert_eq!(fake.round(&mut a), Right::Unfit);
    assert!(!a.holds() && fake.holder() == "a", "nobody may have it before the address is gone");
    a.give_back(&fake).unwrap();
    assert!(fake.holder().is_empty());
    assert!(matches!(fake.round(&mut a), Right::Unknown(_)), "not again while it is so");
    fake.unready.set(false);
    assert!(matches!(fake.round(&mut b), Right::Mine(_)), "at once");
    assert_eq!(fake.round(&mut a), Right::Other("b".into()));
}

#[test]
fn who_stops_gives_it_back_and_nobody_elses() {
    let fake = Fake::default();
    let (mut a, mut b) = (Member::new("a".into()), Member::new("b".into()));
    fake.round(&mut a);
    b.give_back(&fake).unwrap();
    assert_eq!(fake.holder(), "a");
    a.give_back(&fake).unwrap();
    assert!(!a.holds() && fake.holder().is_empty());
    assert!(matches!(fake.round(&mut b), Right::Mine(_)));
}

#[test]
fn a_machine_that_slept_has_lost_its_right() {
    let fake = Fake::default();
    let mut a = Member::new("a".into());
    fake.round(&mut a);
    // The clock since the start counts sleep; the date plays no part at all.
    fake.pass(Duration::from_hours(1));
    assert!(a.has_lapsed(fake.now.get()));
    assert!(matches!(fake.round(&mut a), Right::Mine(_)), "nobody else wanted it");
}

#[test]
fn a_short_entry_of_somebody_else_does_not_shorten_the_wait() {
    let fake = Fake::default();
    let mut a = Member::new("a".into());
    fake.store(&Lease { holder: "b".into(), duration: SECOND, ..Lease::default() });
    assert_eq!(fake.round(&mut a), Right::Other("b".into()));
    fake.pass(DURATION.saturating_sub(SECOND));
    assert_eq!(fake.round(&mut a), Right::Other("b".into()));
    fake.pass(SECOND);
    assert!(matches!(fake.round(&mut a), Right::Mine(_)));
}
