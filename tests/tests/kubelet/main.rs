//! The kubelet's logic through [`kubarium_core::Cluster::handle`] only: transcripts in `scripts/`, each a rule, and
//! properties over random orders of what can go wrong.
//!
//! A transcript that changed on purpose is written anew by `KUBARIUM_BLESS=1 cargo test -p kubarium-tests --test
//! kubelet`; read the difference before you keep it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod convergence;
mod machine;
mod script;

use std::path::Path;

/// Holds a transcript against what really comes of its inputs.
fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/kubelet/scripts/{name}.txt"));
    let expected = std::fs::read_to_string(&path).unwrap();
    let actual = script::run(&expected);
    if std::env::var_os("KUBARIUM_BLESS").is_some() {
        std::fs::write(&path, &actual).unwrap();
    } else if actual != expected {
        let at = actual.lines().zip(expected.lines()).take_while(|(a, b)| a == b).count();
        panic!("{name}.txt differs from line {} on; really it is:\n{actual}", at + 1);
    }
}

macro_rules! scripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*

        /// A transcript that no test reads is a defect.
        #[test]
        fn every_script_is_run() {
            let known = [$(stringify!($name)),*];
            for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubelet/scripts")).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(known.contains(&name.trim_end_matches(".txt")), "{name} is not run");
            }
        }
    };
}

scripts! {
    a_bound_pod_is_started_and_becomes_ready
    a_deleted_pod_stops_within_its_grace_and_goes
    init_containers_run_one_after_the_other
    sidecars_start_first_and_stop_last
    a_crashing_container_backs_off
    restart_policies
    an_image_that_cannot_be_had
    a_container_that_cannot_be_created
    an_image_is_named_with_the_container_that_was_made_from_it
    a_sandbox_that_cannot_be_made
    variables_wait_for_what_they_are_taken_from
    volumes_wait_for_what_they_show
    volumes_follow_what_they_show
    readiness_probes_gate_traffic
    liveness_probes_restart
    startup_probes_hold_the_others_off
    an_active_deadline_ends_a_pod
    ephemeral_containers_join_a_pod_that_runs
    resources_change_while_a_container_runs
    resources_wait_for_room
    a_pod_that_does_not_fit_is_rejected
    a_full_disk_evicts_pods_one_by_one
    a_restarted_server_adopts_what_runs
    a_partitioned_node_catches_up
    a_silent_node_rests_until_it_is_heard
    a_rebooted_machine_starts_its_pods_again
    strays_are_removed
    a_node_joins_and_returns
    a_machine_that_does_not_answer_says_why
}
