//! Medians, ratios, and what missed its target, for a person and as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use kit::{Context, Result};
use serde_json::{Value, json};

use crate::figures::{Figures, MEASURES, Measure, median};
use crate::side::Side;
use crate::weigh::Weights;

/// Gathers rounds.
pub struct Report {
    weights: Weights,
    rounds: Vec<(Side, Figures)>,
}

/// 2²⁰ bytes.
const MIB: f64 = 1_048_576.0;

impl Report {
    /// With the weights, which no round changes.
    pub fn new(weights: Weights) -> Self {
        Self { weights, rounds: Vec::new() }
    }

    /// One round more.
    pub fn add(&mut self, side: Side, figures: Figures) {
        self.rounds.push((side, figures));
    }

    /// Print all and write it to a file.
    pub fn close(&self, to: &Path) -> Result<()> {
        println!("\n{:<30} {:>10} {:>10} {:>7} {:>7}", "", "ours", "hand-made", "ratio", "target");
        let rows: Vec<Value> = MEASURES.iter().map(|measure| self.row(measure)).collect();
        let sides: Vec<Value> = Side::BOTH.into_iter().map(|side| self.detail(side)).collect();
        let text = serde_json::to_vec_pretty(&json!({ "measures": rows, "sides": sides })).doing("encode the results")?;
        std::fs::write(to, text).on("write", to)?;
        println!("\nwritten to {}", to.display());
        Ok(())
    }

    fn row(&self, measure: &Measure) -> Value {
        let [ours, hand_made] = [Side::Ours, Side::HandMade].map(|side| self.median(side, measure));
        let ratio = if ours > 0.0 && hand_made > 0.0 { Some(ours / hand_made) } else { None };
        let verdict = match (ratio, measure.target) {
            (Some(ratio), Some(target)) if ratio > target => "  missed",
            _ => "",
        };
        let shown = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"));
        let (with_unit, target) = (format!("{}, {}", measure.name, measure.unit), shown(measure.target));
        println!("{with_unit:<30} {ours:>10.1} {hand_made:>10.1} {:>7} {target:>7}{verdict}", shown(ratio));
        json!({
            "name": measure.key, "unit": measure.unit, "ours": ours, "hand_made": hand_made, "ratio": ratio,
            "target": measure.target, "missed": !verdict.is_empty(),
        })
    }

    fn median(&self, side: Side, measure: &Measure) -> f64 {
        match measure.of {
            Some(of) => median(self.of(side).map(of).collect()),
            None => {
                self.weights.iter().filter(|(of, _)| *of == side).flat_map(|(_, parts)| parts.values()).map(|&b| mib(b)).sum()
            }
        }
    }

    fn of(&self, side: Side) -> impl Iterator<Item = &Figures> {
        self.rounds.iter().filter(move |(of, _)| *of == side).map(|(_, figures)| figures)
    }

    /// Returns the stages and the memory of a side.
    fn detail(&self, side: Side) -> Value {
        let stages = self.medians(side, |figures| &figures.stages);
        let held = self.medians(side, |figures| &figures.held);
        let weights: BTreeMap<&str, f64> = self
            .weights
            .iter()
            .filter(|(of, _)| *of == side)
            .flat_map(|(_, parts)| parts.iter().map(|(name, bytes)| (name.as_str(), mib(*bytes))))
            .collect();
        println!("\n{side}");
        println!("  at s:          {}", shown(&stages));
        println!("  memory, MiB:   {}", shown(&held));
        println!("  xz, MiB:       {}", shown(&weights));
        let rounds: Vec<&Figures> = self.of(side).collect();
        json!({ "side": side.word(), "stages": stages, "held": held, "xz": weights, "rounds": rounds })
    }

    fn medians<'a>(
        &'a self,
        side: Side,
        part: impl Fn(&'a Figures) -> &'a BTreeMap<&'static str, f64>,
    ) -> BTreeMap<&'static str, f64> {
        let mut all: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
        for (name, value) in self.of(side).flat_map(part) {
            all.entry(name).or_default().push(*value);
        }
        all.into_iter().map(|(name, values)| (name, median(values))).collect()
    }
}

fn shown(parts: &BTreeMap<&str, f64>) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, value)| format!("{} {value:.1}", name.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')))
        .collect();
    parts.join(", ")
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}
