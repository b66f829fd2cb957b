//! The Lease by which members agree: one object of the cluster (`coordination.k8s.io/v1`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::time;

/// The object's name.
pub const NAME: &str = "kutties-vip";
/// The longest time that somebody else's entry may ask for: nothing that is written by a member comes near it.
const LONGEST: Duration = Duration::from_mins(1);

/// A Lease, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lease {
    /// The cluster's number of this state of it, which each write changes; empty when there is no Lease yet.
    pub version: String,
    /// The member that has it; empty when nobody has.
    pub holder: String,
    /// The time that the others wait after a change that they have seen.
    pub duration: Duration,
    /// The time when this holder got it, as text; empty when it is now.
    pub acquired: String,
    /// The number of changes of the holder.
    pub transitions: u64,
}

impl Lease {
    /// The object as a cluster tells it; none when it is no Lease.
    pub fn parse(document: &Value) -> Option<Self> {
        let (spec, version) = (&document["spec"], document["metadata"]["resourceVersion"].as_str()?);
        let text = |name: &str| spec[name].as_str().unwrap_or_default().to_owned();
        Some(Self {
            version: version.to_owned(),
            holder: text("holderIdentity"),
            duration: Duration::from_secs(spec["leaseDurationSeconds"].as_u64().unwrap_or_default()).min(LONGEST),
            acquired: text("acquireTime"),
            transitions: spec["leaseTransitions"].as_u64().unwrap_or_default(),
        })
    }

    /// The object to be written. Its times are for people: nobody decides by them.
    pub fn document(&self, now: SystemTime) -> Value {
        let renewed = micro_time(now);
        let acquired = if self.acquired.is_empty() { &renewed } else { &self.acquired };
        let mut document = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": "kube-system"},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.duration.as_secs().max(1),
                "acquireTime": acquired,
                "renewTime": renewed,
                "leaseTransitions": self.transitions,
            },
        });
        if !self.version.is_empty() {
            document["metadata"]["resourceVersion"] = self.version.clone().into();
        }
        document
    }

    /// The same in the hands of that member, for a time.
    #[must_use]
    pub fn taken_by(self, member: &str, duration: Duration) -> Self {
        if self.holder == member {
            return Self { duration, ..self };
        }
        let transitions = self.transitions + u64::from(!self.version.is_empty());
        Self { version: self.version, holder: member.to_owned(), duration, acquired: String::new(), transitions }
    }

    /// The same in nobody's hands.
    #[must_use]
    pub fn given_back(self) -> Self {
        Self { holder: String::new(), duration: Duration::from_secs(1), ..self }
    }
}

/// A moment as Kubernetes' `MicroTime` is written: with six digits of a second.
fn micro_time(moment: SystemTime) -> String {
    let micros = moment.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_micros();
    format!("{}.{micros:06}Z", time::rfc3339(moment).trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let taken = Lease { version: "7".into(), ..Lease::default() }.taken_by("a", Duration::from_secs(10));
        let moment = UNIX_EPOCH + Duration::from_micros(1_000_000_000_000_042);
        let document = taken.document(moment);
        assert_eq!(document["spec"]["renewTime"], "2001-09-09T01:46:40.000042Z");
        let read = Lease::parse(&document).unwrap();
        assert_eq!(read, Lease { acquired: "2001-09-09T01:46:40.000042Z".into(), ..taken });
        assert_eq!(read.transitions, 1);
        // Its own again: only the time of the renewal is new.
        let again = read.clone().taken_by("a", Duration::from_secs(10)).document(moment + Duration::from_secs(2));
        assert_eq!(again["spec"]["acquireTime"], document["spec"]["acquireTime"]);
        assert_eq!(again["spec"]["renewTime"], "2001-09-09T01:46:42.000042Z");
        assert_eq!(read.clone().taken_by("b", Duration::from_secs(10)).transitions, 2);
        assert_eq!(read.given_back().holder, "");
        let first = Lease::default().taken_by("a", Duration::from_secs(10)).document(moment);
        assert!(first["metadata"]["resourceVersion"].is_null() && first["spec"]["leaseTransitions"] == 0);
    }

    #[test]
    fn strangers_objects_are_bounded() {
        for wrong in [json!({}), json!({"metadata": {"resourceVersion": 7}}), json!(null), json!([])] {
            assert_eq!(Lease::parse(&wrong), None);
        }
        let long = json!({"metadata": {"resourceVersion": "7"}, "spec": {"leaseDurationSeconds": u64::MAX, "holderIdentity": 7}});
        let lease = Lease::parse(&long).unwrap();
        assert_eq!((lease.duration, lease.holder.as_str()), (LONGEST, ""));
    }
}
