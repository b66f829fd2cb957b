//! The table of targets.

/// Something that takes any bytes. It panics when what must hold does not.
pub struct Target {
    /// The name of its folder in `corpus/`.
    pub name: &'static str,
    /// Takes the bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "cluster-info", run: crate::join::cluster_info },
    Target { name: "http-answer", run: crate::join::answer },
    Target { name: "join-configuration", run: crate::join::configuration },
    Target { name: "kubeconfig", run: crate::join::kubeconfig },
    Target { name: "smbios", run: crate::smbios::table },
    Target { name: "spdy", run: crate::spdy::session },
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::{corpus, mutate::Mutator};

    #[test]
    fn the_corpus_and_mutations_of_it_break_nothing() {
        for target in TARGETS {
            let inputs = corpus::load(target.name).unwrap();
            assert!(!inputs.is_empty(), "{} has no corpus", target.name);
            for input in &inputs {
                (target.run)(input);
            }
            let mut mutator = Mutator::new(7);
            for _ in 0..3000 {
                (target.run)(&mutator.input(&inputs));
            }
        }
    }
}
