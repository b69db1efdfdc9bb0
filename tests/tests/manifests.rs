//! Manifests and scenarios as text: what they mean, and what is said of their mistakes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::manifest;
use kubarium_core::sim::{Action, Scenario, format_span, parse_span};
use kubarium_tests::property;
use proptest::prelude::*;
use serde_json::{Value, json};

fn only(text: &str) -> Value {
    let documents = manifest::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(documents.len(), 1, "{text}");
    documents.into_iter().next().unwrap().value
}

#[test]
fn scalars_mean_what_they_mean_to_kubernetes() {
    for (text, expected) in [
        ("a: yes", json!(true)),
        ("a: off", json!(false)),
        ("a: \"yes\"", json!("yes")),
        ("a: ~", json!(null)),
        ("a:", json!(null)),
        ("a: 0644", json!(420)),
        ("a: 0x1F", json!(31)),
        ("a: 1_000", json!(1000)),
        ("a: -12", json!(-12)),
        ("a: 1.5", json!(1.5)),
        ("a: 1e3", json!(1000.0)),
        ("a: 18446744073709551615", json!(u64::MAX)),
        ("a: 100m", json!("100m")),
        ("a: 1.2.3", json!("1.2.3")),
        ("a: 089", json!(89.0)),
        ("a: --", json!("--")),
        ("a: +", json!("+")),
        ("a: .inf", json!(".inf")),
        ("a: 2026-01-01", json!("2026-01-01")),
        ("a: !!str 12", json!("12")),
        ("a: |\n  x\n  y\n", json!("x\ny\n")),
        ("b: &x {k: 1}\na: *x", json!({"k": 1})),
        // Tabs may stand inside of texts and between brackets.
        ("a: |\n  \tx\n", json!("\tx\n")),
        ("a: [1,\n  \t2]", json!([1, 2])),
        ("b: &x {k: 1, l: 2}\na:\n  <<: *x\n  l: 3", json!({"k": 1, "l": 3})),
        ("{\"a\": [1, {\"b\": null}]}", json!([1, {"b": null}])),
    ] {
        assert_eq!(only(text)["a"], expected, "{text}");
    }
}

#[test]
fn lines_are_not_moved_in_by_tabs() {
    for (text, line, column) in [("\ta: 1", 1, 2), ("a:\n\tb: 1", 2, 2), ("a:\n  \tb", 2, 4), ("a:\n\t- b", 2, 2)] {
        let error = manifest::parse(text).expect_err(text);
        assert!(error.message.contains("tab"), "{text:?}: {error}");
        assert_eq!((error.place.line, error.place.column), (line, column), "{text:?}");
    }
}

#[test]
fn several_documents_keep_their_lines_and_lists_become_their_items() {
    let text = "# a comment\na: 1\n---\n---\nb: 2\n---\napiVersion: v1\nkind: List\nitems:\n- {c: 3}\n- {d: 4}\n";
    let found: Vec<_> =
        manifest::parse(text).unwrap().into_iter().map(|d| (d.line, d.index, d.path, d.value.to_string())).collect();
    let row = |line, index, path: &str, value: &str| (line, index, path.to_owned(), value.to_owned());
    assert_eq!(
        found,
        [
            row(2, 0, "", r#"{"a":1}"#),
            row(5, 2, "", r#"{"b":2}"#),
            row(7, 3, "items[0]", r#"{"c":3}"#),
            row(7, 3, "items[1]", r#"{"d":4}"#),
        ]
    );
}

#[test]
fn text_that_is_no_manifest_says_where() {
    for (text, expected) in [
        ("a: 1\nb: [1\n", "line 3"),
        ("a: 1\na: 2\n", "line 2, column 1: key \"a\" is there twice"),
        ("a: {b: 1\n", "line 2"),
        ("a: *nothing\n", "line 1"),
        ("a: 'x\n", "line"),
        ("? [a]\n: 1\n", "line 1, column 3: a key must be a simple value"),
        ("a: !!binary aGk=\n", "line 1, column 4: binary values are not supported; write the text itself"),
        ("{\"a\": 1,,}", "line 1"),
    ] {
        let error = manifest::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?} gives {error:?}, not {expected:?}");
    }
}

#[test]
fn hostile_text_is_refused_in_time() {
    let deep = "[".repeat(100_000);
    let laughs: String = (1..30).fold("a0: &a0 [x, x, x, x]\n".to_owned(), |text, n| {
        let one = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", [one.as_str(); 9].join(", "))
    });
    assert!(manifest::parse(&deep).is_err());
    let error = manifest::parse(&laughs).unwrap_err().to_string();
    assert!(error.contains("aliases stand for more than"), "{error}");
}

#[test]
fn a_field_is_found_or_else_what_is_around_it() {
    let text = "kind: Pod\n---\nspec:\n  containers:\n  - name: a\n    image: b\n  - name: c\n";
    for (field, line, column) in [
        ("spec.containers[0].image", 6, 5),
        ("spec.containers[1]", 7, 5),
        ("spec.containers[1].image", 7, 5),
        ("spec.volumes", 3, 1),
        ("metadata.name", 3, 1),
        ("", 3, 1),
    ] {
        let place = manifest::locate(text, 1, field).unwrap();
        assert_eq!((place.line, place.column), (line, column), "{field}");
    }
    assert_eq!(manifest::locate(text, 7, "spec"), None);
}

#[test]
fn a_scenarios_mistakes_name_line_and_field() {
    let head = "apiVersion: kubarium.io/v1\nkind: Scenario\n";
    for (text, expected) in [
        ("sed: 1", "line 3, column 1: sed: unknown field; known here: apiVersion, kind, title"),
        ("seed: -1", "line 3, column 1: seed: must be a whole number that is not negative, is a number"),
        ("nodes: 3", "line 3, column 1: nodes: must be a list, is a number"),
        ("nodes:\n- count: 3", "line 4, column 3: nodes[0]: field \"name\" is missing"),
        ("nodes:\n- name: a\n  count: 0", "line 5, column 3: nodes[0].count: must be from 1 to 8192, is 0"),
        ("nodes:\n- name: a\n  capacity: {cpu: many}", "line 5, column 14: nodes[0].capacity.cpu: must be a quantity"),
        (
            "nodes:\n- name: a\n  taints: [{key: k, effect: Never}]",
            "line 5, column 21: nodes[0].taints[0].effect: must be NoSchedule, PreferNoSchedule or NoExecute, is \"Never\"",
        ),
        ("config: {nodeGrace: soon}", "line 3, column 10: config.nodeGrace: must be a duration such as 10s or 1m30s"),
        ("config: {nodeGrace: 1m, x: 1}", "line 3, column 25: config.x: unknown setting; known: "),
        ("images: [{name: a, exitCode: 256}]", "images[0].exitCode: must be from 0 to 255, is 256"),
        ("manifests: [1]", "line 3, column 13: manifests[0]: must be a map, is a number"),
        ("traffic: [{service: web}]", "line 3, column 11: traffic[0]: field \"rate\" is missing"),
        ("traffic: [{service: web, rate: fast}]", "traffic[0].rate: a rate is requests per second or off"),
        ("timeline:\n- do: failNode a", "line 4, column 3: timeline[0]: field \"at\" is missing"),
        ("timeline:\n- at: 1s", "line 4, column 3: timeline[0]: a step has one of do, apply and addNodes"),
        (
            "timeline:\n- {at: 1s, do: explode}",
            "line 4, column 12: timeline[0].do: unknown action \"explode\"; known: ",
        ),
        ("timeline:\n- {at: 1s, do: failNode}", "line 4, column 12: timeline[0].do: failNode needs a node"),
        ("timeline:\n- {at: 1s, do: failNode a b}", "timeline[0].do: failNode: \"b\" is too much"),
        ("timeline:\n- {at: 1s, do: crash web}", "timeline[0].do: \"web\" must be KIND/NAME"),
    ] {
        let error = Scenario::parse(&format!("{head}{text}\n")).expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?}\n gives  {error:?}\n not    {expected:?}");
    }
}

#[test]
fn an_action_reads_as_it_is_written() {
    for text in [
        "failNode node-2",
        "restoreNode node-2",
        "partitionNode node-2",
        "healNode node-2",
        "fillDisk a",
        "freeDisk a",
        "removeNode a",
        "slowPulls 10",
        "slowPulls 10 node-1",
        "crash pod/web-1 exit=137",
        "crash pod/app=web#2 container=side exit=1",
        "traffic web:80 1.500",
        "traffic web:80 20.000 -n shop",
        "sampleTraffic 1s",
        "label pod/app=web#0 app=debug old-",
        "cordon a",
        "uncordon a",
        "delete service/web -n shop",
    ] {
        let action: Action = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(action.to_string(), text);
        let again: Action = serde_json::from_value(serde_json::to_value(&action).unwrap()).unwrap();
        assert_eq!(again, action, "{text}");
    }
}

proptest! {
    #![proptest_config(property::cases(400))]

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,200}") {
        let _ = manifest::parse(&text);
        let _ = Scenario::parse(&text);
        let _ = text.parse::<Action>();
        let _ = parse_span(&text);
        let _ = manifest::locate(&text, 1, &text);
    }

    #[test]
    fn nothing_that_looks_like_yaml_makes_them_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", ": ", "- ", "\n", "  ", "{", "}", "[", "]", ",", "&x ", "*x", "!!str ", "'", "\"", "|", ">", "#", "---\n",
            "...\n", "?", "<<", "0", "1e9", "~", "\t", "%YAML 1.2\n", "\u{feff}", "é",
        ]), 0..40)
    ) {
        let text = parts.concat();
        let _ = manifest::locate(&text, 0, "a.a[0].a");
        let _ = Scenario::parse(&format!("apiVersion: kubarium.io/v1\nkind: Scenario\n{text}"));
    }

    #[test]
    fn json_reads_as_json(numbers in prop::collection::vec(any::<i64>(), 0..8), word in "[a-z\\\\\"é\\n]{0,12}") {
        let value = json!({"n": numbers, "w": word, "m": {"x": [null, true, {"y": word}]}});
        prop_assert_eq!(only(&value.to_string()), value.clone());
        prop_assert_eq!(only(&format!("---\n{value:#}\n")), value);
    }

    #[test]
    fn a_duration_reads_as_it_is_written(micros in 0i64..100 * 365 * 86_400_000_000) {
        let span = kubarium_core::Span(micros);
        prop_assert_eq!(parse_span(&format_span(span)), Some(span));
    }
}
