//! Where a Docker engine is reached: `unix://PATH` or `tcp://HOST:PORT`, with TLS files where it wants them.

use super::tls_files::TlsFiles;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a Docker engine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket on this machine. Its pods are reached at their own addresses.
    Unix {
        /// The socket's path.
        path: PathBuf,
    },
    /// Another machine. Its pods are reached through published ports.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// Files for TLS, where the engine wants it.
        tls: Option<TlsFiles>,
        /// On which of its addresses the host publishes pods' ports.
        publish: IpAddr,
    },
}

/// The accepted forms, for help and errors.
pub const ENDPOINT_FORMS: &str =
    "unix://PATH, tcp://HOST:PORT or tcp://HOST:PORT?ca=FILE&cert=FILE&key=FILE (publish=IP may be added to tcp)";

impl Endpoint {
    /// Where it is, without its options: what errors name.
    pub fn address(&self) -> String {
        match self {
            Self::Unix { path } => format!("unix://{}", path.display()),
            Self::Tcp { host, port, .. } if host.contains(':') => format!("tcp://[{host}]:{port}"),
            Self::Tcp { host, port, .. } => format!("tcp://{host}:{port}"),
        }
    }

    /// Host part under which its published ports are reached; none for this machine.
    pub fn remote_host(&self) -> Option<&str> {
        match self {
            Self::Unix { .. } => None,
            Self::Tcp { host, .. } => Some(host),
        }
    }

    /// Finds out what can be known without connecting: whether its TLS files are there and are what they should be.
    pub fn check_files(&self) -> Result<(), String> {
        match self {
            Self::Tcp { tls: Some(tls), .. } => tls.check(),
            _ => Ok(()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("`{text}` {what}; accepted are {ENDPOINT_FORMS}");
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(wrong("needs an absolute path after unix://"));
            }
            return Ok(Self::Unix { path: path.into() });
        }
        let rest = text.strip_prefix("tcp://").ok_or_else(|| wrong("is not an endpoint"))?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = authority
            .trim_end_matches('/')
            .rsplit_once(':')
            .ok_or_else(|| wrong("lacks a port, as in tcp://HOST:2375"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong("has no usable host name"));
        }
        let port: u16 = port.parse().ok().filter(|p| *p != 0).ok_or_else(|| wrong("has no port from 1 to 65535"))?;
        let (mut ca, mut cert, mut key, mut publish) = (None, None, None, None);
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if value.is_empty() {
                return Err(wrong(&format!("gives no value for `{name}`")));
            }
            match name {
                "ca" => ca = Some(PathBuf::from(value)),
                "cert" => cert = Some(PathBuf::from(value)),
                "key" => key = Some(PathBuf::from(value)),
                "publish" => {
                    publish = Some(value.parse().map_err(|_| wrong(&format!("has publish=`{value}`, no IP address")))?);
                }
                _ => return Err(wrong(&format!("has the unknown option `{name}`"))),
            }
        }
        let tls = match (ca, cert, key) {
            (Some(ca), Some(cert), Some(key)) => Some(TlsFiles { ca, cert, key }),
            (None, None, None) => None,
            _ => return Err(wrong("needs all of ca, cert and key for TLS")),
        };
        // An engine reached at an address of its own has that address to publish on.
        let publish = publish.unwrap_or_else(|| default_publish(host));
        Ok(Self::Tcp { host: host.to_owned(), port, tls, publish })
    }
}

fn default_publish(host: &str) -> IpAddr {
    host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address())?;
        let Self::Tcp { host, tls, publish, .. } = self else { return Ok(()) };
        let mut separator = '?';
        let mut option = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            let result = write!(f, "{separator}{name}={value}");
            separator = '&';
            result
        };
        if let Some(tls) = tls {
            option(f, "ca", &tls.ca.display())?;
            option(f, "cert", &tls.cert.display())?;
            option(f, "key", &tls.key.display())?;
        }
        if *publish != default_publish(host) {
            option(f, "publish", publish)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_written_as_it_was_read() {
        for text in [
            "unix:///var/run/docker.sock",
            "tcp://10.0.0.2:2375",
            "tcp://[fd00::2]:2375",
            "tcp://host-a.example:2376?ca=/c/ca.pem&cert=/c/cert.pem&key=/c/key.pem",
            "tcp://10.0.0.2:2375?publish=192.168.0.2",
            "tcp://10.0.0.2:2375?publish=0.0.0.0",
            "tcp://[fd00::2]:2375?publish=::",
            "tcp://host-a.example:2375?publish=::",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_endpoint_says_what_is_wrong_and_what_is_accepted() {
        for (text, what) in [
            ("", "is not an endpoint"),
            ("/var/run/docker.sock", "is not an endpoint"),
            ("http://10.0.0.2:2375", "is not an endpoint"),
            ("unix://docker.sock", "absolute path"),
            ("tcp://10.0.0.2", "lacks a port"),
            ("tcp://:2375", "host name"),
            ("tcp://a b:2375", "host name"),
            ("tcp://a:0", "no port"),
            ("tcp://a:70000", "no port"),
            ("tcp://a:2376?ca=/x", "all of ca, cert and key"),
            ("tcp://a:2376?tls=yes", "unknown option `tls`"),
            ("tcp://a:2376?ca", "no value for `ca`"),
            ("tcp://a:2376?publish=b", "no IP address"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.contains(what) && error.contains("accepted are unix://PATH"), "{text}: {error}");
        }
    }
}
