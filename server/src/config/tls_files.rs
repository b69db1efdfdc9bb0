//! The files with which an engine and the server know each other: found, read and held against each other beforehand.

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};

/// Files for mutual TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate of the authority that signed the engine's.
    pub ca: PathBuf,
    /// Certificate to show the engine.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Whether they can be used at all. The error names the option, the file and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.client().map(drop)
    }

    /// How to speak TLS with the engine.
    pub fn client(&self) -> Result<ClientConfig, String> {
        let wrong = |option: &str, path: &Path, what: &str| format!("{option}={}: {what}", path.display());
        let mut authorities = RootCertStore::empty();
        for certificate in certificates(&self.ca).map_err(|e| wrong("ca", &self.ca, &e))? {
            let added = authorities.add(certificate);
            added.map_err(|e| wrong("ca", &self.ca, &format!("not a certificate that can be used: {e}")))?;
        }
        let shown = certificates(&self.cert).map_err(|e| wrong("cert", &self.cert, &e))?;
        let key = PrivateKeyDer::from_pem_file(&self.key);
        let key = key.map_err(|e| wrong("key", &self.key, &in_words(e, "no private key in it")))?;
        ClientConfig::builder()
            .with_root_certificates(authorities)
            .with_client_auth_cert(shown, key)
            .map_err(|e| wrong("key", &self.key, &format!("does not go with cert={}: {e}", self.cert.display())))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    const NONE: &str = "no certificate in it";
    let found = CertificateDer::pem_file_iter(path).map_err(|e| in_words(e, NONE))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|e| in_words(e, NONE))?;
    if found.is_empty() { Err(in_words(PemError::NoItemsFound, NONE)) } else { Ok(found) }
}

fn in_words(error: PemError, none: &str) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        PemError::NoItemsFound => format!("{none}; PEM is expected"),
        other => format!("not PEM: {other}"),
    }
}
