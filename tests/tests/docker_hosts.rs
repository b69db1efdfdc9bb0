//! The hosts the Docker tests stand on are real: apart from each other, cut off and healed at will.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::hosts::Hosts;

#[test]
fn hosts_are_apart_and_can_be_cut_off_and_healed() {
    let mut hosts = Hosts::start(2).expect("two engines start");
    let serve =
        ["run", "-d", "-p", "8080:80", "busybox:1", "sh", "-c", "echo hello > /tmp/index.html; httpd -f -p 80 -h /tmp"];
    hosts.host(0).docker(&serve).expect("a container runs on the first host");
    assert_eq!(hosts.host(1).docker(&["ps", "-q"]).unwrap(), "", "the second host knows nothing of it");

    hosts.partition(0).unwrap();
    let cut_off = hosts.host(0).address.clone();
    let reach = || {
        std::net::TcpStream::connect_timeout(
            &format!("{cut_off}:8080").parse().unwrap(),
            std::time::Duration::from_millis(700),
        )
    };
    assert!(reach().is_err(), "nobody reaches a host that is cut off");
    hosts.heal(0).unwrap();
    assert!((0..20).any(|_| reach().is_ok()), "it is reached again once healed");
    assert_eq!(hosts.host(0).docker(&["ps", "-q"]).unwrap().lines().count(), 1, "its container went on");

    hosts.host(0).stop_engine().unwrap();
    hosts.host(0).start_engine().unwrap();
    assert_eq!(hosts.host(0).docker(&["ps", "-q"]).unwrap(), "", "containers end with their engine");
}
