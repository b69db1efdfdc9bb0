//! TLS as the server speaks it: whose certificate it shows, when that is renewed, who trusts it, and what is said where
//! something is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium::config::ServingTls;
use kubarium::tls::{AUTHORITY_FILE, Keeper, LIFETIME, RENEW_BEFORE, certificate};
use kubarium_tests::certificates::Authority;
use kubarium_tests::server::{Directory, Server, run};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, SystemTime};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_certificate_is_kept_until_its_names_or_the_time_require_another() {
    let data = Directory::new().unwrap();
    let directory = data.join("tls");
    let now = SystemTime::now();
    let (few, more) = (names(&["localhost", "127.0.0.1", "::1"]), names(&["localhost", "127.0.0.1", "::1", "host-a"]));
    let authority = || std::fs::read(directory.join(AUTHORITY_FILE)).unwrap();
    let day = Duration::from_hours(24);

    let first = certificate(&directory, &few, now).unwrap().chain;
    let trusted = authority();
    for (file, mode) in [("ca.key", 0o600), ("server.key", 0o600)] {
        let found = std::fs::metadata(directory.join(file)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }
    assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    let still = now + LIFETIME - RENEW_BEFORE - day;
    assert_eq!(certificate(&directory, &few, still).unwrap().chain, first, "kept while it holds");
    let second = certificate(&directory, &more, now).unwrap().chain;
    assert_ne!(second, first, "a new name");
    assert_eq!(certificate(&directory, &few, now).unwrap().chain, second, "one name too many does no harm");
    let third = certificate(&directory, &more, now + LIFETIME - RENEW_BEFORE + day).unwrap().chain;
    assert_ne!(third, second, "the end is near");
    std::fs::write(directory.join("server.crt"), "cut off").unwrap();
    assert_ne!(certificate(&directory, &more, now).unwrap().chain, third, "a damaged one is made anew");
    assert_eq!(authority(), trusted, "clients trust the authority, and that stays");
    std::fs::remove_file(directory.join(AUTHORITY_FILE)).unwrap();
    certificate(&directory, &more, now).unwrap();
    std::fs::write(directory.join("ca.key"), "nothing").unwrap();
    let refused = certificate(&directory, &more, now).unwrap_err().to_string();
    assert!(refused.contains("ca.key: no private key in it") && refused.contains("remove the directory"), "{refused}");
    std::fs::remove_file(directory.join("ca.key")).unwrap();
    let refused = certificate(&directory, &more, now).unwrap_err().to_string();
    assert!(refused.contains("ca.key: is missing"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_replaced_is_shown_within_the_hour_and_one_that_is_broken_is_not() {
    let data = Directory::new().unwrap();
    let authority = Authority::new().unwrap();
    let files = authority.issue(data.path(), "localhost").unwrap();
    let settings = ServingTls::Files { cert: files.cert.clone(), key: files.key.clone() };
    let (keeper, mut current) = Keeper::new(settings).unwrap();
    tokio::spawn(keeper.run());
    let hour = Duration::from_secs(3700);
    tokio::time::sleep(hour).await;
    assert!(!current.has_changed().unwrap(), "nothing is new");
    std::fs::write(&files.cert, "broken").unwrap();
    tokio::time::sleep(hour).await;
    assert!(!current.has_changed().unwrap(), "what is broken is not shown");
    authority.issue(data.path(), "localhost").unwrap();
    tokio::time::sleep(hour).await;
    assert!(current.has_changed().unwrap(), "the new one is shown");
    current.borrow_and_update();
}

/// Asks a server with our own command, with these flags.
fn clock(url: &str, flags: &[&str]) -> Output {
    run(&[&["clock", "--server", url], flags].concat()).unwrap()
}

#[test]
fn our_own_commands_trust_the_authority_that_they_are_told_and_no_other() {
    let (data, elsewhere) = (Directory::new().unwrap(), Directory::new().unwrap());
    let (path, other) = (data.path().to_str().unwrap(), elsewhere.path().to_str().unwrap());
    let server = Server::simulate(data.path(), "demo", &["--paused", "--tls", "--data-dir", path]).unwrap();
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let answered = |output: &Output| output.status.success() && said(output).contains("2026-01-01T00:00:00Z  paused");

    assert!(answered(&clock(&server.url, &["--data-dir", path])), "the one in the data directory");
    let (authority, token) = (data.join("tls/ca.crt"), data.join("token"));
    let (authority, token) = (authority.to_str().unwrap(), token.to_str().unwrap());
    let told = ["--token-file", token, "--certificate-authority", authority, "--data-dir", other];
    assert!(answered(&clock(&server.url, &told)));
    let by_name = server.url.replace("127.0.0.1", "localhost");
    assert!(answered(&clock(&by_name, &["--data-dir", path])));

    let stranger = Authority::new().unwrap().issue(elsewhere.path(), "localhost").unwrap().ca;
    for flags in [
        vec!["--data-dir", other, "--token-file", token],
        vec!["--certificate-authority", stranger.to_str().unwrap(), "--data-dir", path],
    ] {
        let refused = clock(&server.url, &flags);
        assert_eq!(refused.status.code(), Some(1), "{flags:?}");
        let said = said(&refused);
        assert!(said.contains("is not trusted") && said.contains("--certificate-authority names"), "{said}");
    }

    let config = run(&["kubeconfig", "--server", &server.url, "--data-dir", path]).unwrap();
    let file = data.join("kubeconfig");
    std::fs::write(&file, &config.stdout).unwrap();
    assert!(answered(&run(&["clock", "--kubeconfig", file.to_str().unwrap()]).unwrap()));
    let stepped = run(&["clock", "step", "1m", "--kubeconfig", file.to_str().unwrap()]).unwrap();
    assert!(said(&stepped).contains("2026-01-01T00:01:00Z"), "{}", said(&stepped));

    let address = server.url.strip_prefix("https://").unwrap();
    let plainly = clock(&format!("http://{address}"), &[]);
    assert!(said(&plainly).contains("use https instead of http"), "{}", said(&plainly));
    let mut plain = TcpStream::connect(address).unwrap();
    write!(plain, "GET /version HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("use https instead of http"), "{answer}");
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_named_with_what_is_wrong() {
    let data = Directory::new().unwrap();
    let file = data.join("kubeconfig");
    let rest = "contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n";
    for (text, says) in [
        ("current-context: c".to_owned(), "there is no context named \"c\""),
        (rest.to_owned(), "it has no current-context"),
        (format!("current-context: c\n{rest}"), "there is no cluster named \"c\""),
        (format!("current-context: c\n{rest}clusters: [{{name: c, cluster: {{}}}}]"), "server"),
        (
            format!(
                "current-context: c\n{rest}clusters: [{{name: c, cluster: \
                 {{server: 'https://a', certificate-authority-data: '%'}}}}]"
            ),
            "certificate-authority-data is not base64",
        ),
        (
            format!(
                "current-context: c\n{rest}clusters: [{{name: c, cluster: \
                 {{server: 'https://a', certificate-authority: ca.crt}}}}]"
            ),
            "ca.crt: No such file",
        ),
    ] {
        std::fs::write(&file, &text).unwrap();
        let output = run(&["clock", "--kubeconfig", file.to_str().unwrap()]).unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{text}: {said}");
        assert!(said.contains(file.to_str().unwrap()) && said.contains(says), "{text}: {said}");
    }
    let both = run(&["clock", "--kubeconfig", file.to_str().unwrap(), "--server", "https://b"]).unwrap();
    assert_eq!(both.status.code(), Some(2), "{}", said(&both));
}

#[test]
fn a_given_certificate_is_shown_and_one_that_cannot_be_is_named_with_its_file() {
    let data = Directory::new().unwrap();
    let ours = Authority::new().unwrap();
    let right = ours.issue(&data.join("right"), "127.0.0.1").unwrap();
    let foreign = ours.issue(&data.join("foreign"), "127.0.0.1").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (cert, key, ca) = (text(&right.cert), text(&right.key), text(&right.ca));
    let path = text(data.path());
    let arguments = ["--tls-cert", &cert, "--tls-key", &key, "--data-dir", &path];
    let server = Server::simulate(data.path(), "demo", &arguments).unwrap();
    let answered = clock(&server.url, &["--certificate-authority", &ca, "--data-dir", &path]);
    assert!(answered.status.success(), "{}", said(&answered));
    drop(server);

    let (missing, empty) = (text(&data.join("none.pem")), text(&data.join("empty.pem")));
    std::fs::write(&empty, "").unwrap();
    let (other, token) = (text(&foreign.key), text(&data.join("token")));
    for (arguments, says) in [
        (vec!["--tls-cert", &missing, "--tls-key", &key], format!("--tls-cert: {missing}: No such file")),
        (vec!["--tls-cert", &empty, "--tls-key", &key], format!("--tls-cert: {empty}: no certificate in it")),
        (vec!["--tls-cert", &key, "--tls-key", &key], format!("--tls-cert: {key}: no certificate in it")),
        (vec!["--tls-cert", &cert, "--tls-key", &missing], format!("--tls-key: {missing}: No such file")),
        (vec!["--tls-cert", &cert, "--tls-key", &cert], format!("--tls-key: {cert}: no private key in it")),
        (vec!["--tls-cert", &cert, "--tls-key", &other], format!("--tls-key: {other} does not go with")),
        (vec!["--tls-cert", &cert], "--tls-cert: its key is needed".to_owned()),
        (vec!["--tls-key", &key], "--tls-key: a certificate is needed".to_owned()),
        (vec!["--tls-name", "a b"], "--tls-name: `a b` is no host name".to_owned()),
        (vec!["--tls-cert", &cert, "--tls-key", &key, "--tls-name", "a"], "--tls-name: does not go".to_owned()),
        (vec!["--tls", "--no-tls"], "cannot be used with".to_owned()),
        (vec!["--tls", "--token-file", &token, "--data-dir", "/dev/null"], "--tls: /dev/null/tls: ".to_owned()),
    ] {
        let output = run(&[&["serve", "--simulate", "demo", "--listen", "127.0.0.1:0"], arguments.as_slice()].concat());
        let output = output.unwrap();
        let said = said(&output);
        assert!(output.status.code() == Some(2) && said.contains(&says), "{arguments:?}: {said}");
    }
}

#[test]
fn off_loopback_tls_is_spoken_unless_told_otherwise() {
    let data = Directory::new().unwrap();
    let path = data.path().to_str().unwrap();
    let log = || std::fs::read_to_string(data.join("server.log")).unwrap();
    let arguments = ["--data-dir", path, "--listen", "0.0.0.0:0"];
    let server = Server::simulate(data.path(), "demo", &arguments).unwrap();
    assert!(server.url.starts_with("https://"), "{}", server.url);
    assert!(!log().contains("tokens can be read"));
    drop(server);
    let server = Server::simulate(data.path(), "demo", &[&arguments[..], &["--no-tls"]].concat()).unwrap();
    assert!(server.url.starts_with("http://"), "{}", server.url);
    assert!(log().contains("tokens can be read on their way"), "{}", log());
    drop(server);
    // A name that clients use is one they may use, and one that the certificate has.
    let named = [&arguments[..], &["--tls-name", "host-a"]].concat();
    let server = Server::simulate(data.path(), "demo", &named).unwrap();
    assert_eq!(server.status("GET", "/readyz", &[("host", "host-a")]), 200);
    assert_eq!(server.status("GET", "/readyz", &[("host", "host-b")]), 403);
}
