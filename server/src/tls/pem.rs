//! Certificates and keys in PEM files, and what is wrong with such a file in words.

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;

/// The certificates in a file: at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    all(CertificateDer::pem_file_iter(path).and_then(Iterator::collect))
}

/// The certificates in a text: at least one.
pub(crate) fn certificates_in(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    all(CertificateDer::pem_slice_iter(text).collect())
}

/// The private key in a file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|e| in_words(e, "no private key in it"))
}

fn all(found: Result<Vec<CertificateDer<'static>>, PemError>) -> Result<Vec<CertificateDer<'static>>, String> {
    const NONE: &str = "no certificate in it";
    let found = found.map_err(|e| in_words(e, NONE))?;
    if found.is_empty() { Err(in_words(PemError::NoItemsFound, NONE)) } else { Ok(found) }
}

fn in_words(error: PemError, none: &str) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        PemError::NoItemsFound => format!("{none}; PEM is expected"),
        other => format!("not PEM: {other}"),
    }
}
