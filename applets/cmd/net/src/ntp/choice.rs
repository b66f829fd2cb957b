//! Choice between the answers of several servers.

use super::ask::Sample;

/// The answer with which most others agree, of those the first; none when three or more answered and no majority agrees.
pub fn choose(samples: &[Sample]) -> Option<&Sample> {
    let friends = |one: &Sample| samples.iter().filter(|other| agree(one, other)).count();
    // The last of the largest, from behind: the first.
    let best = samples.iter().rev().max_by_key(|sample| friends(sample))?;
    let enough = samples.len() < 3 || friends(best) * 2 > samples.len();
    enough.then_some(best)
}

/// Tells if both can be right: each offset lies within both errors.
fn agree(one: &Sample, other: &Sample) -> bool {
    (one.offset - other.offset).abs() <= one.error + other.error
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn offsets(offsets: &[i128]) -> Vec<Sample> {
        let server = "10.0.0.1:123".parse().unwrap();
        offsets.iter().map(|offset| Sample { offset: *offset, error: 5, stratum: 2, server }).collect()
    }

    #[test]
    fn the_majority_counts() {
        for (all, expected) in [
            (&[][..], None),
            (&[7], Some(7)),
            (&[7, 9], Some(7)),
            (&[7, 900], Some(7)),
            (&[900, 7, 9], Some(7)),
            (&[7, 900, 800, 12], None),
            (&[1, 100, 1000], None),
        ] {
            assert_eq!(choose(&offsets(all)).map(|sample| sample.offset), expected, "{all:?}");
        }
    }
}
