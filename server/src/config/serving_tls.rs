//! Whether the server speaks TLS, and what it shows its clients.

use super::file::ConfigFile;
use super::settings::{Field, ServeArguments};
use super::{TLS_DIRECTORY, default_data_dir};
use crate::failure::Failure;
use clap::Args;
use rustls::pki_types::ServerName;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Flags of `kubarium serve` about TLS.
#[derive(Args, Debug, Default)]
pub(super) struct TlsArguments {
    /// Speak TLS, with a certificate of an authority that is made once in the data directory; `kubarium kubeconfig` tells
    /// clients of it. They need a token then. [default: off loopback]
    #[arg(long)]
    tls: bool,
    /// Speak plain HTTP off loopback too, as behind a proxy that speaks TLS. Tokens can then be read on their way.
    #[arg(long, conflicts_with_all = ["tls", "tls_cert", "tls_key", "tls_name"])]
    no_tls: bool,
    /// Speak TLS with this certificate, and those that lead from it to its authority: a PEM file.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Key of --tls-cert: a PEM file.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A name or address under which clients reach the server, for its certificate; besides localhost, loopback, the
    /// address of --listen and each --allowed-host. May be repeated.
    #[arg(long, value_name = "NAME")]
    tls_name: Vec<String>,
}

/// What the server shows its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServingTls {
    /// A certificate of an authority of its own.
    Own {
        /// Where both are kept.
        directory: PathBuf,
        /// The names and addresses under which clients may reach the server.
        names: BTreeSet<String>,
    },
    /// A certificate that it is given; both are PEM files.
    Files {
        /// The certificate, and those that lead to its authority.
        cert: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

impl ServingTls {
    /// None where plain HTTP is spoken: on loopback, unless told otherwise. `hosts` are the names that were allowed, to
    /// which those for TLS are added.
    pub(super) fn gather(
        arguments: &ServeArguments,
        file: &ConfigFile,
        field: &Field,
        listen: SocketAddr,
        hosts: &mut BTreeSet<String>,
    ) -> Result<Option<Self>, Failure> {
        let files = match (
            arguments.tls.tls_cert.clone().or(file.tls_cert.clone()),
            arguments.tls.tls_key.clone().or(file.tls_key.clone()),
        ) {
            (Some(cert), Some(key)) => Some(Self::Files { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(field.wrong("tls-cert", "its key is needed, too: give --tls-key")),
            (None, Some(_)) => return Err(field.wrong("tls-key", "a certificate is needed, too: give --tls-cert")),
        };
        let extra: BTreeSet<String> =
            arguments.tls.tls_name.iter().chain(&file.tls_names).map(|name| name.to_ascii_lowercase()).collect();
        for name in &extra {
            match ServerName::try_from(name.as_str()) {
                Ok(ServerName::DnsName(_)) => _ = hosts.insert(name.clone()),
                Ok(_) => {}
                Err(_) => return Err(field.wrong("tls-name", &format!("`{name}` is no host name and no address"))),
            }
        }
        let told = if arguments.tls.no_tls { Some(false) } else { arguments.tls.tls.then_some(true).or(file.tls) };
        let spoken = told.unwrap_or(files.is_some() || !extra.is_empty() || !listen.ip().is_loopback());
        if !spoken {
            return Ok(None);
        }
        if let Some(files) = files {
            if !extra.is_empty() {
                return Err(field.wrong("tls-name", "does not go with --tls-cert, whose names are its own"));
            }
            return Ok(Some(files));
        }
        let data_dir = match arguments.data_dir.clone().or(file.data_dir.clone()) {
            Some(dir) => dir,
            None => default_data_dir()?,
        };
        let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        if !listen.ip().is_unspecified() {
            names.insert(listen.ip().to_string());
        }
        names.extend(hosts.iter().cloned().chain(extra));
        Ok(Some(Self::Own { directory: data_dir.join(TLS_DIRECTORY), names }))
    }
}
