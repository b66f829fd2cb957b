//! Filters of lists: an id, a state, and labels that must all be there.

use std::collections::BTreeMap;

use cri_api::OF_A_PERSON;

/// Tells whether a list shows what has these labels, after the ids and labels that it asks for.
pub fn is_listed(ids: &[&str], asked: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    !labels.contains_key(OF_A_PERSON) || asked.contains_key(OF_A_PERSON) || ids.iter().any(|id| !id.is_empty())
}

/// Tells if `asked` is empty, or the id, or its beginning.
pub fn id_fits(asked: &str, id: &str) -> bool {
    id.starts_with(asked)
}

/// Tells if every label that was asked for is there with that value.
pub fn labels_fit(asked: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    asked.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn all_labels_must_fit() {
        let have = labels(&[("a", "1"), ("b", "2")]);
        assert!(labels_fit(&labels(&[]), &have));
        assert!(labels_fit(&labels(&[("a", "1")]), &have));
        assert!(!labels_fit(&labels(&[("a", "1"), ("b", "3")]), &have));
        assert!(!labels_fit(&labels(&[("c", "")]), &have));
    }

    #[test]
    fn the_kubelet_does_not_see_a_persons_pods() {
        let own = labels(&[(OF_A_PERSON, "yes")]);
        assert!(!is_listed(&["", ""], &labels(&[]), &own));
        assert!(is_listed(&["", "ab"], &labels(&[]), &own) && is_listed(&[], &own, &own));
        assert!(is_listed(&[], &labels(&[]), &labels(&[("a", "1")])));
    }

    #[test]
    fn an_id_fits_by_its_beginning() {
        assert!(id_fits("", "abc") && id_fits("ab", "abc") && id_fits("abc", "abc"));
        assert!(!id_fits("abcd", "abc") && !id_fits("b", "abc"));
    }
}
