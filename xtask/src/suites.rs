//! The test suites that need more than Rust: a browser, Docker engines, kubectl, other people's client libraries.
//!
//! They are integration tests of the `tests` package whose manifest entry names what they need as `required-features`:
//! `browser`, `docker`, `kubectl`, `clients`. Plain `cargo test` therefore neither builds nor runs them. A test that names several
//! belongs to the first, and is left out when any of them is.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::bundle;
use crate::failure::{Failure, Result};
use crate::tool::Tool;
use crate::workspace;

pub(crate) const PACKAGE: &str = "kubarium-tests";

/// What a suite needs; named as the feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Browser,
    Docker,
    Kubectl,
    Clients,
}

/// One test binary, and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) needs: Vec<Need>,
}

impl Need {
    pub(crate) const ALL: [Self; 4] = [Self::Browser, Self::Docker, Self::Kubectl, Self::Clients];

    pub(crate) fn feature(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Docker => "docker",
            Self::Kubectl => "kubectl",
            Self::Clients => "clients",
        }
    }

    pub(crate) fn tools(self) -> &'static [Tool] {
        match self {
            Self::Browser => &[Tool::Chromium, Tool::Chromedriver, Tool::AxeCore],
            Self::Docker => &[Tool::Docker, Tool::Busybox, Tool::Ip, Tool::Iptables],
            Self::Kubectl => &[Tool::Kubectl, Tool::KubectlNew, Tool::KubectlOld, Tool::Helm],
            Self::Clients => &[Tool::PythonClient, Tool::NodeClient],
        }
    }
}

/// All suites, as the manifest of the `tests` package declares them.
pub(crate) fn all() -> Result<Vec<Suite>> {
    Ok(declared(&workspace::metadata()?))
}

fn declared(metadata: &Value) -> Vec<Suite> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets =
        packages.filter(|package| package["name"] == PACKAGE).filter_map(|package| package["targets"].as_array());
    let mut suites = Vec::new();
    for target in targets.flatten() {
        let kinds = target["kind"].as_array().into_iter().flatten();
        let features = target["required-features"].as_array().into_iter().flatten();
        let needs = features.filter_map(|feature| Need::ALL.into_iter().find(|need| *feature == need.feature()));
        let needs = needs.collect::<Vec<_>>();
        if let Some(name) = target["name"].as_str()
            && kinds.into_iter().any(|kind| kind == "test")
            && !needs.is_empty()
        {
            suites.push(Suite { name: name.to_owned(), needs });
        }
    }
    suites
}

/// The suites that belong to a need: those to leave out because something else they need is, and those to run. That
/// there is none at all is a mistake in the manifest, not a success.
pub(crate) fn of<'a>(all: &'a [Suite], need: Need, left_out: &[Need]) -> Result<(Vec<&'a Suite>, Vec<&'a Suite>)> {
    let suites = all.iter().filter(|suite| suite.needs.first() == Some(&need));
    let (skipped, run): (Vec<_>, Vec<_>) =
        suites.partition(|suite| suite.needs.iter().any(|need| left_out.contains(need)));
    if skipped.is_empty() && run.is_empty() {
        let feature = need.feature();
        return Err(Failure::new(format!(
            "no suite of the package {PACKAGE} begins its required-features with {feature:?}"
        ))
        .remedy(format!("declare one in tests/Cargo.toml: required-features = [\"{feature}\"]")));
    }
    Ok((skipped, run))
}

/// The arguments that let cargo see every suite, whichever is then run: none if there are no suites.
///
/// They are always the same, because another choice of features would compile half of the dependencies once more.
pub(crate) fn features(all: &[Suite]) -> Vec<String> {
    let declared = Need::ALL.into_iter().filter(|need| all.iter().any(|suite| suite.needs.contains(need)));
    let features = declared.map(|need| format!("{PACKAGE}/{}", need.feature())).collect::<Vec<_>>().join(",");
    if features.is_empty() { Vec::new() } else { vec!["--features".to_owned(), features] }
}

/// The command that runs some of the suites, which must not be none: cargo would then run everything.
pub(crate) fn command(all: &[Suite], some: &[&Suite]) -> Command {
    let mut command = workspace::cargo();
    // The whole workspace, again so that dependencies are compiled as they were for the other tests.
    command.args(["test", "--workspace", "--no-fail-fast"]).args(features(all));
    for suite in some {
        command.args(["--test", &suite.name]);
    }
    command
}

/// Tells the tests where everything is. What is not there is not named.
pub(crate) fn environment() -> Result<Vec<(&'static str, PathBuf)>> {
    let mut variables =
        vec![("KUBARIUM_BIN", workspace::target_dir().join("debug/kubarium")), ("KUBARIUM_DIST", bundle::dist())];
    for (name, tool) in [
        ("KUBARIUM_CHROMIUM", Tool::Chromium),
        ("KUBARIUM_CHROMEDRIVER", Tool::Chromedriver),
        ("KUBARIUM_AXE", Tool::AxeCore),
        ("KUBARIUM_DOCKERD", Tool::Docker),
        ("KUBARIUM_BUSYBOX", Tool::Busybox),
        ("KUBARIUM_KUBECTL", Tool::Kubectl),
        ("KUBARIUM_KUBECTL_NEW", Tool::KubectlNew),
        ("KUBARIUM_KUBECTL_OLD", Tool::KubectlOld),
        ("KUBARIUM_HELM", Tool::Helm),
        ("KUBARIUM_PYTHON_CLIENT", Tool::PythonClient),
        ("KUBARIUM_NODE_CLIENT", Tool::NodeClient),
    ] {
        variables.extend(tool.find()?.map(|path| (name, path)));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_without_a_suite_is_a_failure_unless_its_suites_were_left_out_by_name() {
        let live = Suite { name: "live".into(), needs: vec![Need::Browser, Need::Docker] };
        let all = [live.clone()];
        assert_eq!(of(&all, Need::Browser, &[]).unwrap(), (vec![], vec![&live]));
        assert_eq!(of(&all, Need::Browser, &[Need::Docker]).unwrap(), (vec![&live], vec![]));
        let failure = of(&all, Need::Docker, &[]).unwrap_err().to_string();
        assert!(failure.contains("no suite") && failure.contains("required-features = [\"docker\"]"), "{failure}");
    }

    #[test]
    fn a_suite_is_a_test_that_requires_one_of_our_features() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "other", "targets": [{ "name": "x", "kind": ["test"], "required-features": ["docker"] }] },
            { "name": PACKAGE, "targets": [
                { "name": "scenarios", "kind": ["test"] },
                { "name": "bench", "kind": ["bin"], "required-features": ["docker"] },
                { "name": "live", "kind": ["test"], "required-features": ["browser", "docker"] },
            ]},
        ]});
        let live = Suite { name: "live".into(), needs: vec![Need::Browser, Need::Docker] };
        assert_eq!(declared(&metadata), [live]);
        let command = command(&declared(&metadata), &[&declared(&metadata)[0]]);
        assert_eq!(
            crate::step::shown(&command).split_once(' ').unwrap().1,
            "test --workspace --no-fail-fast --features kubarium-tests/browser,kubarium-tests/docker --test live"
        );
        assert!(features(&[]).is_empty());
    }
}
