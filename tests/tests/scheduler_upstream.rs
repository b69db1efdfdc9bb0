//! Every decision of a real kube-scheduler 1.36 in the records, decided anew: the same nodes must be feasible, with the
//! same score of each plugin, and so the same nodes best; where none is, the same sentence; and where others were
//! preempted, as many of the same priorities.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::replay::scheduler::{self, Theme};
use kubarium_tests::report::report;
use std::path::Path;

/// How many decisions of a theme must agree, and of how many. The former only rises.
const FLOORS: [(&str, usize, usize); 31] = [
    ("default-spread", 754, 754),
    ("extended", 805, 805),
    ("gates", 718, 718),
    ("images", 835, 835),
    ("init-overhead", 744, 744),
    ("mixed", 738, 738),
    ("node-affinity", 770, 770),
    ("pod-affinity", 697, 697),
    ("pod-anti-affinity", 776, 776),
    ("ports", 773, 773),
    ("preemption", 768, 768),
    ("preferred", 771, 771),
    ("resources", 756, 756),
    ("taints", 738, 738),
    ("topology-spread", 720, 720),
    ("wide-all", 191, 191),
    ("wide-ext", 81, 81),
    ("wide-image", 79, 79),
    ("wide-init", 71, 71),
    ("wide-nodeaff", 77, 77),
    ("wide-owners", 86, 86),
    ("wide-podaff", 80, 80),
    ("wide-port", 92, 92),
    ("wide-preempt-aff", 97, 97),
    ("wide-preempt-ext", 81, 81),
    ("wide-preempt", 78, 78),
    ("wide-profiles-lite", 213, 213),
    ("wide-profiles", 183, 183),
    ("wide-spread", 80, 80),
    ("wide-taint", 92, 92),
    ("wide-volume", 80, 80),
];

#[test]
fn decisions_are_upstreams() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/upstream-scheduler");
    let themes = scheduler::replay(&data, |_| ()).unwrap();
    report(&scheduler::table(&themes));
    assert_eq!(themes.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), FLOORS.map(|(name, ..)| name));
    let below = |(theme, (_, floor, of)): (&Theme, (_, usize, usize))| {
        let ok = theme.agree >= floor && theme.decisions == of;
        let shown = theme.differences.iter().take(3).map(String::as_str).collect::<Vec<_>>();
        (!ok).then(|| format!("{theme} is below {floor} of {of}, such as\n{}", shown.join("\n")))
    };
    let below: Vec<String> = themes.iter().zip(FLOORS).filter_map(below).collect();
    assert!(below.is_empty(), "`cargo xtask fidelity scheduler` shows more:\n{}", below.join("\n"));
}
