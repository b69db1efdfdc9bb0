//! TLS files of a Docker host: what is wrong with them is said before anything is bound.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::certificates::Authority;
use kubarium_tests::server::{Directory, Server, run};

#[test]
fn a_file_that_is_missing_or_wrong_is_named_with_its_option_before_anything_is_bound() {
    let data = Directory::new().unwrap();
    let (good, other) = (
        Authority::new().unwrap().issue(&data.join("a"), "a").unwrap(),
        Authority::new().unwrap().issue(&data.join("b"), "b").unwrap(),
    );
    let file = |name: &str, bytes: &[u8]| {
        let path = data.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let (ca, cert, key) =
        (good.ca.display().to_string(), good.cert.display().to_string(), good.key.display().to_string());
    let missing = data.join("missing.pem").display().to_string();
    let empty = file("empty.pem", b"");
    let noise = file("noise.pem", &[0xff, 0x00, 0x80, 0x0a].repeat(100));
    let page = file("page.pem", b"<!DOCTYPE html><p>not found</p>\n");
    let pem = std::fs::read_to_string(&good.cert).unwrap();
    let half = file("half.pem", &pem.as_bytes()[..pem.len() / 2]);
    let hollow = file("hollow.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let directory = data.path().display().to_string();
    let foreign = other.key.display().to_string();
    for (ca, cert, key, says) in [
        (&missing, &cert, &key, format!("ca={missing}: No such file")),
        (&ca, &missing, &key, format!("cert={missing}: No such file")),
        (&ca, &cert, &missing, format!("key={missing}: No such file")),
        (&directory, &cert, &key, format!("ca={directory}: ")),
        (&empty, &cert, &key, format!("ca={empty}: no certificate in it")),
        (&page, &cert, &key, format!("ca={page}: no certificate in it")),
        (&noise, &cert, &key, format!("ca={noise}: ")),
        (&half, &cert, &key, format!("ca={half}: not PEM")),
        (&hollow, &cert, &key, format!("ca={hollow}: not a certificate")),
        (&key, &cert, &key, format!("ca={key}: no certificate in it")),
        (&ca, &half, &key, format!("cert={half}: not PEM")),
        (&ca, &key, &key, format!("cert={key}: no certificate in it")),
        (&ca, &cert, &cert, format!("key={cert}: no private key in it")),
        (&ca, &cert, &page, format!("key={page}: no private key in it")),
        (&ca, &cert, &foreign, format!("key={foreign}: does not go with cert={cert}")),
    ] {
        let endpoint = format!("a=tcp://127.0.0.1:9?ca={ca}&cert={cert}&key={key}");
        // The port is taken: were it bound first, that would be the error.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap().to_string();
        let own = data.join("data").display().to_string();
        let output = run(&["serve", "--listen", &listen, "--data-dir", &own, "--docker", &endpoint]).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{endpoint}: {said}");
        assert!(said.lines().count() == 1 && said.contains(&says), "{endpoint}: {said}");
        assert!(!data.join("data").exists(), "nothing was made");
    }
    // The same is said to whoever adds a host while the server runs.
    let server = Server::start(data.path(), &[]).unwrap();
    let endpoint = format!("tcp://127.0.0.1:9?ca={page}&cert={cert}&key={key}");
    let host = serde_json::json!({"name": "a", "endpoint": endpoint});
    let (status, answer) = server.send("POST", "/apis/kubarium.io/v1/dockerhosts", &host);
    assert_eq!(status, 422);
    assert!(answer["message"].as_str().unwrap().contains(&format!("ca={page}: no certificate in it")), "{answer}");
}
